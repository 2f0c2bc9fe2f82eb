"""How far a measured flow is from the true one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.flow.pairs import Pair
from calib.face import CROP_IOD, Doubles, Floats
from engines.head import HeadFit
from engines.regions import RegionMeter
from engines.runtime import FlowFields

CLOSE_PX = 0.1
MOVED_PX = 0.2
"""Regions whose true displacement is longer than this have a direction to be right about."""


@dataclass(frozen=True)
class Errors:
    """What is wrong with one flow. Distances in px of the crop, means over the face's outline.

    Attributes:
        facial, head, expression: mean endpoint error.
        close: share of pixels whose facial error is below `CLOSE_PX`.
        share: expression error over the mean length of the true expression; NaN where nothing moved.
        degrees: angular error of every region that truly moved, 0–180; 90 for a region that was measured still.
    """

    facial: float
    head: float
    expression: float
    close: float
    share: float
    degrees: tuple[float, ...]


class Judge:
    """Knows the truth of one pair."""

    def __init__(self, pair: Pair) -> None:
        """Prepare the head's fit and the regions, as the live pipeline does for an anchor frame."""
        self._pair = pair
        self._fit = HeadFit(pair.landmarks)
        self._meter = RegionMeter(pair.landmarks)
        self._moved = self._meter.displacements(pair.expression) * CROP_IOD

    def expression(self, fields: FlowFields) -> Floats:
        """Expression flow (256, 256, 2) px: facial flow less the head's, fitted as live where the method tells none."""
        return fields.facial - self._fit.head(fields)

    def errors(self, fields: FlowFields) -> Errors:
        """Hold one measured flow against the truth."""
        pair = self._pair
        head = self._fit.head(fields)
        facial = self._lengths(fields.facial - pair.facial)
        expression = float(self._lengths(fields.facial - head - pair.expression).mean())
        true_length = float(self._lengths(pair.expression).mean())
        return Errors(
            facial=float(facial.mean()),
            head=float(self._lengths(head - pair.head).mean()),
            expression=expression,
            close=float((facial < CLOSE_PX).mean()),
            share=expression / true_length if true_length > 0 else np.nan,
            degrees=angles(self._moved, self._meter.displacements(fields.facial - head) * CROP_IOD),
        )

    def _lengths(self, flow: Floats) -> NDArray[np.float32]:
        return np.asarray(np.linalg.norm(flow[self._pair.hull], axis=-1), dtype=np.float32)


def angles(true: Doubles, measured: Doubles) -> tuple[float, ...]:
    """Angle in degrees between true and measured displacements (n, 2) px, of those that are truly longer than
    `MOVED_PX`; 90, as good as a guess, where the measured one is zero.
    """  # noqa: D205 - one sentence
    chosen = np.hypot(true[:, 0], true[:, 1]) > MOVED_PX
    (u, v), (x, y) = true[chosen].T, measured[chosen].T
    between = np.abs(np.degrees(np.arctan2(u * y - v * x, u * x + v * y)))
    return tuple(np.where(np.hypot(x, y) > 0, between, 90.0).tolist())
