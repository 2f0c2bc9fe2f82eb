import numpy as np
import pytest

from calib.face import REGION_INDEX, REGIONS, Doubles
from engines.relief import START, Relief

STEP_S = 1 / 30
NOISE_IOD = 0.0005


def depths() -> Doubles:
    return np.random.default_rng(3).normal(0, 0.05, len(REGIONS))


def turned(relief: Relief, true: Doubles, degrees: float, seconds: float, extra: Doubles | None = None) -> None:
    """Let the head turn right and back in this time, smoothly, while the regions do something of their own."""
    rng = np.random.default_rng(5)
    for share in np.sin(np.pi * np.arange(0, seconds, STEP_S) / seconds):
        turn = np.array([np.sin(np.radians(degrees)) * share, 0.0])
        moved = true[:, None] * turn + rng.normal(0, NOISE_IOD, (len(REGIONS), 2))
        relief.learn(moved + (0.0 if extra is None else extra), turn, STEP_S)


def test_two_turns_tell_the_depths() -> None:
    relief, true = Relief(), depths()
    assert np.abs(relief.left(np.array([0.1, 0.0]))).max() == 0
    for degrees in (8.0, -8.0):
        turned(relief, true, degrees, 1.5)
    assert relief.depth[:, 0] == pytest.approx(true, abs=0.015)
    assert relief.sigma[:, 0].max() < START[0] / 2
    turn = np.array([0.1, 0.0])
    assert relief.left(turn) == pytest.approx(true[:, None] * turn, abs=0.0015)


def test_turns_aside_tell_nothing_of_nods() -> None:
    relief = Relief()
    turned(relief, depths(), 8.0, 1.5)
    assert not relief.depth[:, 1].any()
    assert (relief.sigma[:, 1] == START[1]).all()


def test_a_head_that_does_not_turn_tells_nothing() -> None:
    relief = Relief()
    for _ in range(300):
        relief.learn(np.full((len(REGIONS), 2), 0.03), np.zeros(2), STEP_S)
    assert np.array_equal(relief.depth, Relief().depth)
    assert np.array_equal(relief.sigma, Relief().sigma)


def test_an_expression_during_a_turn_is_not_taken_for_relief() -> None:
    relief, true = Relief(), np.zeros(len(REGIONS))
    smile = np.zeros((len(REGIONS), 2))
    smile[REGION_INDEX["Left Mouth Corner"]] = -0.03, -0.04
    turned(relief, true, 8.0, 1.5, smile)
    assert np.abs(relief.left(np.array([np.sin(np.radians(8.0)), 0.0]))).max() < 0.006


def test_what_was_not_measured_teaches_nothing() -> None:
    relief = Relief()
    moved = np.full((len(REGIONS), 2), 0.01)
    moved[3] = np.nan
    relief.learn(moved, np.array([0.1, 0.0]), STEP_S)
    assert not relief.depth[3].any()
    assert (relief.sigma[3] == START).all()
    assert np.isfinite(relief.depth).all()
    assert relief.sigma[4, 0] < START[0]
