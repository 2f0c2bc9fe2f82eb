"""A person's zero: where each region rests and how much it trembles there, measured before or learned on the fly."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calib.face import REGIONS, Doubles

SIGMA_START_IOD = 0.001
"""Noise assumed before any was seen, IOD: less than DIS gives on a webcam, more than MEFlowNet."""

SIGMA_FLOOR_IOD = 0.0005
"""Noise never assumed smaller, IOD."""

_DELAY_S = 0.25
_WINDOW_S = 1.2
_LEARN_S = 4.0
_UPRIGHT: Doubles = np.zeros(3)


@dataclass(frozen=True)
class Baseline:
    """How much each region of a person trembles at rest before one camera.

    Attributes:
        sigma_iod: σ of each region's displacement along one axis, IOD; order of `calib.face.REGIONS`.
    """

    sigma_iod: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.sigma_iod) != len(REGIONS):
            raise ValueError(f"a baseline has {len(REGIONS)} regions, not {len(self.sigma_iod)}")
        if not all(math.isfinite(sigma) and sigma >= 0 for sigma in self.sigma_iod):
            raise ValueError("the noise of a region must be a number from 0")


def measure_baseline(distances: Sequence[Doubles]) -> Baseline:
    """The noise in some samples at rest.

    The median, so that a blink or a twitch among them counts for nothing: that of a 2-D Gaussian's length is
    σ √(2 ln 2), the Rayleigh distribution's.

    Args:
        distances: how far each region was from rest in every sample, (29,) IOD, as `RestLevel.away` gives it.

    Raises:
        ValueError: no samples.
    """
    if not distances:
        raise ValueError("no samples at rest, so no noise can be measured")
    median = np.median(np.stack(distances), axis=0)
    return Baseline(tuple((median / math.sqrt(2 * math.log(2))).tolist()))


class RestLevel:
    """Follows the rest position and the noise of the 29 regions of one face.

    The rest position is the median over a window that ends `_DELAY_S` ago, so that a rise does not lift it before it
    is noticed. The noise of a region is a running mean of its distance from rest. With a baseline it starts at the
    noise measured there and never falls below: seconds that happen to be quiet do not make the scene a better one. It
    may rise above, since a scene can get noisier (dusk, a longer distance) after it was measured.

    Attributes:
        level: rest position of each region, (29, 2) IOD.
        pose: how the head was turned there, (3,) as in `realtime.messages.Motion`.
        home: the last one at which the face stayed for a second and more, (29, 2) IOD; None before there was one.
        sigma_iod: noise of each region, (29,) IOD.
        away: how far the last sample was from rest, (29,) IOD.
        settled_s: time of the last sample that was held against a rest position of samples before it; -1 before.
    """

    def __init__(self, baseline: Baseline | None = None) -> None:
        """Know nothing yet but the baseline, if one was measured."""
        self._past: deque[tuple[float, Doubles, Doubles]] = deque()
        measured = np.zeros(len(REGIONS)) if baseline is None else np.asarray(baseline.sigma_iod)
        self._floor: Doubles = np.maximum(measured, SIGMA_FLOOR_IOD)
        self.level: Doubles = np.zeros((len(REGIONS), 2))
        self.pose: Doubles = np.zeros(3)
        self.home: Doubles | None = None
        self.sigma_iod: Doubles = np.full(len(REGIONS), SIGMA_START_IOD) if baseline is None else self._floor.copy()
        self.away: Doubles = np.zeros(len(REGIONS))
        self.settled_s = -1.0
        self._last_s = 0.0

    def update(self, t_s: float, displacement: Doubles, pose: Doubles = _UPRIGHT) -> None:
        """Take in a sample at rest: `displacement` (29, 2) IOD at time `t_s`, and the head's `pose` (3,)."""
        if not self._past:
            self.level, self.pose = displacement.copy(), pose
        self._past.append((t_s, displacement.copy(), pose))
        while t_s - self._past[0][0] > _DELAY_S + _WINDOW_S:
            self._past.popleft()
        settled = [(d, p) for t, d, p in self._past if t_s - t >= _DELAY_S]
        if settled:
            self.level, self.pose = (np.median(part, axis=0) for part in zip(*settled, strict=True))
            self.away = np.hypot(*(displacement - self.level).T)
            self.settled_s = t_s
            if t_s - self._past[0][0] > _WINDOW_S:
                self.home = self.level
            # The mean length of a 2-D Gaussian is σ √(π/2).
            share = min((t_s - self._last_s) / _LEARN_S, 1.0)
            sigma = self.sigma_iod + share * (self.away / np.sqrt(np.pi / 2) - self.sigma_iod)
            self.sigma_iod = np.maximum(sigma, self._floor)
        self._last_s = t_s

    def restart(self, t_s: float, displacement: Doubles, pose: Doubles = _UPRIGHT) -> None:
        """Take the present position as rest, after an expression that did not return or a break."""
        self._past.clear()
        self.update(t_s, displacement, pose)
