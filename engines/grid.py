"""Places in a crop: the grid of 4 px on which flow is found, cubic interpolation from it, and flow at other places.

Cell i of a grid of step s px covers the pixels s·i to s·i + s - 1, so its centre is the pixel s·i + (s - 1) / 2.
"""

from functools import cache

import cv2
import numpy as np

from calib.face import CROP, Doubles, Floats

CELL = 4
"""Step of the grid, px."""

CELLS = CROP // CELL
"""Cells along a side of a crop."""

NO_FLOW: Floats = np.zeros((CELLS, CELLS, 2), np.float32)
"""The flow on the grid where nothing has moved."""
NO_FLOW.setflags(write=False)

PIXELS = np.stack(np.meshgrid(np.arange(CROP), np.arange(CROP)), axis=-1).astype(np.float32)
"""The places of a crop's pixels, (256, 256, 2) px."""


def at_places(flow: Floats, moved: Floats) -> Floats:
    """A flow (256, 256, 2) px at every pixel's place after another one; beyond the crop its edge is repeated."""
    taken = cv2.remap(flow, PIXELS + moved, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(taken, dtype=np.float32)


def cubic(size: int, cells: int) -> Doubles:
    """Cubic interpolation (Keys 1981, a = -1/2) from `cells` to `size` samples, (size, cells); edges are repeated.

    Applied to both sides of an image it interpolates the image.
    """
    at = (np.arange(size) + 0.5) * cells / size - 0.5
    matrix = np.zeros((size, cells))
    for offset in (-1, 0, 1, 2):
        cell = np.floor(at).astype(int) + offset
        np.add.at(matrix, (np.arange(size), cell.clip(0, cells - 1)), _keys(np.abs(at - cell)))
    return matrix


def _keys(t: Doubles) -> Doubles:
    near = 1.5 * t**3 - 2.5 * t**2 + 1
    far = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return np.where(t < 1, near, np.where(t < 2, far, 0.0))


def at_every_pixel(flow: Floats) -> Floats:
    """A flow on the grid, (64, 64, 2), at every pixel, (256, 256, 2)."""
    matrix = _to_pixels()
    planes = matrix @ np.ascontiguousarray(np.moveaxis(flow, -1, 0)) @ matrix.T
    return np.ascontiguousarray(np.moveaxis(planes, 0, -1))


def on_the_grid(weights: Doubles, rows: slice, columns: slice) -> Floats:
    """What weighs cells as some weights weigh the pixels that are interpolated from them, (64, 64).

    Σ weights · at_every_pixel(flow) = Σ on_the_grid(weights) · flow: what is linear in the flow need not see every
    pixel of it.

    Args:
        weights: (h, w), of the pixels in some rows and columns; all others weigh nothing.
        rows, columns: which.
    """
    matrix = _to_pixels()
    return matrix[rows].T @ weights.astype(np.float32) @ matrix[columns]


@cache
def _to_pixels() -> Floats:
    return cubic(CROP, CELLS).astype(np.float32)
