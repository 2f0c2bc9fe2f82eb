import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor

from engines.grid import CELLS
from engines.meflownet.guesses import Guesses


@pytest.fixture
def guesses() -> Guesses:
    torch.manual_seed(0)
    return Guesses(torch.device("cpu"))


def flow(count: int, u: float = 3.0) -> Tensor:
    """So many flows to the right."""
    facial = torch.zeros(count, 2, CELLS, CELLS)
    facial[:, 0] = u
    return facial


def test_guesses_are_wrong_by_up_to_some_pixels_and_each_in_its_own_way(guesses: Guesses) -> None:
    facial = flow(200)
    off = (guesses.of(facial, torch.zeros_like(facial)) - facial).norm(dim=1)
    largest = off.amax((1, 2))
    assert 0.2 < float(largest.median()) < 3
    assert float(largest.max()) < 25
    assert float((largest < 0.2).float().mean()) > 0.1
    assert len(torch.unique(largest)) > 190
    assert bool(torch.isfinite(off).all())


def test_an_expression_may_be_missing_but_no_more_of_it_than_sets_in_between_frames(guesses: Guesses) -> None:
    """Where the head's share of the error is small, what is missing is a part of the expression."""
    facial = expression = flow(200, 20.0)
    missing = (facial - guesses.of(facial, expression))[:, 0].mean((1, 2))
    assert float(missing.max()) < 2 + 9
    assert float((missing > 0.7).float().mean()) > 0.1


def test_what_follows_a_flow_is_near_to_it_and_linear_in_the_place(guesses: Guesses) -> None:
    found = torch.randn(20, 2, CELLS, CELLS)
    moved = guesses.after(found) - found
    assert 0 < float(moved.abs().max()) < 10
    bend = moved[..., 2:] - 2 * moved[..., 1:-1] + moved[..., :-2]
    assert float(bend.abs().max()) < 1e-4
