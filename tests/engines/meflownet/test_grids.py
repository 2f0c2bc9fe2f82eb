from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor
from torch.nn import functional

from engines.meflownet.grids import (
    compressed,
    cubic,
    gradients,
    linear,
    pixel_grid,
    pooled,
    pooling,
    smoother,
    spread,
    spread_by_each,
    warp,
    window,
)

SIZES = [(256, 64), (128, 64), (64, 32), (32, 16), (64, 64), (16, 64)]
Interpolation = Callable[[int, int], Tensor]


def image(cells: int, seed: int = 0, channels: int = 3) -> Tensor:
    return torch.randn(1, channels, cells, cells, generator=torch.Generator().manual_seed(seed))


def centres(size: int, cells: int) -> Tensor:
    """Where the centres of `cells` cells lie on an axis of `size` samples."""
    return (torch.arange(cells) + 0.5) * size / cells - 0.5


@pytest.mark.parametrize("matrix", [cubic, linear])
@pytest.mark.parametrize(("size", "cells"), SIZES)
def test_constants_are_kept_everywhere(matrix: Interpolation, size: int, cells: int) -> None:
    found = matrix(size, cells)
    assert found.shape == (size, cells)
    assert torch.allclose(found.sum(1), torch.ones(size), atol=1e-6)


@pytest.mark.parametrize(("matrix", "power"), [(linear, 1), (cubic, 1), (cubic, 2)])
@pytest.mark.parametrize(("size", "cells"), [s for s in SIZES if s[0] >= s[1]])
def test_ramps_are_kept_in_the_interior(matrix: Interpolation, power: int, size: int, cells: int) -> None:
    margin = 2 * size // cells
    exact = (torch.arange(size) / size) ** power
    found = matrix(size, cells) @ (centres(size, cells) / size) ** power
    assert torch.allclose(found[margin:-margin], exact[margin:-margin], atol=1e-6)


def test_linear_interpolation_stays_between_its_neighbours() -> None:
    assert linear(256, 64).min() >= 0
    assert (linear(256, 64) > 0).sum(1).max() == 2


@pytest.mark.parametrize("matrix", [cubic, linear])
def test_a_grid_is_itself_at_its_own_size(matrix: Interpolation) -> None:
    assert torch.allclose(matrix(32, 32), torch.eye(32), atol=1e-6)


def test_averaging_a_ramp_and_interpolating_it_gives_it_back() -> None:
    """Cells are centred on what `avg_pool2d` averages: anything else would shift the flow by a part of a pixel."""
    axis = torch.arange(256, dtype=torch.float32)
    ramp = (0.5 * axis[None] - 0.25 * axis[:, None])[None, None]
    found = spread(cubic(256, 64), functional.avg_pool2d(ramp, 4))
    assert torch.allclose(found[..., 8:-8, 8:-8], ramp[..., 8:-8, 8:-8], atol=1e-3)


@pytest.mark.parametrize("sigma", [0.8, 2.0, 5.0])
def test_a_window_averages(sigma: float) -> None:
    found = window(64, sigma)
    assert torch.allclose(found.sum(1), torch.ones(64), atol=1e-6)
    assert found.min() >= 0
    assert torch.allclose(found, found.flip(0, 1), atol=1e-7)
    middle = found[32] * (torch.arange(64) - 32.0) ** 2
    assert float(middle.sum()) == pytest.approx(sigma**2, rel=0.05)


@pytest.mark.parametrize("sigma", [0.8, 2.0, 5.0])
def test_no_number_of_a_window_is_denormal(sigma: float) -> None:
    found = window(64, sigma)
    assert float(found[found > 0].min()) > 1e-9


