"""Flow between two crops, measured from both sides and then once more: what is left over; small is measured best."""

from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import Floats
from engines.grid import PIXELS, at_places
from engines.head import HeadFit
from engines.likeness import Likeness
from engines.runtime import FlowEngine, encode_all

CLEAR_PX = 0.5
"""An expression that moves some place further than this, px of the crop, is taken out as well as the head's motion.

Where nothing does, it would be noise."""

LARGE_PX = 2.5
"""An expression that moves some place further than this gets another second pass; smaller ones would gain 1 %."""

SMOOTH_PX = 5.0
"""σ by which it is smoothed for that: so the pass has the noise of what was found to measure anew."""

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
    """Two crops, cut alike, and the flow from the first to the second: in one pass, and in two for who has time."""

    def __init__(self, engine: FlowEngine, crops: Crops, encoded: tuple[Any, Any], landmarks: Floats) -> None:
        """Measure in one pass.

        Args:
            engine: what measures.
            crops: both, (256, 256, 3) uint8 RGB.
            encoded: the same, encoded by the engine.
            landmarks: (478, 3) mesh points in the first.

        Raises:
            CropError: too little of the face is in the first.
        """
        self._engine, self._crops, self._encoded = engine, crops, encoded
        self._fit = HeadFit(landmarks)
        fields = engine.flow(*encoded)
        self.flow = CropFlow(fields.facial, self._fit.head(fields))

    def refined(self) -> CropFlow:
        """The flow from both sides and in a second pass, which take an encoding and two flows more.

        The second pass sees the second crop with the head's motion taken out, and the expression's as well where there
        is any; what it measures is added to what was taken out. A large expression is also taken out smoothed, in
        another such pass, and the better one is believed. What all this gains: `bench/results/flow.md`.

        Raises:
            CropError: the crop cannot be measured once it is warped.
        """
        head, likeness = self.flow.head, Likeness(*self._crops)
        facial = from_both_sides(self.flow.facial, self._engine.flow(*self._encoded[::-1]).facial, likeness)
        passes = [self._second(guess) for guess in taken_out(head, facial, self._fit.hull, likeness)]
        facial = reduce(likeness.likelier, (one.facial for one in passes))
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


def taken_out(head: Floats, facial: Floats, hull: NDArray[np.bool_], likeness: Likeness) -> list[Floats]:
    """What second passes take out of the second crop, (256, 256, 2) px each, given what the first one found.

    Args:
        head, facial: flow, (256, 256, 2) px.
        hull: where the face is, (256, 256).
        likeness: of the crops.
    """
    largest_px = np.linalg.norm(facial - head, axis=-1)[hull].max()
    if largest_px <= CLEAR_PX:
        return [head]
    mended = likeness.mended(facial, hull)
    if largest_px <= LARGE_PX:
        return [mended]
    smooth = cv2.GaussianBlur(mended - head, (0, 0), SMOOTH_PX)
    return [mended, np.asarray(head + smooth, np.float32)]


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
