import pytest

pytest.importorskip("torch")

import torch

from engines.meflownet.follower import Follower
from engines.meflownet.learner import Learner
from engines.meflownet.losses import loss
from engines.meflownet.memory import Batch
from engines.meflownet.model import MEFlowNet
from engines.meflownet.objectives import Guessed, Pairs
from engines.meflownet.passes import SecondPass
from tests.engines.meflownet.batches import shifting


@pytest.fixture(scope="module")
def batch() -> Batch:
    return shifting(2)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_last_pairs_of_a_batch_are_learned_from_as_a_second_pass_sees_them(batch: Batch, count: int) -> None:
    torch.manual_seed(0)
    net = MEFlowNet()
    other = batch._replace(second=batch.first.roll(2, 3), facial=2 * batch.facial, head=2 * batch.head)
    mixed = Batch(*(torch.cat([a[:1], b[:1]]) for a, b in zip(batch, other, strict=True)))
    one, two = (Batch(*(part[k : k + 1] for part in mixed)) for k in range(2))
    passes = SecondPass(torch.device("cpu"))
    seen = [passes.of(net, one) if count == 2 else one, passes.of(net, two) if count else two]
    wanted = [float(loss(net(b.first, b.second), *b[2:]).detach()) for b in seen]
    assert float(Pairs(net, count)(mixed).detach()) == pytest.approx(sum(wanted) / 2, rel=1e-4)


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
