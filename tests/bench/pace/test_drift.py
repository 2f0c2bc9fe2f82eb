import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.pace.drift import drifts, slope
from bench.pace.results import Spread, Window


@given(st.floats(-50, 50), st.floats(-100, 100))
def test_a_line_has_its_slope(rise: float, start: float) -> None:
    times = list(range(20))
    assert slope(times, [start + rise * t for t in times]) == pytest.approx(rise, abs=1e-9)


def test_outliers_do_not_move_it() -> None:
    rng = np.random.default_rng(0)
    values = 5.0 + 0.1 * np.arange(60)
    values[rng.choice(60, 10, replace=False)] += 300
    assert slope(list(range(60)), values.tolist()) == pytest.approx(0.1, abs=0.02)


def test_too_little_has_none() -> None:
    assert slope([1.0], [5.0]) == 0.0
    assert drifts([]) == ()


def window(k: int, motion_ms: float, memory: dict[str, float]) -> Window:
    return Window(60.0 * k, 1800, 0, {"Motion": Spread(1800, motion_ms, 2 * motion_ms, 3 * motion_ms, 99.0)}, memory)


def test_growth_is_found_and_what_is_level_is_level() -> None:
    # The first tenth settles: it must not look like growth.
    windows = [
        window(k, 20.0 + (15 if k < 6 else 0), {"align": 140.0, "perceive": 200.0 + 0.5 * k - (90 if k < 6 else 0)})
        for k in range(60)
    ]
    found = {drift.name: drift for drift in drifts(windows)}
    assert found["capture → Motion p50"].per_hour == 0.0
    assert (found["own memory of align"].first, found["own memory of align"].per_hour) == (140.0, 0.0)
    assert found["own memory of perceive"].per_hour == pytest.approx(30.0)
    assert found["own memory of all"].per_hour == pytest.approx(30.0)
    assert found["own memory of perceive"].last > found["own memory of perceive"].first
    assert "capture → Say p50" not in found
