import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.spotting.curves import curves_of, low_pass
from realtime.messages import AnyMessage, Lost
from tests.bench.spotting.performances import MACRO, recording
from tests.realtime.curves import displacement

QUICK = settings(max_examples=30)


def test_a_recording_is_one_stretch_of_its_displacements() -> None:
    (curves,) = curves_of(recording((MACRO,), noise_iod=0.0).messages, 30.0)
    assert curves.moved.shape == (360, 29, 2)
    assert np.allclose(curves.moved[183], displacement([MACRO], 6.1))
    assert curves.time(183) == pytest.approx(6.1)
    assert curves.samples(0.5) == 15
    assert curves.samples(0.0) == 1


def test_a_lost_face_begins_anew_and_short_stretches_are_left_out() -> None:
    messages: list[AnyMessage] = list(recording().messages)
    gone = Lost(seq=0, t_capture_ns=0, t_media_ns=messages[200].t_media_ns, cause="left")
    stretches = list(curves_of([*messages[:200], gone, *messages[200:]], 30.0))
    assert [len(curves.moved) for curves in stretches] == [200, 160]
    assert stretches[1].start_s == pytest.approx(200 / 30)
    assert [len(c.moved) for c in curves_of([*messages[:190], *messages[215:]], 30.0)] == [190, 145]
    assert [len(c.moved) for c in curves_of([*messages[:20], gone, *messages[20:]], 30.0)] == [340]


def test_dropped_frames_are_filled_in() -> None:
    kept = [m for k, m in enumerate(recording((MACRO,), noise_iod=0.0).messages) if k % 7 != 3]
    (curves,) = curves_of(kept, 30.0)
    assert len(curves.moved) == 360
    assert np.abs(curves.moved[180] - displacement([MACRO], 6.0)).max() < 1e-3


@QUICK
@given(st.floats(0.2, 14), st.sampled_from([30.0, 100.0]))
def test_half_the_power_is_left_at_the_cut(hertz: float, fps: float) -> None:
    t = np.arange(0, 20, 1 / fps)
    wave = np.sin(2 * np.pi * hertz * t)
    kept = low_pass(wave, fps, 5.0)[len(t) // 4 : -len(t) // 4]
    # A Gaussian's answer in closed form; the sampled one is a little off where it is short.
    expected = np.exp(-0.5 * np.log(2) * (hertz / 5.0) ** 2)
    assert np.sqrt(2) * kept.std() == pytest.approx(expected, abs=0.06)


def test_a_low_pass_has_no_delay_and_keeps_levels() -> None:
    pulse = np.exp(-((np.arange(301) - 150) ** 2) / 200.0)
    assert int(np.argmax(low_pass(pulse, 100.0, 5.0))) == 150
    assert np.allclose(low_pass(np.full((50, 3), 0.7), 30.0, 5.0), 0.7)
