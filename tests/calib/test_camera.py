import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calib.camera import Flicker, brightness, camera_timing, flicker
from calib.face import Doubles


def fresh(count: int, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Frames no two of which are alike."""
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (12, 16, 3), dtype=np.uint8) for _ in range(count)]


def regular(count: int, fps: float, start_ns: int = 0) -> list[int]:
    return [start_ns + round(k * 1e9 / fps) for k in range(count)]


@settings(max_examples=30)
@given(st.floats(5, 240), st.integers(0, 10**18))
def test_a_regular_camera_is_known_exactly(fps: float, start_ns: int) -> None:
    timing = camera_timing(regular(20, fps, start_ns), fresh(20))
    assert timing.fps == pytest.approx(fps, rel=1e-3)
    assert timing.jitter_ms == pytest.approx(0.0, abs=1e-3)
    assert timing.duplicates == 0.0


def test_a_dropped_frame_changes_neither_rate_nor_jitter() -> None:
    times = regular(31, 30)
    del times[12]
    timing = camera_timing(times, fresh(30))
    assert timing.fps == pytest.approx(30, rel=1e-3)
    assert timing.jitter_ms < 0.01


def test_jitter_is_the_spread_of_the_time_between_frames() -> None:
    gaps_ms = np.random.default_rng(4).normal(33.3, 2.0, 600)
    times = np.concatenate([[0.0], np.cumsum(gaps_ms)]) * 1e6
    timing = camera_timing([round(t) for t in times], [np.zeros((2, 2, 3), np.uint8)] * 601)
    assert timing.jitter_ms == pytest.approx(2.0, rel=0.15)
    assert timing.fps == pytest.approx(1000 / 33.3, rel=0.01)


def test_a_stream_that_shows_every_frame_twice_is_found_out() -> None:
    doubled = [frame for frame in fresh(15) for _ in range(2)]
    timing = camera_timing(regular(30, 60), doubled)
    assert timing.duplicates == pytest.approx(15 / 29)


def test_only_a_repeat_of_the_frame_before_counts() -> None:
    a, b = fresh(2)
    assert camera_timing(regular(5, 30), [a, b, a, b, a]).duplicates == 0.0
    assert camera_timing(regular(5, 30), [a, a.copy(), a.copy(), a.copy(), a.copy()]).duplicates == 1.0


def test_frames_that_all_came_at_once_give_a_number_all_the_same() -> None:
    assert math.isfinite(camera_timing([7, 7, 7, 7], fresh(4)).fps)


@pytest.mark.parametrize(("times", "frames"), [(0, 0), (2, 2), (4, 5), (5, 4)])
def test_too_few_or_unequal_numbers_are_refused(times: int, frames: int) -> None:
    with pytest.raises(ValueError, match=f"{frames} frames and {times} times"):
        camera_timing(regular(times, 30), fresh(frames))


def levels(times_s: Doubles, hertz: float, share: float, seed: int = 0, drift: float = 0.0) -> list[Doubles]:
    """Brightness of six strips of frames under a flickering lamp, with a rolling shutter and a little noise."""
    rng = np.random.default_rng(seed)
    bands = np.arange(6) / 6 * 2 * math.pi
    wave = share * np.sin(2 * math.pi * hertz * times_s[:, None] + bands)
    slow = drift * np.sin(2 * math.pi * 0.12 * times_s[:, None])
    return list(120 * (1 + wave + slow) + rng.normal(0, 0.03, (len(times_s), 6)))


def stamps(times_s: Doubles) -> list[int]:
    return [round(t * 1e9) for t in times_s]


@settings(max_examples=20)
@given(st.floats(2.5, 13.5), st.floats(0.005, 0.1), st.floats(0.0, 0.2), st.integers(0, 99))
def test_flicker_is_found_under_drift_and_jitter(hertz: float, share: float, drift: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.arange(240) / 30 + rng.uniform(-0.004, 0.004, 240)
    found = flicker(stamps(times), levels(times, hertz, share, seed, drift))
    assert found.amplitude == pytest.approx(share, rel=0.2)
    assert found.hertz == pytest.approx(hertz, abs=0.15)


@settings(max_examples=20)
@given(st.floats(0.0, 0.2), st.integers(0, 99))
def test_drift_and_noise_are_no_flicker(drift: float, seed: int) -> None:
    times = np.arange(240) / 30
    assert flicker(stamps(times), levels(times, 0.0, 0.0, seed, drift)) == Flicker()


def test_a_lamp_that_is_switched_on_is_no_flicker() -> None:
    times = np.arange(240) / 30
    step = [strip * (1.0 if t < 4 else 1.3) for t, strip in zip(times, levels(times, 0, 0), strict=True)]
    assert flicker(stamps(times), step).amplitude < 0.02


def test_too_little_to_tell_is_no_flicker() -> None:
    times = np.arange(30) / 30
    assert flicker(stamps(times), levels(times, 10, 0.1)) == Flicker()
    assert flicker([], []) == Flicker()
    with pytest.raises(ValueError, match="1 frames with 0 times"):
        flicker([], levels(times, 0, 0)[:1])


def test_brightness_is_told_from_top_to_bottom() -> None:
    frame = np.repeat(np.arange(60, dtype=np.uint8), 50 * 3).reshape(60, 50, 3)
    assert brightness(frame) == pytest.approx(4.5 + 10 * np.arange(6))
