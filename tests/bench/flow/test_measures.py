import numpy as np
import pytest

from bench.flow.measures import Judge, angles
from bench.flow.pairs import Pair
from calib.face import CROP_IOD
from engines.runtime import FlowFields


def test_true_flow_has_no_error(clean: Pair) -> None:
    errors = Judge(clean).errors(FlowFields(clean.facial, clean.head))
    assert errors.facial == 0
    assert errors.close == 1
    # The head fit gives back an engine's head, but for what the expression pulls at it.
    assert errors.expression == pytest.approx(errors.head, abs=1e-4)
    assert errors.expression < 0.1
    assert max(errors.degrees) < 15


def test_error_of_zero_flow_is_the_mean_motion(clean: Pair) -> None:
    errors = Judge(clean).errors(FlowFields(np.zeros_like(clean.facial), None))
    assert errors.facial == pytest.approx(np.linalg.norm(clean.facial[clean.hull], axis=-1).mean(), rel=1e-5)
    assert errors.head == pytest.approx(np.linalg.norm(clean.head[clean.hull], axis=-1).mean(), rel=1e-5)
    assert errors.share == pytest.approx(1, rel=1e-5)
    assert set(errors.degrees) == {90.0}


def test_a_constant_error_is_facial_and_head_but_no_expression(clean: Pair) -> None:
    judge = Judge(clean)
    right, off = (judge.errors(FlowFields(clean.facial + np.float32(shift), None)) for shift in (0.0, 0.3))
    assert off.facial == pytest.approx(0.3 * np.sqrt(2), abs=1e-4)
    assert off.close == 0
    assert off.expression == pytest.approx(right.expression, abs=1e-3)


def test_angles_are_between_true_and_measured_displacements() -> None:
    true = np.array([[1, 0], [0, 1], [-1, 0], [0.1, 0], [np.nan, np.nan], [0.3, 0]])
    measured = np.array([[2, 0], [1, 0], [1, 0], [0, 1], [1, 1], [0, 0]])
    np.testing.assert_allclose(angles(true, measured), [0, 90, 180, 90], atol=1e-9)


def test_regions_that_move_are_those_of_the_smile(clean: Pair) -> None:
    degrees = Judge(clean).errors(FlowFields(clean.facial, None)).degrees
    assert 4 <= len(degrees) <= 29
    assert CROP_IOD == 77
