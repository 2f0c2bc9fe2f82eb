"""A face's relief, learned while the head turns: what the depths of its regions really are.

A solid head that turns moves every point by its depth times the turn (plane and parallax). An engine tells the head's
motion by a depth that it guesses from one picture; what it guesses wrong looks like an expression that comes and goes
with every turn, always by the same share of it. So that share is learned, a number a region for turns aside and one for
nods, which an engine confuses with other motions in other ways. It is learned as a Kalman filter learns a constant: a
turn tells much of it, and what does not go with the turn, as an expression does, counts for little.
"""

from dataclasses import dataclass, field

import numpy as np

from calib.face import REGIONS, Doubles

START = np.array([0.06, 0.1])
"""σ of a depth before anything was learned, in turns aside and in nods, IOD: what phantoms showed."""

_LEAST = 0.01  # a depth is never taken to be better known, since skin is not solid
_NOISE_IOD = 0.004  # what else moves a region: errors of the flow, small expressions
_PER_S = 3.0  # so many samples a second tell something new: neighbouring ones share their errors
_FAR = 2.0  # what is off by so many σ counts a quarter


@dataclass
class Relief:
    """What is known of one face.

    Attributes:
        depth: of each region, (29, 2) IOD, more than the head's motion was told with, as turns aside and nods show it;
            larger is farther.
        sigma: how well it is known, (29, 2) IOD.
    """

    depth: Doubles = field(default_factory=lambda: np.zeros((len(REGIONS), 2)))
    sigma: Doubles = field(default_factory=lambda: np.tile(START, (len(REGIONS), 1)))

    def left(self, turn: Doubles) -> Doubles:
        """What a turn (2,) leaves in the regions, (29, 2) IOD."""
        return np.asarray(self.depth * turn)

    def learn(self, moved: Doubles, turn: Doubles, seconds: float) -> None:
        """Take in what the regions seemed to do while the head was turned.

        Args:
            moved: displacement of the regions by the expression as it was measured, (29, 2) IOD; NaN if it was not.
            turn: how far the head had turned meanwhile, (2,).
            seconds: since the sample before.
        """
        off = np.nan_to_num(moved - self.left(turn))
        usual = _FAR**2 * (_NOISE_IOD**2 + (self.sigma**2 * turn**2).sum(axis=1))
        weight = 1 / (1 + (off**2).sum(axis=1) / usual) ** 2
        told = np.where(np.isfinite(moved).all(axis=1), weight, 0.0) * min(seconds * _PER_S, 1.0) / _NOISE_IOD**2
        variance = 1 / (1 / self.sigma**2 + told[:, None] * turn**2)
        self.depth = self.depth + variance * told[:, None] * off * turn
        self.sigma = np.maximum(np.sqrt(variance), _LEAST)
