"""The last seconds of a face's displacements: in order, without repeated frames, evenly smooth at any frame rate."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from calib.face import Doubles
from realtime.flow import head_shift_iod
from realtime.messages import Motion

_NS = 1e9
_HISTORY_S = 6.0
_SMOOTH_S = 0.034  # samples closer than this are averaged: two frames at 30 fps, seven at 200
_USUAL_S = 0.5  # how often it is seen anew how open the eyes are as a rule


@dataclass(frozen=True)
class Sample:
    """What one frame showed.

    Attributes:
        t_s: time in the stream.
        displacement: of each region, (29, 2) IOD.
        head: how far the head had moved since the anchor frame, (2,) IOD.
        anchor: number of the anchor, larger the newer.
        pose: how far the head had turned and come nearer, (3,) as in `Motion`.
        opening: of the image-left and image-right eye; never averaged.
    """

    t_s: float
    displacement: Doubles
    head: Doubles
    anchor: int
    pose: Doubles
    opening: tuple[float, float]


class Samples:
    """The samples of one face, oldest first.

    Where the face returned to an earlier anchor the curves have a step, of what was wrong with the later ones: all
    samples before it are moved along, so that none is seen.

    Attributes:
        step: that of the newest sample, (29, 2) IOD; None, as nearly always, if it has none.
    """

    def __init__(self) -> None:
        self._past: deque[Sample] = deque()
        self.step: Doubles | None = None
        self._usual: Doubles = np.ones(2)
        self._usual_s = -_USUAL_S

    def take(self, motion: Motion) -> Sample | None:
        """Keep a motion; the newest sample, averaged over `_SMOOTH_S`.

        None for a repeated or late frame, and for one that holds what is no number.
        """
        t_s = motion.t_media_ns / _NS
        displacement = np.stack([motion.u_iod, motion.v_iod], axis=-1)
        raw = Sample(
            t_s, displacement, head_shift_iod(motion.head), motion.epoch, np.array(motion.pose), motion.eye_opening
        )
        if (self._past and t_s <= self._past[-1].t_s) or not np.isfinite(displacement).all():
            return None
        self.step = None
        if self._past and raw.anchor < self._past[-1].anchor:
            self.step = step = displacement - self._past[-1].displacement
            self._past = deque(replace(s, displacement=s.displacement + step) for s in self._past)
        self._past.append(raw)
        while t_s - self._past[0].t_s > _HISTORY_S:
            self._past.popleft()
        if t_s - self._usual_s >= _USUAL_S:
            self._usual, self._usual_s = np.median([s.opening for s in self._past], axis=0), t_s
        near = [s for s in self.since(t_s - _SMOOTH_S) if t_s - s.t_s < _SMOOTH_S]
        if len(near) == 1:
            return raw
        mean_s, mean = float(np.mean([s.t_s for s in near])), np.mean([s.displacement for s in near], axis=0)
        return replace(raw, t_s=mean_s, displacement=mean)

    @property
    def newest(self) -> Sample:
        """The newest sample as it came."""
        return self._past[-1]

    def since(self, t_s: float) -> list[Sample]:
        """The samples from a time on, oldest first."""
        late: list[Sample] = []
        for sample in reversed(self._past):
            if sample.t_s < t_s:
                break
            late.append(sample)
        return late[::-1]

    def shut(self, since_s: float) -> float:
        """How far the more closed eye was shut at most since a time: 0, as open as in the median lately, to 1."""
        recent = [s.opening for s in self.since(since_s)]
        least = np.min(recent, axis=0) if recent else self._usual
        return float(np.clip(1 - least / np.maximum(self._usual, 1e-6), 0, 1).max())

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._past)
