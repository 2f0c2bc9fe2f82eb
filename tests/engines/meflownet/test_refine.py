import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn
from torch.nn import functional

from engines.meflownet.refine import EVIDENCE, Cleaner, Coarse, Refiner, Trunk

CONTEXT, HIDDEN = 4, (8, 8, 8)


def pattern(cells: int, channels: int, u: float, v: float, seed: int = 0) -> Tensor:
    """A sum of waves (1, channels, cells, cells) that has been moved by (u, v) cells."""
    chance = torch.Generator().manual_seed(seed)
    axis = torch.arange(cells, dtype=torch.float32)
    x, y = (axis[None] - u)[None, None], (axis[:, None] - v)[None, None]
    kx, ky, phase = ((torch.rand(channels, 12, 1, 1, generator=chance) - 0.5) * s for s in (1.2, 1.2, 6.3))
    return torch.sin(kx * x + ky * y + phase).sum(1)[None] / 4


def refiner(step: int) -> Refiner:
    """A step as it is built, but for the offset of its last layer, which would smooth little."""
    torch.manual_seed(step)
    built = Refiner(CONTEXT, HIDDEN, step)
    for group in built.leave.groups:
        nn.init.zeros_(group.bias)
    return built


def constant(u: float, v: float) -> Tensor:
    return torch.tensor([float(u), float(v)])[None, :, None, None].expand(1, 2, 64, 64).contiguous()


def distance(flow: Tensor, u: float, v: float) -> float:
    """Mean distance of a flow (1, 2, 64, 64) from (u, v), off the border."""
    return float((flow - constant(u, v))[..., 6:-6, 6:-6].norm(dim=1).mean())


@torch.no_grad()
def refined(step: int, still: Tensor, moved: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    built = refiner(step)
    found, insight = built(still, moved, flow, torch.zeros(1, CONTEXT, 64, 64))
    assert insight.shape == (1, HIDDEN[0], 64, 64)
    assert bool(insight.isfinite().all())
    return found, built._measure(still, moved)[1]


@pytest.mark.parametrize("step", [1, 2, 4])
@pytest.mark.parametrize(("u", "v"), [(0.5, -0.3), (-0.4, 0.0), (0.2, 0.6)])
def test_a_step_as_built_goes_most_of_the_way(step: int, u: float, v: float) -> None:
    cells = 256 // step
    found, evidence = refined(step, pattern(cells, 4, 0, 0), pattern(cells, 4, u, v), constant(0, 0))
    assert found.shape == (1, 2, 64, 64)
    assert evidence.shape == (1, EVIDENCE, 64, 64)
    assert distance(found, step * u, step * v) < 0.25 * step * (u * u + v * v) ** 0.5


@pytest.mark.parametrize("step", [1, 2, 4])
def test_it_adds_to_the_flow_so_far(step: int) -> None:
    cells = 256 // step
    found, _ = refined(step, pattern(cells, 4, 0, 0), pattern(cells, 4, 0.3, -0.2), constant(3 * step, -2 * step))
    assert distance(found, 3.3 * step, -2.2 * step) < 0.1 * step


def test_what_is_right_already_stays() -> None:
    first = pattern(128, 4, 0, 0)
    found, _ = refined(2, first, first, constant(4, -2))
    assert distance(found, 4, -2) < 1e-4


def test_where_nothing_is_to_be_seen_nothing_moves() -> None:
    flat = torch.ones(1, 4, 64, 64)
    found, evidence = refined(4, flat, flat + 0.5, constant(0, 0))
    assert float(found.abs().max()) < 1e-5
    assert bool(evidence.isfinite().all())


def test_a_step_is_bounded_by_two_cells() -> None:
    chance = torch.Generator().manual_seed(0)
    first, second = (10 * torch.randn(1, 4, 64, 64, generator=chance) for _ in range(2))
    found, _ = refined(4, first, second, constant(0, 0))
    assert 0 < float(found.abs().max()) <= 2 * 4


def test_displacements_come_first_in_the_evidence_one_for_each_window() -> None:
    _, evidence = refined(1, pattern(256, 2, 0, 0), pattern(256, 2, 0.4, -0.2), constant(0, 0))
    for window in range(3):
        assert distance(evidence[:, 2 * window : 2 * window + 2], 0.4, -0.2) < 0.1


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1, 0), (0, -1), (-2, 1), (2, 2)])
def test_the_first_guess_finds_cells_that_went_elsewhere(x: int, y: int) -> None:
    torch.manual_seed(0)
    coarse = Coarse(16, CONTEXT, 8)
    with torch.no_grad():
        coarse.body[-1].bias.zero_()
        coarse.sharpness.fill_(30.0)
        first = functional.normalize(torch.randn(1, 16, 32, 32), dim=1)
        found = coarse(first, first.roll((y, x), (2, 3)), torch.zeros(1, CONTEXT, 32, 32))
    assert found.shape == (1, 2, 64, 64)
    assert distance(found, 8 * x, 8 * y) < 0.5


def test_the_trunk_keeps_the_shape_and_sees_far() -> None:
    torch.manual_seed(0)
    trunk = Trunk(HIDDEN)
    image = torch.rand(1, HIDDEN[0], 64, 64)
    other = image.clone()
    other[..., 30:34, 30:34] += 5
    with torch.no_grad():
        before, after = trunk(image), trunk(other)
    assert before.shape == image.shape
    changed = (before != after).any(1)[0]
    assert changed[20, 32]
    assert not changed[0, 0]


@torch.no_grad()
def cleaned(expression: Tensor) -> Tensor:
    torch.manual_seed(0)
    found: Tensor = Cleaner(HIDDEN[0])(expression, torch.zeros(1, HIDDEN[0], 64, 64))
    return found


def test_as_built_the_cleaner_keeps_most_of_an_expression_and_less_of_noise() -> None:
    assert not cleaned(constant(0, 0)).any()
    assert distance(cleaned(constant(2, -1)), 2, -1) < 0.1 * 5**0.5
    noise = torch.randn(1, 2, 64, 64, generator=torch.Generator().manual_seed(1))
    assert float(cleaned(noise).std()) < 0.85 * float(noise.std())
