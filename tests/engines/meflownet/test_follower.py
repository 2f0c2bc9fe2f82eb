from copy import deepcopy

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn

from calib.int8 import Crop
from engines.meflownet.follower import Follower
from engines.meflownet.model import Features, MEFlowNet, NetConfig
from tests.engines.networks import network


def encoded(net: MEFlowNet, crop: Crop) -> Features:
    with torch.no_grad():
        return net.encode(torch.from_numpy(crop.copy()).permute(2, 0, 1)[None].float())


class Unmoved(nn.Module):
    """An affine step that finds nothing to move."""

    def forward(self, first: Tensor, second: Tensor, trust: Tensor, flow: Tensor) -> Tensor:
        """The flow as it is."""
        return flow


def test_it_begins_as_the_last_step_of_its_network(calibration: list[tuple[Crop, Crop]]) -> None:
    """Given what the steps before it find, it answers the same, but for what the affine step makes of that."""
    net = network()
    first, second = (encoded(net, crop) for crop in calibration[1])
    follower = Follower(net)
    follower.affine = Unmoved()  # type: ignore[assignment]
    with torch.no_grad():
        facial, head, stages = net.matcher(first, second)
        found = follower(first, second.shade, stages[-2])
    for one, other in zip((facial, head, stages[-1]), (*found[:2], *found[2]), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_a_guess_that_lacks_a_shift_is_as_good(calibration: list[tuple[Crop, Crop]]) -> None:
    net = network()
    first, second = (encoded(net, crop) for crop in calibration[1])
    follower = Follower(net)
    with torch.no_grad():
        _, _, stages = net.matcher(first, second)
        guess = stages[-1]
        shifted = guess + torch.tensor([2.0, -1.5]).reshape(1, 2, 1, 1)
        found, other = (follower(first, second.shade, begun)[0] for begun in (guess, shifted))
    assert float((found - other)[..., 16:48, 16:48].norm(dim=1).mean()) < 0.2


def test_of_a_second_crop_it_reads_the_shade_and_of_the_first_what_it_says(
    calibration: list[tuple[Crop, Crop]],
) -> None:
    net = network()
    first, second = (encoded(net, crop) for crop in calibration[1])
    other = first._replace(quarter=0 * first.quarter, coarse=0 * first.coarse, half=0 * first.half)
    guess = torch.randn(1, 2, 64, 64)
    with torch.no_grad():
        follower = Follower(net)
        assert torch.equal(follower(first, second.shade, guess)[0], follower(other, second.shade, guess)[0])


def test_only_its_own_step_and_its_cleaner_learn() -> None:
    follower = Follower(network())
    learn = {name.split(".")[0] for name, weight in follower.named_parameters() if weight.requires_grad}
    stay = {name.split(".")[0] for name, weight in follower.named_parameters() if not weight.requires_grad}
    assert learn == {"refiner", "cleaner"}
    assert stay == {"level", "head"}


def test_it_shares_nothing_with_its_network() -> None:
    net = network()
    before = deepcopy(net.state_dict())
    with torch.no_grad():
        for weight in Follower(net).parameters():
            weight.add_(1)
    assert all(torch.equal(weight, before[name]) for name, weight in net.state_dict().items())


def test_of_repeated_steps_it_takes_the_last() -> None:
    torch.manual_seed(0)
    net = MEFlowNet(NetConfig(steps=(2, 1, 2)))
    pairs = zip(Follower(net).refiner.parameters(), net.matcher.refiners[-1].parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
