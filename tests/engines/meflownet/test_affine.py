from collections.abc import Sequence

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor
from torch.nn import functional

from calib.face import CROP
from engines.grid import CELLS
from engines.meflownet.affine import AffineStep

TRUST = torch.full((1, 1, 32, 32), 0.5)
INNER = (..., slice(6, -6), slice(6, -6))


def picture(seed: int = 0) -> Tensor:
    """Shades (1, 1, 256, 256) of a soft pattern, as contrasty as a face's."""
    coarse = torch.randn(1, 1, 12, 12, generator=torch.Generator().manual_seed(seed))
    return functional.interpolate(coarse, CROP, mode="bicubic", align_corners=False)


def affine(u: Sequence[float], v: Sequence[float], cells: int = CELLS) -> Tensor:
    """A flow (1, 2, cells, cells), px: each axis a + b x + c y, with x and y from -1 to 1."""
    axis = torch.linspace(-1, 1, cells)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([a + b * x + c * y for a, b, c in (u, v)])[None]


def fetched(second: Tensor, flow: Tensor) -> Tensor:
    """The first picture, of which the second is what has moved by a flow (1, 2, 256, 256) px."""
    axis = torch.arange(CROP, dtype=torch.float32)
    at = torch.stack(torch.meshgrid(axis, axis, indexing="xy"))[None] + flow
    places = ((2 * at + 1) / CROP - 1).permute(0, 2, 3, 1)
    return functional.grid_sample(second, places, mode="bicubic", padding_mode="border", align_corners=False)


def off_px(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted)[INNER].norm(dim=1).amax())


@pytest.mark.parametrize("size", [0.1, 1.0, 3.0])
@pytest.mark.parametrize(
    ("u", "v"),
    [
        ((1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)),
        ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
        ((0.0, 0.0, 1.0), (0.0, -1.0, 0.0)),
        ((0.7, -0.4, 0.2), (0.3, 0.2, 0.5)),
    ],
)
def test_it_finds_how_a_picture_moved_as_a_whole(u: Sequence[float], v: Sequence[float], size: float) -> None:
    along_x, along_y = ([size * a for a in part] for part in (u, v))
    second = picture()
    first = fetched(second, affine(along_x, along_y, CROP))
    found = AffineStep()(first, second, TRUST, torch.zeros(1, 2, CELLS, CELLS))
    assert off_px(found, affine(along_x, along_y)) < 0.08 + 0.03 * size


def test_what_it_is_given_stays_but_for_that() -> None:
    """An expression in the flow so far is kept where it is."""
    second = picture()
    shift = affine((1.0, 0, 0), (0, 0, 0), CROP)
    bump = torch.zeros(1, 2, CROP, CROP)
    bump[:, 1, 100:140, 60:110] = 4.0
    first = fetched(second, shift + bump)
    begun = functional.avg_pool2d(bump, 4)
    found = AffineStep()(first, second, TRUST, begun)
    assert off_px(found - begun, affine((1.0, 0, 0), (0, 0, 0))) < 0.2


@pytest.mark.parametrize(("gain", "offset"), [(1.2, 0.0), (0.8, 0.3), (1.0, -0.5)])
def test_light_is_no_motion(gain: float, offset: float) -> None:
    first = picture()
    found = AffineStep()(first, gain * first + offset, TRUST, torch.zeros(1, 2, CELLS, CELLS))
    assert off_px(found, torch.zeros(1, 2, CELLS, CELLS)) < 0.1


def test_what_hides_a_part_counts_little() -> None:
    second = picture()
    first = fetched(second, affine((1.5, 0, 0), (0, 0, 0), CROP))
    hidden = second.clone()
    hidden[:, :, 150:, 20:110] = picture(1)[:, :, 150:, 20:110]
    step, begun = AffineStep(), torch.zeros(1, 2, CELLS, CELLS)
    assert off_px(step(first, hidden, TRUST, begun), affine((1.5, 0, 0), (0, 0, 0))) < 0.4


def test_a_picture_without_edges_moves_nothing() -> None:
    blank = torch.zeros(2, 1, CROP, CROP)
    begun = torch.randn(2, 2, CELLS, CELLS)
    found = AffineStep()(blank, blank + 0.5, TRUST.expand(2, -1, -1, -1), begun)
    assert torch.allclose(found, begun, atol=1e-4)


def test_each_pair_of_a_batch_is_measured_alone() -> None:
    second = torch.cat([picture(0), picture(1)])
    first = torch.cat([fetched(second[:1], affine((2.0, 0, 0), (0, 1, 0), CROP)), second[1:]])
    step, begun, trust = AffineStep(), torch.zeros(2, 2, CELLS, CELLS), TRUST.expand(2, -1, -1, -1)
    together = step(first, second, trust, begun)
    alone = torch.cat([step(first[k : k + 1], second[k : k + 1], TRUST, begun[:1]) for k in range(2)])
    assert torch.allclose(together, alone, atol=1e-4)
