import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.spotting.curves import Curves, curves_of
from bench.spotting.found import Found
from bench.spotting.local_rise import local_rise, turns
from calib.face import REGIONS
from calib.phantom import PhantomEvent
from calib.phantom.scoring import iou
from tests.bench.spotting.performances import MACRO, MICRO, TINY, recording

QUICK = settings(max_examples=60)


def found(*events: PhantomEvent, level: float = 0.006, fps: float = 30.0) -> list[Found]:
    return local_rise(list(curves_of(recording(events, fps).messages, fps)), level)


@pytest.mark.parametrize("fps", [30.0, 60.0, 200.0])
def test_both_kinds_are_found_where_they_are(fps: float) -> None:
    own = found(MICRO, MACRO, fps=fps)
    assert [f.kind for f in own] == ["micro", "macro"]
    for f, event in zip(own, (MICRO, MACRO), strict=True):
        assert iou(f.interval, (event.onset_s, event.offset_s)) > 0.5


def test_noise_and_what_is_below_the_threshold_are_not_found() -> None:
    assert not found(level=0.006)
    assert not found(TINY, level=0.008)
    assert len(found(TINY, level=0.004)) == 1


def test_eyelids_are_not_looked_at() -> None:
    moved = np.zeros((300, len(REGIONS), 2))
    lids = [region.part == "eyelid" for region in REGIONS]
    moved[100:108, lids, 1] = 0.1
    assert not local_rise([Curves(0.0, 30.0, moved)], 0.004)


def test_a_step_that_does_not_return_is_no_event() -> None:
    moved = np.zeros((300, len(REGIONS), 2))
    moved[100:] = 0.03
    assert not local_rise([Curves(0.0, 30.0, moved)], 0.004)


@QUICK
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=60), st.floats(0.05, 1.5))
def test_turns_go_up_and_down_by_enough(heights: list[float], least: float) -> None:
    curve = np.array(heights)
    places = turns(curve, least)
    steps = np.diff(curve[places])
    assert places == sorted(set(places))
    assert (np.abs(steps) >= least - 1e-12).all()
    assert (np.sign(steps[1:]) == -np.sign(steps[:-1])).all()


def test_turns_of_a_wave_are_its_extremes() -> None:
    wave = np.sin(np.linspace(0, 4 * np.pi, 401))
    assert turns(wave, 0.5) == [0, 50, 150, 250, 350, 400]
    assert turns(wave, 2.5) == []
