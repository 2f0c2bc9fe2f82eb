from copy import deepcopy

import pytest

pytest.importorskip("torch")

import torch

from calib.int8 import Crop
from engines.meflownet.follower import Follower
from engines.meflownet.model import Features, MEFlowNet, NetConfig
from tests.engines.networks import network


def encoded(net: MEFlowNet, crop: Crop) -> Features:
    with torch.no_grad():
        return net.encode(torch.from_numpy(crop.copy()).permute(2, 0, 1)[None].float())


def test_it_begins_as_the_last_steps_of_its_network(calibration: list[tuple[Crop, Crop]]) -> None:
    """Given what the steps before them find, it answers the same."""
    net = network()
    first, second = (encoded(net, crop) for crop in calibration[1])
    with torch.no_grad():
        facial, head, stages = net.matcher(first, second)
        found = Follower(net)(first, second.shade, stages[1])
    for one, other in zip((facial, head, *stages[2:]), (*found[:2], *found[2]), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_of_a_second_crop_it_reads_the_shade_and_of_the_first_what_it_says(
    calibration: list[tuple[Crop, Crop]],
) -> None:
    net = network()
    first, second = (encoded(net, crop) for crop in calibration[1])
    other = first._replace(shade=0 * first.shade, quarter=0 * first.quarter, coarse=0 * first.coarse)
    guess = torch.randn(1, 2, 64, 64)
    with torch.no_grad():
        follower = Follower(net)
        assert torch.equal(follower(first, second.shade, guess)[0], follower(other, second.shade, guess)[0])


def test_only_its_own_steps_and_its_cleaner_learn() -> None:
    follower = Follower(network())
    learn = {name.split(".")[0] for name, weight in follower.named_parameters() if weight.requires_grad}
    stay = {name.split(".")[0] for name, weight in follower.named_parameters() if not weight.requires_grad}
    assert learn == {"refiners", "cleaner"}
    assert stay == {"levels", "head"}


def test_it_shares_nothing_with_its_network() -> None:
    net = network()
    before = deepcopy(net.state_dict())
    with torch.no_grad():
        for weight in Follower(net).parameters():
            weight.add_(1)
    assert all(torch.equal(weight, before[name]) for name, weight in net.state_dict().items())


def test_of_repeated_steps_it_takes_the_last_of_each_resolution() -> None:
    torch.manual_seed(0)
    net = MEFlowNet(NetConfig(steps=(2, 1, 2)))
    follower = Follower(net)
    for own, wanted in zip(follower.refiners, (net.matcher.refiners[2], net.matcher.refiners[4]), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(own.parameters(), wanted.parameters(), strict=True))
