"""Displacement curves of a whole video, for methods that wait for its end."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from calib.face import REGIONS, Doubles
from realtime.messages import AnyMessage, Lost, Motion

_GAP_S = 0.5
_SHORTEST_S = 1.0


@dataclass(frozen=True)
class Curves:
    """A stretch of a video through which one face was followed, at an even rate.

    Attributes:
        start_s: time of the first sample, s.
        fps: samples a second.
        moved: (n, 29, 2) displacement of the regions by the expression, IOD.
    """

    start_s: float
    fps: float
    moved: Doubles

    def time(self, index: float) -> float:
        """The time of a sample, s."""
        return self.start_s + index / self.fps

    def samples(self, seconds: float) -> int:
        """How many samples a time takes, at least one."""
        return max(1, round(seconds * self.fps))

    def low_passed(self, hertz: float) -> "Curves":
        """The same curves without what is faster than `hertz` (where half the power is left), without delay."""
        return Curves(self.start_s, self.fps, low_pass(self.moved, self.fps, hertz))


def low_pass(values: Doubles, fps: float, hertz: float) -> Doubles:
    """A Gaussian along the first axis that leaves half the power at `hertz`; the ends are continued evenly."""
    sigma = math.sqrt(math.log(2)) / (2 * math.pi * hertz) * fps
    reach = max(1, math.ceil(4 * sigma))
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    ends = [(reach, reach), *([(0, 0)] * (values.ndim - 1))]
    padded = np.pad(values, ends, mode="edge")
    out = np.zeros_like(values)
    for place, weight in enumerate(weights):
        out += weight * padded[place : place + len(values)]
    return out


def curves_of(messages: Sequence[AnyMessage], fps: float) -> Iterator[Curves]:
    """The curves of a recording, one stretch after another: a face that was lost begins anew."""
    stretch: list[Motion] = []
    for message in messages:
        gap = bool(stretch) and message.t_media_ns - stretch[-1].t_media_ns > _GAP_S * 1e9
        if stretch and (gap or isinstance(message, Lost)):
            yield from _curves(stretch, fps)
            stretch = []
        if isinstance(message, Motion):
            stretch.append(message)
    yield from _curves(stretch, fps)


def _curves(stretch: Sequence[Motion], fps: float) -> Iterator[Curves]:
    """One stretch at an even rate, unless it is too short to hold anything."""
    if len(stretch) < _SHORTEST_S * fps:
        return
    times = np.array([motion.t_media_ns for motion in stretch]) / 1e9
    even = np.arange(times[0], times[-1] + 0.5 / fps, 1 / fps)
    values = np.array([(motion.u_iod, motion.v_iod) for motion in stretch]).reshape(len(stretch), -1)
    flat = np.stack([np.interp(even, times, column) for column in values.T], axis=-1)
    moved = flat.reshape(len(even), 2, len(REGIONS)).transpose(0, 2, 1)
    yield Curves(float(times[0]), fps, np.asarray(moved, dtype=np.float64))