@pytest.mark.parametrize("size", [256, 128])
def test_pooling_is_averaging_in_blocks(size: int) -> None:
    picture = image(size)
    assert torch.allclose(pooled(pooling(64, size), picture), functional.avg_pool2d(picture, size // 64), atol=1e-5)


def test_what_is_compressed_keeps_its_order_and_is_a_logarithm_near_one() -> None:
    x = torch.logspace(-6, 4, 200)
    found = compressed(x)
    assert bool((found.diff() > 0).all())
    near = (x > 0.5) & (x < 2)
    assert torch.allclose(found[near], torch.log(x[near]), atol=0.04)


def test_a_wider_window_leaves_less_noise() -> None:
    left = [float(spread(window(64, sigma), image(64)).std()) for sigma in (0.8, 2.0, 5.0)]
    assert left[0] > 1.5 * left[1] > 2.25 * left[2]


def test_a_map_goes_over_rows_and_columns_alike() -> None:
    tall = torch.arange(32.0)[:, None].expand(32, 32)[None, None]
    taller = spread(linear(64, 32), tall)
    assert taller.shape == (1, 1, 64, 64)
    assert torch.allclose(taller[0, 0, :, 5], taller[0, 0, :, 50])
    assert torch.allclose(spread(linear(64, 32), tall.mT), taller.mT)


def test_the_pixel_grid_says_x_then_y() -> None:
    grid = pixel_grid(16)
    assert grid.shape == (1, 2, 16, 16)
    assert grid[0, :, 3, 11].tolist() == [11, 3]


@pytest.mark.parametrize("cubic", [False, True])
@pytest.mark.parametrize(("u", "v"), [(0, 0), (3, 0), (0, -2), (-4, 5)])
def test_a_flow_fetches_from_where_it_points_to(u: int, v: int, cubic: bool) -> None:
    second = image(32)
    flow = torch.tensor([u, v]).float()[None, :, None, None].expand(1, 2, 32, 32)
    fetched = warp(second, flow, pixel_grid(32), cubic)
    inner = slice(6, -6)
    wanted = second.roll((-v, -u), (2, 3))
    assert torch.allclose(fetched[..., inner, inner], wanted[..., inner, inner], atol=1e-4)


@pytest.mark.parametrize("cells", [4, 6, 10])
def test_cubic_keeps_more_of_what_is_fine_half_way_between_cells(cells: int) -> None:
    """A wave of so many cells, of which the mean of neighbours leaves cos(π / cells)."""
    wave = torch.sin(2 * torch.pi * torch.arange(32.0) / cells).expand(1, 1, 32, 32)
    half = torch.zeros(1, 2, 32, 32)
    half[:, 0] = 0.5
    exact = torch.sin(2 * torch.pi * (torch.arange(32.0) + 0.5) / cells)
    inner = (0, 0, 16, slice(4, -4))
    linear_off, cubic_off = (
        float((warp(wave, half, pixel_grid(32), cubic)[inner] - exact[4:-4]).abs().max()) for cubic in (False, True)
    )
    assert linear_off == pytest.approx(float((1 - np.cos(np.pi / cells)) * exact[4:-4].abs().max()), rel=0.01)
    assert cubic_off < 0.7 * linear_off


@pytest.mark.parametrize("share", [-0.25, 0.1, 0.25, 0.4])
def test_cubic_sees_slopes_near_their_place(share: float) -> None:
    """Without what is made up for they were up to 0.05 cells beside it."""
    ramp = torch.arange(32.0).expand(1, 1, 32, 32)
    flow = torch.zeros(1, 2, 32, 32)
    flow[:, 0] = share
    beside = (warp(ramp, flow, pixel_grid(32), cubic=True) - ramp)[0, 0, 16, 16] - share
    assert abs(float(beside)) < 0.025


def test_every_place_has_its_own_flow() -> None:
    second, flow = image(32), torch.zeros(1, 2, 32, 32)
    flow[0, :, 10, 20] = torch.tensor([2.0, 7.0])
    fetched = warp(second, flow, pixel_grid(32))
    assert torch.allclose(fetched[0, :, 10, 20], second[0, :, 17, 22], atol=1e-4)
    fetched[0, :, 10, 20] = second[0, :, 10, 20]
    assert torch.allclose(fetched, second, atol=1e-4)


def test_between_pixels_their_mean_is_fetched_and_beyond_the_edge_the_last_one() -> None:
    second = image(32)
    half = torch.zeros(1, 2, 32, 32)
    half[:, 0] = 0.5
    fetched = warp(second, half, pixel_grid(32))
    assert torch.allclose(fetched[..., :-1], 0.5 * (second[..., :-1] + second[..., 1:]), atol=1e-4)
    far = warp(second, 100 * torch.ones(1, 2, 32, 32), pixel_grid(32))
    assert torch.allclose(far, second[..., -1:, -1:].expand_as(far), atol=1e-4)


def test_a_smoother_leaves_what_bends_and_takes_noise() -> None:
    sigma, inner = 2.0, slice(16, -16)
    bent = (torch.arange(64.0) - 30) ** 2
    assert torch.allclose((smoother(64, sigma) @ bent)[inner], bent[inner], atol=0.02)
    assert float(((window(64, sigma) @ bent) - bent)[inner].abs().min()) > 3
    assert torch.allclose(smoother(64, sigma).sum(1), torch.ones(64), atol=1e-5)
    left = float((smoother(64, sigma)[32] ** 2).sum())
    assert left == pytest.approx(float((window(64, sigma / 1.44)[32] ** 2).sum()), rel=0.02)


@pytest.mark.parametrize(("a", "b"), [(1.0, 0.0), (0.0, -2.0), (0.3, 0.7)])
def test_the_gradient_of_a_ramp_is_its_slope(a: float, b: float) -> None:
    axis = torch.arange(16.0)
    ramp = (a * axis[None] + b * axis[:, None])[None, None]
    along_x, along_y = gradients(ramp)
    assert along_x.shape == along_y.shape == ramp.shape
    inner = (..., slice(1, -1), slice(1, -1))
    assert np.allclose(along_x[inner], a, atol=1e-5)
    assert np.allclose(along_y[inner], b, atol=1e-5)
    # At the edge one neighbour is the pixel itself.
    assert np.allclose(along_x[..., 0], a / 2, atol=1e-5)
    assert np.allclose(along_y[..., -1, :], b / 2, atol=1e-5)


def test_several_maps_at_once_are_as_one_by_one() -> None:
    maps = torch.stack([window(16, 1.0), smoother(16, 2.0), window(16, 3.0)])
    several = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    found = spread_by_each(maps, several)
    assert found.shape == (2, 3, 3, 16, 16)
    for k, one in enumerate(maps):
        assert torch.allclose(found[:, :, k], spread(one, several), atol=1e-6)
