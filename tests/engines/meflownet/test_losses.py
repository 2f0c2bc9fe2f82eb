import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor

from engines.meflownet.losses import STAGE_WEIGHTS, end_point_error, loss

STAGES = len(STAGE_WEIGHTS)


def flow(u: float, v: float, cells: int = 256, batch: int = 2) -> Tensor:
    return torch.tensor([float(u), float(v)])[None, :, None, None].expand(batch, 2, cells, cells).clone()


def everywhere(cells: int = 256, batch: int = 2) -> Tensor:
    return torch.ones(batch, 1, cells, cells)


def of(facial: Tensor, head: Tensor, stages: list[Tensor], valid: Tensor | None = None) -> float:
    """The loss against a face that moves by (2, 1) px, its head by (1, 1) px."""
    counted = everywhere() if valid is None else valid
    return float(loss((facial, head, stages), flow(2, 1), flow(1, 1), counted, torch.zeros(2)))


def test_the_truth_has_no_error_and_an_offset_its_length() -> None:
    assert end_point_error(flow(1, 2), flow(1, 2), everywhere()).tolist() == [0, 0]
    found = end_point_error(flow(4, -2), flow(1, 2), everywhere())
    assert found.tolist() == pytest.approx([5, 5])


def test_every_pair_has_its_own_error() -> None:
    found = flow(0, 0)
    found[1, 0] = 2
    assert end_point_error(found, flow(0, 0), everywhere()).tolist() == pytest.approx([0, 2])


def test_only_what_is_valid_counts() -> None:
    found, valid = flow(0, 0), everywhere()
    found[..., :128] = 9
    valid[..., :128] = 0
    assert end_point_error(found, flow(0, 0), valid).tolist() == [0, 0]
    found[..., 128:, 128:] = 3
    assert end_point_error(found, flow(0, 0), valid)[0] == pytest.approx(0.5 * 18**0.5)


def test_where_nothing_is_valid_there_is_no_error() -> None:
    assert end_point_error(flow(1, 0), flow(0, 0), torch.zeros(2, 1, 256, 256)).tolist() == [0, 0]


def test_softness_rounds_the_error_off_and_its_gradient_stays_finite() -> None:
    found = flow(1, 2).requires_grad_()
    error = end_point_error(found, flow(1, 2), everywhere(), 0.01)
    assert error.tolist() == pytest.approx([0.01, 0.01])
    error.sum().backward()
    assert found.grad is not None
    assert not found.grad.any()


def test_errors_within_the_tolerance_do_not_count() -> None:
    error = end_point_error(flow(3, 4), flow(0, 0), everywhere(), tolerance=torch.tensor([1.5, 6.0]))
    assert error.tolist() == pytest.approx([3.5, 0])


def test_a_pair_that_is_roughly_known_costs_nothing_when_it_is_roughly_right() -> None:
    found = flow(2.5, 1), flow(1.5, 1), [flow(2.5, 1, 64)] * STAGES
    assert float(loss(found, flow(2, 1), flow(1, 1), everywhere(), torch.full((2,), 0.6))) == 0
    assert float(loss(found, flow(2, 1), flow(1, 1), everywhere(), torch.zeros(2))) > 0.5


def test_the_truth_has_the_least_loss() -> None:
    right = [flow(2, 1, 64)] * STAGES
    least = of(flow(2, 1), flow(1, 1), right)
    assert least > 0
    wrong = [
        of(flow(2.2, 1), flow(1, 1), right),
        of(flow(2, 1), flow(1, 1.2), right),
        *(of(flow(2, 1), flow(1, 1), [flow(2 + (k == n), 1, 64) for k in range(STAGES)]) for n in range(STAGES)),
    ]
    assert min(wrong) > least + 0.3


def test_a_share_of_a_small_error_is_worth_as_much_as_of_a_large_one() -> None:
    right = [flow(2, 1, 64)] * STAGES

    def with_error(px: float) -> float:
        return of(flow(2 + px, 1), flow(1 + px, 1), right)

    gained = [with_error(px) - with_error(px / 2) for px in (0.5, 4.0)]
    assert gained[0] == pytest.approx(gained[1], rel=0.15)


def test_expression_counts_beside_the_whole() -> None:
    """Errors of face and head are as large in both cases; only in the first one they cancel."""
    right = [flow(2, 1, 64)] * STAGES
    assert of(flow(3, 1), flow(2, 1), right) < of(flow(3, 1), flow(0, 1), right) - 0.5


def test_later_steps_count_more_and_those_beyond_the_table_as_the_last() -> None:
    def with_error_in(step: int, count: int = STAGES) -> float:
        return of(flow(2, 1), flow(1, 1), [flow(2 + 3 * (k == step), 1, 64) for k in range(count)])

    errors = [with_error_in(step) for step in range(STAGES)]
    assert errors == sorted(errors)
    assert len(set(errors)) == STAGES
    assert with_error_in(STAGES + 1, STAGES + 2) == pytest.approx(with_error_in(STAGES - 1, STAGES + 2))


def test_steps_count_only_in_cells_that_are_valid_as_a_whole() -> None:
    valid, stages = everywhere(), [flow(2, 1, 64) for _ in range(STAGES)]
    valid[..., :2] = 0  # half of the first column of cells
    plain = of(flow(2, 1), flow(1, 1), stages, valid)
    for stage in stages:
        stage[..., 0] += 50
    assert of(flow(2, 1), flow(1, 1), stages, valid) == pytest.approx(plain)
    stages[0][..., 1] += 50
    assert of(flow(2, 1), flow(1, 1), stages, valid) > plain + 0.01
