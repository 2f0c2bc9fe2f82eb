import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn

from engines.grid import CELL
from engines.meflownet.model import SIZES, Features, MEFlowNet
from tests.engines.networks import network


@pytest.fixture(scope="module")
def net() -> MEFlowNet:
    return network(seed=1)


def crops(count: int, seed: int = 0) -> Tensor:
    """Smooth random pictures (count, 3, 256, 256) uint8."""
    coarse = torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    return (255 * nn.functional.interpolate(coarse, scale_factor=8, mode="bilinear")).to(torch.uint8)


def test_flow_has_the_crops_size_and_every_step_is_told(net: MEFlowNet) -> None:
    with torch.no_grad():
        facial, head, stages = net(crops(1), crops(1, 1))
    assert facial.shape == head.shape == (1, 2, 256, 256)
    assert [tuple(stage.shape) for stage in stages] == [(1, 2, 256 // CELL, 256 // CELL)] * (1 + sum(net.config.steps))
    assert facial.isfinite().all()
    assert head.isfinite().all()


def test_features_have_the_resolutions_they_are_documented_with(net: MEFlowNet) -> None:
    with torch.no_grad():
        features = net.encode(crops(2).float())
    c = net.config
    assert [tuple(f.shape[1:]) for f in features] == [
        (1, 256, 256), (c.fine[0], 64, 64), (c.match, 32, 32), (c.context, 64, 64), (2, 32, 32), (c.fine[1], 128, 128),
        (c.fine[2], 256, 256),
    ]  # fmt: skip


def test_pairs_of_a_batch_do_not_touch_each_other(net: MEFlowNet) -> None:
    first, second = crops(2), crops(2, 1)
    with torch.no_grad():
        together = net(first, second)
        alone = net(first[1:], second[1:])
    for a, b in zip(together[:2], alone[:2], strict=True):
        assert torch.allclose(a[1:], b, atol=1e-3)


def test_each_crop_is_read_for_what_it_is_documented_to_be(net: MEFlowNet) -> None:
    """All of the first but its shades, three features of the second; and all of these matter."""
    with torch.no_grad():
        first, second = net.encode(crops(1).float()), net.encode(crops(1, 1).float())
        plain = net.matcher(first, second)[0]
        for name in Features._fields:
            changed = torch.rand_like(getattr(first, name))
            found = [
                net.matcher(first._replace(**{name: changed}), second)[0],
                net.matcher(first, second._replace(**{name: changed}))[0],
            ]
            read = [not torch.allclose(flow, plain, atol=1e-4) for flow in found]
            assert read == [name != "shade", name in ("shade", "quarter", "coarse")]


def test_training_reaches_every_weight() -> None:
    net = network(seed=2, strength=0.05).train()
    facial, head, stages = net(crops(1), crops(1, 1))
    chance = torch.Generator().manual_seed(0)
    sum((f * torch.randn(f.shape, generator=chance)).mean() for f in (facial, head, *stages)).backward()
    unreached = [name for name, w in net.named_parameters() if w.grad is None or not w.grad.any()]
    assert not unreached
    assert all(bool(w.grad.isfinite().all()) for w in net.parameters())


def test_channels_that_answer_nothing_can_still_learn() -> None:
    net = network(seed=1)
    with torch.no_grad():
        net.encoder.to_eighth.bias.fill_(-100.0)
    facial, _, _ = net(crops(1), crops(1, 1))
    facial.square().mean().backward()
    for learned in (net.encoder.to_eighth.weight.grad, net.encoder.to_eighth.bias.grad):
        assert learned is not None
        assert all(channel.any() for channel in learned)


def test_both_sizes_can_be_built_and_the_one_for_a_gpu_is_larger() -> None:
    weights = {name: sum(w.numel() for w in MEFlowNet(config).parameters()) for name, config in SIZES.items()}
    assert weights["b"] > 5 * weights["s"]
    assert MEFlowNet().config == SIZES["s"]
    assert len(MEFlowNet(SIZES["b"]).matcher.refiners) == sum(SIZES["b"].steps)


def test_fixed_maps_are_no_weights() -> None:
    """They are made anew by whoever loads the weights, so that these hold what was trained and nothing else."""
    net = MEFlowNet()
    assert set(net.state_dict()) == {name for name, _ in net.named_parameters()}
