import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.pace.ceiling import STEP, find_ceiling


@settings(max_examples=80)
@given(limit=st.floats(6, 230), start=st.floats(5, 240))
def test_it_comes_close_to_what_a_pipeline_sustains(limit: float, start: float) -> None:
    found = find_ceiling("it", lambda fps: fps <= limit, start, 240.0)
    assert found.fps <= limit < found.failed_fps
    assert found.failed_fps <= max((1 + STEP) * found.fps, found.fps + 0.11)
    assert len(found.tried) < 30


def test_nothing_above_the_most_is_tried() -> None:
    found = find_ceiling("it", lambda fps: True, 60.0, 200.0)
    assert [rate for rate, _ in found.tried] == [60.0, 120.0, 200.0]
    assert (found.fps, found.failed_fps) == (200.0, 0.0)


def test_what_sustains_nothing_is_said_so() -> None:
    found = find_ceiling("it", lambda fps: False, 60.0, 200.0)
    assert (found.fps, found.failed_fps) == (0.0, 5.0)
    assert [rate for rate, _ in found.tried] == [60, 60, 30, 30, 15, 15, 7.5, 7.5, 5, 5]


@pytest.mark.parametrize("bad_luck", range(8))
def test_one_failure_by_bad_luck_changes_nothing(bad_luck: int) -> None:
    runs = iter(range(1000))
    found = find_ceiling("it", lambda fps: next(runs) != bad_luck and fps <= 90.0, 60.0, 240.0)
    assert found.fps == pytest.approx(90.0, rel=STEP)
    assert found.fps <= 90.0
