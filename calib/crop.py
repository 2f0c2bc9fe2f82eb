"""Cutting the canonical crop out of a picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, Doubles, invert_transform, transform_points

_CORNERS = np.array([[0.0, 0.0], [CROP, 0.0], [0.0, CROP], [CROP, CROP]])


def cut_crop(image: NDArray[np.uint8], transform: Doubles) -> NDArray[np.uint8]:
    """The canonical crop (256, 256, 3) of an image (H, W, 3), its channels as they are.

    What is finer than the crop's pixels is averaged, never left out: it would flicker with every small movement, which
    the flow would take for noise. Beyond the image its edge is repeated.

    Args:
        image: the picture.
        transform: (2, 3), image px to crop px.
    """
    scale = float(np.hypot(*transform[:, 0]))
    if scale > 1:
        return _warped(image, transform, CROP, cv2.INTER_CUBIC)
    if scale < 0.5:
        image, transform = _reduced(image, transform, int(1 / scale))
    # Twice as fine as the crop, so that no pixel of the image falls between two samples.
    finer = np.hstack([2 * transform[:, :2], 2 * transform[:, 2:] + 0.5])
    fine = _warped(image, finer, 2 * CROP, cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(fine, (CROP, CROP), interpolation=cv2.INTER_AREA), np.uint8)


def rgb_crop(bgr: NDArray[np.uint8], transform: Doubles) -> NDArray[np.uint8]:
    """The same of a BGR picture, as engines take it: RGB, its bytes in order."""
    return np.ascontiguousarray(cut_crop(bgr, transform)[..., ::-1])


def _warped(image: NDArray[np.uint8], transform: Doubles, side: int, how: int) -> NDArray[np.uint8]:
    warped = cv2.warpAffine(image, transform, (side, side), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def _reduced(image: NDArray[np.uint8], transform: Doubles, factor: int) -> tuple[NDArray[np.uint8], Doubles]:
    """The part of an image that a crop shows, `factor` by `factor` pixels averaged, and the transform from there."""
    size = np.array(image.shape[1::-1])
    factor = min(factor, *size.tolist())
    corners = transform_points(invert_transform(transform), _CORNERS)
    start = (np.floor(corners.min(axis=0)) - 2 * factor).clip(0, size - factor).astype(int)
    stop = (np.ceil(corners.max(axis=0)) + 2 * factor).clip(start + factor, size).astype(int)
    cells = (stop - start) // factor
    stop = start + cells * factor
    part = image[start[1] : stop[1], start[0] : stop[0]]
    reduced = cv2.resize(part, tuple(cells.tolist()), interpolation=cv2.INTER_AREA)
    # The middle of the first cell lies at start + (factor - 1) / 2.
    shift = transform_points(transform, start + (factor - 1) / 2)
    return np.asarray(reduced, np.uint8), np.hstack([factor * transform[:, :2], shift[:, None]])
