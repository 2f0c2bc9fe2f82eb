"""Flow between two crops in passes: each measures what the one before has left over, and small is measured best."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, Floats
from engines.head import HeadFit
from engines.runtime import FlowEngine

LARGE_PX = 3.0
"""An expression that moves some place further than this, px of the crop, gets a pass of its own."""

_SMOOTH_PX = 2.0  # σ: the expression that a crop is warped by must not tear it

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


def refined_flow(
    engine: FlowEngine, first: NDArray[np.uint8], second: NDArray[np.uint8], landmarks: Floats
) -> CropFlow:
    """Facial and head flow from one crop to another, in two passes, or three where the expression is large.

    The second pass sees the second crop with the head's motion taken out, the third with the expression's as well;
    what they measure is put together with what was taken out. Against one pass the head's error halves, the facial one
    falls by a quarter, and by a third for large expressions (`bench/results/flow.md`).

    Args:
        engine: what measures; each pass takes one encoding and one flow.
        first, second: (256, 256, 3) uint8 RGB, cut alike.
        landmarks: (478, 3) mesh points in the first crop.

    Raises:
        CropError: a crop cannot be measured.
    """
    fit = HeadFit(landmarks)
    encoded = engine.encode(first)

    def beyond(guess: Floats) -> tuple[Floats, Floats]:
        """Facial and head flow, given a flow that takes the second crop nearer to the first."""
        fields = engine.flow(encoded, engine.encode(_warped(second, guess)))
        head, _ = fit.head(fields)
        return fields.facial + _at(guess, fields.facial), head + _at(guess, head)

    head, _ = fit.head(engine.flow(encoded, engine.encode(second)))
    facial, head = beyond(head)
    expression = cv2.GaussianBlur(facial - head, (0, 0), _SMOOTH_PX)
    if np.hypot(expression[..., 0], expression[..., 1])[fit.hull].max() > LARGE_PX:
        # The head is not asked for again: in what is left now there is more of the expression than of it.
        facial, _ = beyond(np.asarray(head + expression, dtype=np.float32))
    return CropFlow(facial, head)


def single_flow(engine: FlowEngine, first: NDArray[np.uint8], second: NDArray[np.uint8], landmarks: Floats) -> CropFlow:
    """The same in one pass: an encoding and a flow less, or two.

    Raises:
        CropError: a crop cannot be measured.
    """
    fit = HeadFit(landmarks)
    fields = engine.flow(engine.encode(first), engine.encode(second))
    return CropFlow(fields.facial, fit.head(fields)[0])


def _warped(image: NDArray[np.uint8], flow: Floats) -> NDArray[np.uint8]:
    """What lies where the flow leads. Lanczos: linear interpolation would blur away half of what the pass gains."""
    taken = cv2.remap(image, _GRID + flow, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(taken, dtype=np.uint8)


def _at(flow: Floats, moved: Floats) -> Floats:
    """A flow at every pixel's place after another one."""
    taken = cv2.remap(flow, _GRID + moved, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(taken, dtype=np.float32)
