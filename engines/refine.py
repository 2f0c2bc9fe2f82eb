"""Flow between two crops; of a large expression measured from both sides."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from calib.face import Floats
from engines.grid import at_places
from engines.head import HeadFit
from engines.likeness import Likeness
from engines.runtime import FlowEngine, FollowingEngine, encode_all

LARGE_PX = 4.0
"""An expression that moves no place further than this, px of the crop, is not refined: it would gain nothing."""

_ROUNDS = 4  # of the fixed point that turns a flow round; twice as many gain nothing that can be measured

Crops: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""The first and the second crop, (256, 256, 3) uint8 RGB."""


@dataclass(frozen=True)
class CropFlow:
    """Flow on the first crop's grid, (256, 256, 2) float32 px each.

    Attributes:
        facial: of all that moved.
        head: of the head alone.
    """

    facial: Floats
    head: Floats

    @property
    def expression(self) -> Floats:
        """Facial - head."""
        return self.facial - self.head


class CropPair:
    """Two crops, cut alike, and the flow from the first to the second; refined for who has time.

    Attributes:
        flow: as it was measured from the first.
    """

    def __init__(
        self,
        engine: FlowEngine,
        crops: Crops,
        encoded: tuple[Any, Any],
        landmarks: Floats,
        guess: Floats | None = None,
    ) -> None:
        """Measure from the first.

        Args:
            engine: what measures.
            crops: both, (256, 256, 3) uint8 RGB.
            encoded: the same, encoded by the engine.
            landmarks: (478, 3) mesh points in the first.
            guess: about what the flow is, (64, 64, 2) px, if that is known. An engine that follows goes on from there;
                else from what it finds itself.

        Raises:
            CropError: too little of the face is in the first.
        """
        self._engine, self._crops, self._encoded = engine, crops, encoded
        self._fit = HeadFit(landmarks)
        if isinstance(engine, FollowingEngine):
            fields = engine.follow(*encoded, engine.flow(*encoded).found if guess is None else guess)
        else:
            fields = engine.flow(*encoded)
        self.flow = CropFlow(fields.facial, self._fit.head(fields))

    def refined(self) -> CropFlow:
        """The flow, or, where the expression is large, that from both sides, mended where it is clearly wrong.

        What this gains: `bench/results/flow.md`.
        """
        once = self.flow
        if np.linalg.norm(once.expression, axis=-1)[self._fit.hull].max() <= LARGE_PX:
            return once
        likeness = Likeness(*self._crops)
        # From nothing: what the one is wrong in is not what the other is.
        facial = from_both_sides(once.facial, self._engine.flow(*self._encoded[::-1]).facial, likeness)
        return CropFlow(likeness.mended(facial, self._fit.hull), once.head)


def refined_flow(engine: FlowEngine, crops: Crops, landmarks: Floats) -> CropFlow:
    """Facial and head flow from one crop (256, 256, 3) uint8 RGB to another, cut alike, refined; see `CropPair`.

    Args:
        engine: what measures.
        crops: both.
        landmarks: (478, 3) mesh points in the first crop.

    Raises:
        CropError: a crop cannot be measured.
    """
    before, after = encode_all(engine, crops)
    return CropPair(engine, crops, (before, after), landmarks).refined()


def from_both_sides(there: Floats, back: Floats, likeness: Likeness) -> Floats:
    """The flow from the first crop to the second, (256, 256, 2) px, given it and the one back as they were measured.

    Where skin gets longer its flow changes abruptly on the first crop and gently on the second, and is measured better
    from there; where it gets shorter, from here. Under the better one the crops look more alike.
    """
    return likeness.likelier(there, turned(back, there))


def turned(back: Floats, start: Floats) -> Floats:
    """The flow from the first crop to the second by the one back, beginning with about what it is, (256, 256, 2) px."""
    there = start
    for _ in range(_ROUNDS):
        there = -at_places(back, there)
    return there
