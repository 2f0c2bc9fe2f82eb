import numpy as np
import pytest

from bench.spotting.curves import curves_of
from bench.spotting.found import Found
from bench.spotting.plain_flow import LEVELS, difference, plain_flow
from calib.face import REGIONS
from calib.phantom import PhantomEvent
from calib.phantom.scoring import iou
from tests.bench.spotting.performances import MICRO, recording


def found(*events: PhantomEvent, level: float = 0.25, fps: float = 30.0) -> list[Found]:
    return plain_flow(list(curves_of(recording(events, fps).messages, fps)), level)


@pytest.mark.parametrize("fps", [30.0, 100.0])
def test_a_micro_expression_is_found_where_it_is(fps: float) -> None:
    (own,) = [f for f in found(MICRO, fps=fps) if f.kind == "micro"]
    assert own.apex_s == pytest.approx(MICRO.apex_s, abs=0.08)
    assert iou(own.interval, (MICRO.onset_s, MICRO.offset_s)) > 0.5


def test_a_higher_threshold_finds_no_more() -> None:
    small = PhantomEvent(8.0, 8.2, 8.4, (("AU4", 0.008),))
    numbers = [len([f for f in found(MICRO, small, level=level) if f.kind == "micro"]) for level in (0.1, 0.25, 0.6)]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] >= 2 > numbers[-1] == 1


def test_one_threshold_for_the_video_is_always_exceeded_somewhere() -> None:
    # The known weakness of the method: noise alone has a maximum as well.
    assert all(found(level=level) for level in LEVELS[:-3])


def test_a_slow_drift_makes_no_difference() -> None:
    drift = np.linspace(0, 0.1, 200)[:, None, None] * np.ones((1, len(REGIONS), 2))
    assert difference(drift, 8)[8:-8].max() < 1e-12


def test_the_difference_is_that_of_the_third_that_moves_most() -> None:
    moved = np.zeros((60, len(REGIONS), 2))
    moved[30, :9] = 0.03, 0.04
    assert difference(moved, 8)[30] == pytest.approx(0.05)
    moved[30, 9:] = 0.003, 0.004
    assert difference(moved, 8)[30] == pytest.approx(0.05)
