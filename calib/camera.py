"""A camera's zero: its true frame rate, jitter and repeated frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


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
