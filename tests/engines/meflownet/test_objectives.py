import pytest

pytest.importorskip("torch")

import torch

from engines.meflownet.follower import Follower
from engines.meflownet.learner import Learner
from engines.meflownet.losses import loss
from engines.meflownet.memory import Batch
from engines.meflownet.model import MEFlowNet
from engines.meflownet.objectives import Guessed, Pairs
from tests.engines.meflownet.batches import shifting


@pytest.fixture(scope="module")
def batch() -> Batch:
    return shifting(2)


def test_a_network_learns_from_a_batch_as_it_is(batch: Batch) -> None:
    torch.manual_seed(0)
    net = MEFlowNet()
    wanted = loss(net(batch.first, batch.second), batch.facial, batch.head, batch.valid, batch.tolerance)
    assert float(Pairs(net)(batch).detach()) == float(wanted.detach())


def test_a_follower_learns_to_go_on_from_a_guess_and_the_network_stays(batch: Batch) -> None:
    torch.manual_seed(0)
    net = MEFlowNet().eval()
    before = {name: weight.clone() for name, weight in net.state_dict().items()}
    follower = Follower(net)
    learns = Learner(follower, Guessed(net, follower), rate=1e-3, decay=1e-4, average=0.998)
    losses = []
    for _ in range(14):
        torch.manual_seed(1)  # the same guesses
        told = learns.recent * learns.step
        learns.advance(batch, 1e-3)
        losses.append(learns.recent * learns.step - told)
    assert losses[-1] < 0.95 * losses[0]  # the head's share of the loss is not theirs to lower
    assert all(torch.equal(weight, before[name]) for name, weight in net.state_dict().items())
