"""A camera's zero: its true frame rate, jitter, repeated frames and flicker."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import Doubles

FLICKER_LOWEST_HZ = 2.0
"""Slower changes of light are drift, or the head's own sway in the picture."""

_STRIPS = 6  # a rolling shutter turns flicker into bands; over a whole frame they nearly cancel
_TREND_S = 1.0  # a running mean over so long is the drift
_CHANCE = 1e-4  # odds that noise alone is called flicker
_LEAST = 0.002  # flicker below this share of the brightness harms nothing; a pulse changes the skin by less


@dataclass(frozen=True)
class CameraTiming:
    """How a camera keeps time.

    Attributes:
        fps: frames per second: one over the median time between frames.
        jitter_ms: spread of that time, as 1.4826 × its median absolute deviation.
        duplicates: share of frames that repeat the one before.
    """

    fps: float
    jitter_ms: float
    duplicates: float


def camera_timing(times_ns: Sequence[int], frames: Sequence[NDArray[np.uint8]]) -> CameraTiming:
    """Judge a camera by some consecutive frames.

    Args:
        times_ns: when each arrived.
        frames: their pixels.

    Raises:
        ValueError: fewer than three frames, or not as many times as frames.
    """
    if len(times_ns) < 3 or len(times_ns) != len(frames):
        raise ValueError(f"need at least 3 frames with their times, not {len(frames)} frames and {len(times_ns)} times")
    gaps_ms = np.diff(np.asarray(times_ns, np.float64)) / 1e6
    median = float(np.median(gaps_ms))
    jitter = 1.4826 * float(np.median(np.abs(gaps_ms - median)))
    same = [bool(np.array_equal(a, b)) for a, b in pairwise(frames)]
    return CameraTiming(1000 / max(median, 1e-6), jitter, float(np.mean(same)))


@dataclass(frozen=True)
class Flicker:
    """A periodic change of brightness, as lamps on the mains make it; both 0 where there is none.

    Attributes:
        amplitude: half of the swing, as a share of the brightness.
        hertz: its frequency as the camera sees it: the beat of the lamp with the frame rate.
    """

    amplitude: float = 0.0
    hertz: float = 0.0


def brightness(frame: NDArray[np.uint8]) -> Doubles:
    """Mean grey level of six horizontal strips of a frame, top to bottom, (6,)."""
    rows = np.asarray(cv2.reduce(frame, 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F), dtype=np.float64).reshape(len(frame), -1)
    return np.array([strip.mean() for strip in np.array_split(rows.mean(axis=1), _STRIPS)])


def flicker(times_ns: Sequence[int], levels: Sequence[Doubles]) -> Flicker:
    """Look for a periodic change in the brightness of some frames at any times.

    The drift (a running mean over a second) is taken out, then sinusoids are fitted by least squares, all strips of a
    frame at one frequency: the periodogram of unevenly spaced samples (Lomb 1976, Scargle 1982). The strongest counts
    if it explains more of the change than noise would by chance.

    Args:
        times_ns: when each frame was taken.
        levels: its `brightness`.

    Returns:
        The strongest from `FLICKER_LOWEST_HZ` to half the frame rate; none if the frames span less than two seconds.

    Raises:
        ValueError: not as many times as levels.
    """
    if len(times_ns) != len(levels):
        raise ValueError(f"{len(levels)} frames with {len(times_ns)} times")
    t_s = (np.asarray(times_ns, np.float64) - (times_ns[0] if times_ns else 0)) / 1e9
    if len(t_s) < 20 or t_s[-1] < 2.0:
        return Flicker()
    grey = np.stack(levels)
    change = grey / np.maximum(grey.mean(axis=0), 1.0) - 1
    change -= _trend(t_s, change)
    total = float((change**2).sum())
    highest_hz = 0.5 / float(np.median(np.diff(t_s)))
    tried = np.arange(FLICKER_LOWEST_HZ, highest_hz, 0.25 / t_s[-1])
    if total <= 0 or len(tried) == 0:
        return Flicker()
    best, best_hz, explained = 0.0, 0.0, 0.0
    for hertz in tried:
        turn = 2 * np.pi * hertz * t_s
        waves = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        fitted = waves @ np.linalg.lstsq(waves, change, rcond=1e-6)[0]
        power = float((fitted**2).sum())
        if power > best:
            best, best_hz, explained = power, float(hertz), power / total
    # The strips of one frame share their noise (the lamp, the head's sway), so they count as one sample of it.
    limit = 1 - (_CHANCE / len(tried)) ** (2 / (len(t_s) - 3))
    amplitude = float(np.sqrt(2 * best / change.size))
    return Flicker(amplitude, best_hz) if explained > limit and amplitude >= _LEAST else Flicker()


def _trend(t_s: Doubles, values: Doubles) -> Doubles:
    """Running mean (N, K) over `_TREND_S` around every time."""
    near = np.abs(t_s[:, None] - t_s) <= _TREND_S / 2
    return np.asarray(near @ values / near.sum(axis=1, keepdims=True), dtype=np.float64)
