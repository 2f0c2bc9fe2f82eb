"""Flow between two crops, measured from both sides and then once more: what is left over; small is measured best."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, Floats
from engines.head import HeadFit
from engines.runtime import FlowEngine, encode_all

CLEAR_PX = 0.5
"""An expression that moves some place further than this, px of the crop, is taken out as well as the head's motion.

Where nothing does, it would be noise."""

ROUNDS = 4
"""Of the fixed point that turns a flow round; twice as many gain nothing that can be measured."""

STRETCH_PX = 2.0
"""σ over which stretched skin is looked at."""

SHARPNESS = 4
"""How decidedly the side is believed on which skin is less stretched; 2 is a little worse, 8 the same."""

_GRID = np.stack(np.meshgrid(np.arange(CROP), np.arange(CROP)), axis=-1).astype(np.float32)


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

    def __init__(self, engine: FlowEngine, first: Any, second: Any, crop: NDArray[np.uint8], landmarks: Floats) -> None:
        """Measure in one pass.

        Args:
            engine: what measures.
            first, second: both crops, encoded by it.
            crop: the second, (256, 256, 3) uint8 RGB.
            landmarks: (478, 3) mesh points in the first.

        Raises:
            CropError: too little of the face is in the first.
        """
        self._engine, self._first, self._second, self._crop = engine, first, second, crop
        self._fit = HeadFit(landmarks)
        fields = engine.flow(first, second)
        self.flow = CropFlow(fields.facial, self._fit.head(fields))

    def refined(self) -> CropFlow:
        """The flow from both sides and in a second pass, which take an encoding and two flows more.

        The second pass sees the second crop with the head's motion taken out, and the expression's as well where there
        is any; what it measures is added to what was taken out. What that gains: `bench/results/flow.md`.

        Raises:
            CropError: the crop cannot be measured once it is warped.
        """
        head, facial = self.flow.head, self.flow.facial
        facial = from_both_sides(facial, self._engine.flow(self._second, self._first).facial)
        guess = taken_out(head, facial - head, self._fit.hull)
        fields = self._engine.flow(self._first, self._engine.encode(warped(self._crop, guess)))
        return CropFlow(fields.facial + at_places(guess, fields.facial), head + self._fit.head(fields))


def refined_flow(
    engine: FlowEngine, first: NDArray[np.uint8], second: NDArray[np.uint8], landmarks: Floats
) -> CropFlow:
    """Facial and head flow from one crop (256, 256, 3) uint8 RGB to another, cut alike, refined; see `CropPair`.

    Args:
        engine: what measures.
        first, second: the crops.
        landmarks: (478, 3) mesh points in the first crop.

    Raises:
        CropError: a crop cannot be measured.
    """
    before, after = encode_all(engine, [first, second])
    return CropPair(engine, before, after, second, landmarks).refined()


def taken_out(head: Floats, expression: Floats, hull: NDArray[np.bool_]) -> Floats:
    """What the second pass takes out of the second crop, (256, 256, 2) px, given what the first one found.

    Args:
        head, expression: (256, 256, 2) px.
        hull: where the face is, (256, 256).
    """
    clear = np.hypot(expression[..., 0], expression[..., 1])[hull].max() > CLEAR_PX
    return np.asarray(head + expression, dtype=np.float32) if clear else head


def from_both_sides(there: Floats, back: Floats) -> Floats:
    """The flow from the first crop to the second, (256, 256, 2) px, given it and the one back as they were measured.

    Where skin gets longer its flow changes abruptly on the first crop and gently on the second, and is measured better
    from there; where it gets shorter, from here.
    """
    again = there
    for _ in range(ROUNDS):
        again = -at_places(back, again)
    along_x, along_y = (cv2.Sobel(there, cv2.CV_32F, x, 1 - x, ksize=1, scale=0.5) for x in (1, 0))
    area = (1 + along_x[..., 0]) * (1 + along_y[..., 1]) - along_y[..., 0] * along_x[..., 1]
    longer = cv2.GaussianBlur(area, (0, 0), STRETCH_PX).clip(0.1, 10) ** SHARPNESS
    return np.asarray(there + (longer / (1 + longer))[..., None] * (again - there), dtype=np.float32)


def warped(image: NDArray[np.uint8], flow: Floats) -> NDArray[np.uint8]:
    """What lies where the flow leads. Lanczos: linear interpolation would blur away half of what the pass gains."""
    taken = cv2.remap(image, _GRID + flow, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(taken, dtype=np.uint8)


def at_places(flow: Floats, moved: Floats) -> Floats:
    """A flow at every pixel's place after another one."""
    taken = cv2.remap(flow, _GRID + moved, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(taken, dtype=np.float32)
