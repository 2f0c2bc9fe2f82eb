from copy import deepcopy

import pytest

pytest.importorskip("torch")

import torch

from engines.meflownet.learner import Learner
from engines.meflownet.losses import loss
from engines.meflownet.memory import Batch
from engines.meflownet.model import MEFlowNet
from engines.meflownet.objectives import Pairs
from tests.engines.meflownet.batches import shifting


@pytest.fixture(scope="module")
def batch() -> Batch:
    return shifting(1)


def learner(seed: int = 0) -> Learner:
    torch.manual_seed(seed)
    net = MEFlowNet()
    return Learner(net, Pairs(net), rate=1e-3, decay=1e-4, average=0.998)


def test_the_loss_falls_on_a_batch_seen_again(batch: Batch) -> None:
    learns = learner()
    losses = []
    for _ in range(12):
        before = learns.recent * learns.step
        learns.advance(batch, 3e-4)
        losses.append(learns.recent * learns.step - before)  # the mean of the first 50 is a plain one
    assert losses[-1] < 0.9 * losses[0]


def test_it_learns_as_torch_does_weight_by_weight(batch: Batch) -> None:
    learns = learner()
    torch.manual_seed(0)
    net = MEFlowNet()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-5, weight_decay=1e-4)
    for _ in range(2):
        learns.advance(batch, 1e-5)
        value = loss(net(batch.first, batch.second), batch.facial, batch.head, batch.valid, batch.tolerance)
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 4.0)
        optimiser.step()
    found, wanted, before = (
        torch.cat([p.detach().flatten() for p in n.parameters()]) for n in (learns.net, net, learner().net)
    )
    # Where a gradient is nothing but rounding, its sign decides the step.
    assert float((found - wanted).norm()) < 0.1 * float((wanted - before).norm())


def test_the_average_begins_to_follow_at_once(batch: Batch) -> None:
    learns = learner()
    before = learns.mean()["encoder.to_half.weight"]
    learns.advance(batch, 1e-3)
    after, mean = learns.net.encoder.to_half.weight.detach(), learns.mean()["encoder.to_half.weight"]
    assert not torch.equal(before, after)
    assert float((mean - after).abs().max()) < 0.5 * float((before - after).abs().max())
    assert bool(((mean - before) * (after - before) >= 0).all())


def test_a_pair_that_blows_a_step_up_does_not_cost_the_run(batch: Batch) -> None:
    learns = learner()
    learns.advance(batch._replace(facial=torch.full_like(batch.facial, torch.nan)), 1e-3)
    assert all(bool(torch.isfinite(w).all()) for w in learns.net.parameters())


def test_what_is_kept_is_taken_up_again(batch: Batch) -> None:
    learns, other = learner(), learner(seed=1)
    learns.advance(batch, 1e-3)
    other.restore(deepcopy(learns.state()))
    assert other.step == 1
    for taught in (learns, other):
        taught.advance(batch, 1e-3)
    for found, wanted in zip(other.net.parameters(), learns.net.parameters(), strict=True):
        assert torch.equal(found, wanted)
    assert all(torch.equal(other.mean()[name], mean) for name, mean in learns.mean().items())


def test_every_weight_is_in_its_average() -> None:
    learns = learner()
    assert list(learns.mean()) == list(learns.net.state_dict())


def test_weights_that_want_no_gradient_stay_as_they_are(batch: Batch) -> None:
    torch.manual_seed(0)
    net = MEFlowNet()
    net.encoder.requires_grad_(False)
    learns, before = Learner(net, Pairs(net), rate=1e-3, decay=1e-4, average=0.998), deepcopy(net.state_dict())
    learns.advance(batch, 1e-3)
    same = {name for name, weight in net.state_dict().items() if torch.equal(weight, before[name])}
    encoder = {f"encoder.{name}" for name in net.encoder.state_dict()}
    assert encoder <= same
    assert len(same - encoder) < 0.1 * len(before)
    assert all(torch.equal(learns.mean()[name], before[name]) for name in encoder)
