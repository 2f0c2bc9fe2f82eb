import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor
from torch.nn import functional

from engines.meflownet.grids import pixel_grid, warp
from engines.meflownet.levels import FeatureLevel, Normalised, PictureLevel

STEPS = (1, 2)


def waves(u: float = 0.0, v: float = 0.0, strain: float = 0.0) -> Tensor:
    """A sum of smooth waves (1, 1, 256, 256), stretched about the middle and moved by (u, v) px."""
    chance = torch.Generator().manual_seed(0)
    axis = torch.arange(256, dtype=torch.float32) - 127.5
    x, y = (axis[None] / (1 + strain) - u)[None, None], (axis[:, None] / (1 + strain) - v)[None, None]
    kx, ky, phase = ((torch.rand(1, 16, 1, 1, generator=chance) - 0.5) * s for s in (1.2, 1.2, 6.3))
    return torch.sin(kx * x + ky * y + phase).sum(1, keepdim=True)


def constant(u: float, v: float) -> Tensor:
    return torch.tensor([u, v])[None, :, None, None].expand(1, 2, 64, 64).contiguous()


def level(step: int) -> PictureLevel:
    return PictureLevel(step, 4)


def apart(a: Tensor, b: Tensor) -> float:
    """Mean difference off the border, over the mean size."""
    off = a.shape[-1] // 8
    inner = (..., slice(off, -off), slice(off, -off))
    return float((a - b)[inner].abs().mean() / a[inner].abs().mean())


@torch.no_grad()
@pytest.mark.parametrize("step", STEPS)
def test_features_have_the_resolution_of_their_step(step: int) -> None:
    still = level(step).features(waves())
    assert still.shape == (1, 4, 256 // step, 256 // step)
    assert level(step).moved(waves(), constant(0.0, 0.0)).shape == still.shape
    assert float(still.square().mean()) == pytest.approx(1, rel=0.3)


@torch.no_grad()
@pytest.mark.parametrize("step", STEPS)
def test_light_and_contrast_drop_out(step: int) -> None:
    features = level(step).features
    plain = features(waves())
    assert apart(plain, features(3 * waves())) < 0.02
    assert apart(plain, features(waves() + 2)) < 0.01
    assert bool(features(torch.zeros(1, 1, 256, 256)).isfinite().all())


@torch.no_grad()
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("u", "v"), [(0.0, 0.0), (0.5, -0.25), (-3.3, 2.6)])
def test_where_the_true_flow_leads_the_second_crop_looks_like_the_first(step: int, u: float, v: float) -> None:
    built = level(step)
    still, second = built.features(waves()), waves(u, v)
    assert apart(still, built.moved(second, constant(u, v))) < 0.03
    assert apart(still, built.moved(second, constant(u + 1.0, v - 1.0))) > 0.2


@torch.no_grad()
@pytest.mark.parametrize("step", STEPS)
def test_so_does_a_stretched_one(step: int) -> None:
    """Features that are fetched do not: they are those of a stretched picture."""
    built = level(step)
    axis = (4 * torch.arange(64) + 1.5 - 127.5) * 0.1
    flow = torch.stack(torch.meshgrid(axis, axis, indexing="xy"))[None]
    still, second = built.features(waves()), waves(strain=0.1)
    cells = 256 // step
    in_cells = functional.interpolate(flow, scale_factor=4 // step, mode="bilinear") / step
    fetched = warp(built.features(second), in_cells, pixel_grid(cells))
    seen = apart(still, built.moved(second, flow))
    assert seen < 0.03
    assert seen < 0.4 * apart(still, fetched)


@torch.no_grad()
@pytest.mark.parametrize("step", STEPS)
def test_as_built_a_ramp_is_answered_by_the_filters_along_it(step: int) -> None:
    ramp = torch.arange(256, dtype=torch.float32).expand(1, 1, 256, 256)
    off = 32 // step
    along, across = level(step).features(ramp)[0, :2, off:-off, off:-off]
    assert float(along.min()) > 0.5
    assert float(across.abs().max()) < 1e-3


@torch.no_grad()
@pytest.mark.parametrize(("u", "v"), [(0, 0), (2, -1)])
def test_features_are_fetched_from_where_the_flow_leads(u: int, v: int) -> None:
    features = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    moved = FeatureLevel().moved(features.roll((v, u), (2, 3)), constant(4.0 * u, 4.0 * v))
    assert torch.allclose(moved[..., 4:-4, 4:-4], features[..., 4:-4, 4:-4], atol=1e-4)


@torch.no_grad()
def test_filters_may_be_of_any_size_and_channels() -> None:
    torch.manual_seed(0)
    layer = Normalised(3, 4, 1, 128)
    picture = 5 * torch.randn(1, 3, 128, 128)
    layer.filters.bias.zero_()
    plain = layer(picture)
    assert plain.shape == (1, 4, 128, 128)
    assert float(plain.square().mean()) == pytest.approx(1, rel=0.2)
    assert torch.allclose(layer(3 * picture), plain, atol=0.02)
