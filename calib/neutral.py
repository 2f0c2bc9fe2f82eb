"""A person's zero: where each region rests and how much it trembles there, learned on the fly."""

from collections import deque

import numpy as np

from calib.face import REGIONS, Doubles

SIGMA_START_IOD = 0.0015
"""Noise assumed before any was seen, IOD: about what DIS gives on a webcam."""

SIGMA_FLOOR_IOD = 0.0006
"""Noise never assumed smaller, IOD."""

_DELAY_S = 0.25
_WINDOW_S = 1.2
_LEARN_S = 4.0


class RestLevel:
    """Follows the rest position and the noise of the 29 regions of one face.

    The rest position is the median over a window that ends `_DELAY_S` ago, so that a rise does not lift it before it
    is noticed. The noise of a region is a running mean of its distance from rest.
    """

    def __init__(self) -> None:
        self._past: deque[tuple[float, Doubles]] = deque()
        self.level: Doubles = np.zeros((len(REGIONS), 2))
        self.sigma_iod: Doubles = np.full(len(REGIONS), SIGMA_START_IOD)
        self._last_s = 0.0

    def update(self, t_s: float, displacement: Doubles) -> None:
        """Take in a sample at rest: `displacement` (29, 2) IOD at time `t_s`."""
        if not self._past:
            self.level = displacement.copy()
        self._past.append((t_s, displacement.copy()))
        while t_s - self._past[0][0] > _DELAY_S + _WINDOW_S:
            self._past.popleft()
        settled = [d for t, d in self._past if t_s - t >= _DELAY_S]
        if settled:
            self.level = np.median(settled, axis=0)
            away = np.hypot(*(displacement - self.level).T)
            # The mean length of a 2-D Gaussian is σ √(π/2).
            share = min((t_s - self._last_s) / _LEARN_S, 1.0)
            sigma = self.sigma_iod + share * (away / np.sqrt(np.pi / 2) - self.sigma_iod)
            self.sigma_iod = np.maximum(sigma, SIGMA_FLOOR_IOD)
        self._last_s = t_s

    def restart(self, t_s: float, displacement: Doubles) -> None:
        """Take the present position as rest, after an expression that did not return or a break."""
        self._past.clear()
        self.update(t_s, displacement)
