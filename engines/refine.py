"""Flow between two crops; of a large expression measured from both sides, and then once more what is left over."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import Floats
from engines.grid import PIXELS, at_places
from engines.head import HeadFit
from engines.likeness import Likeness
from engines.runtime import FlowEngine, FollowingEngine, encode_all

LARGE_PX = 4.0
"""An expression that moves no place further than this, px of the crop, is not refined: it would gain nothing."""

SMOOTH_PX = 5.0
"""σ by which it is smoothed for one of the passes, which so has the noise of what was found to measure anew."""

ROUNDS = 4
"""Of the fixed point that turns a flow round; twice as many gain nothing that can be measured."""

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
    """Two crops, cut alike, and the flow from the first to the second: in one pass, and refined for who has time."""

    def __init__(
        self,
        engine: FlowEngine,
        crops: Crops,
        encoded: tuple[Any, Any],
        landmarks: Floats,
        guess: Floats | None = None,
    ) -> None:
        """Measure in one pass.

        Args:
            engine: what measures.
            crops: both, (256, 256, 3) uint8 RGB.
            encoded: the same, encoded by the engine.
            landmarks: (478, 3) mesh points in the first.
            guess: about what the flow is, (64, 64, 2) px, if that is known: an engine that follows begins there.

        Raises:
            CropError: too little of the face is in the first.
        """
        self._engine, self._crops, self._encoded = engine, crops, encoded
        self._fit = HeadFit(landmarks)
        if guess is not None and isinstance(engine, FollowingEngine):
            fields = engine.follow(*encoded, guess)
        else:
            fields = engine.flow(*encoded)
        self.flow = CropFlow(fields.facial, self._fit.head(fields))

    def refined(self) -> CropFlow:
        """The flow, or, where the expression is large, that from both sides and in two second passes.

        These take two encodings and three flows more. They see the second crop with what moved taken out, the head
        and the expression, once as it was found and once smoothed; what they measure is added to what was taken out,
        and the better one is believed. What all this gains: `bench/results/flow.md`.

        Raises:
            CropError: the crop cannot be measured once it is warped.
        """
        once = self.flow
        if np.linalg.norm(once.expression, axis=-1)[self._fit.hull].max() <= LARGE_PX:
            return once
        likeness = Likeness(*self._crops)
        facial = from_both_sides(once.facial, self._engine.flow(*self._encoded[::-1]).facial, likeness)
        mended = likeness.mended(facial, self._fit.hull)
        smooth = cv2.GaussianBlur(mended - once.head, (0, 0), SMOOTH_PX)
        passes = [self._second(mended), self._second(np.asarray(once.head + smooth, np.float32))]
        facial = likeness.likelier(*(one.facial for one in passes))
        return CropFlow(facial, passes[0].head)  # from a smoothed guess the head is told less well

    def _second(self, guess: Floats) -> CropFlow:
        """A second pass, given what to take out."""
        fields = self._engine.flow(self._encoded[0], self._engine.encode(warped(self._crops[1], guess)))
        return CropFlow(fields.facial + at_places(guess, fields.facial), self.flow.head + self._fit.head(fields))


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
    for _ in range(ROUNDS):
        there = -at_places(back, there)
    return there


def warped(image: NDArray[np.uint8], flow: Floats) -> NDArray[np.uint8]:
    """What lies where the flow leads. Lanczos: linear interpolation would blur away half of what the pass gains."""
    taken = cv2.remap(image, PIXELS + flow, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(taken, dtype=np.uint8)
