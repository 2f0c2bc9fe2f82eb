"""Flow as a picture: hue is the direction, saturation the length."""

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import Floats


def flow_colours(flow: Floats, full_px: float | None = None) -> NDArray[np.uint8]:
    """A flow (H, W, 2) px as (H, W, 3) uint8 BGR: white is still, red moves right, green-yellow up, and so on.

    Args:
        flow: NaN stays white.
        full_px: the length shown in full colour; the 99th percentile if None, but at least half a pixel.
    """
    u, v = (np.nan_to_num(flow[..., k]) for k in (0, 1))
    length = np.hypot(u, v)
    full = full_px if full_px is not None else max(float(np.percentile(length, 99)), 0.5)
    # In floats: OpenCV's 8-bit hue has only 180 steps.
    hue = (np.degrees(np.arctan2(-v, u)) % 360).astype(np.float32)
    hsv = np.dstack([hue, np.clip(length / full, 0, 1).astype(np.float32), np.ones_like(hue)])
    return np.asarray(np.rint(255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)), dtype=np.uint8)


def flow_overlay(image: NDArray[np.uint8], flow: Floats) -> NDArray[np.uint8]:
    """The flow's colours over an image (H, W, 3) BGR, the stronger the flow the more opaque, with arrows."""
    length = np.nan_to_num(np.hypot(flow[..., 0], flow[..., 1]))
    full = max(float(np.percentile(length, 99)), 0.5)
    alpha = (0.75 * np.clip(length / full, 0, 1))[..., None]
    blended = np.asarray(image * (1 - alpha) + flow_colours(flow, full) * alpha, dtype=np.uint8)
    step = max(image.shape[1] // 48, 6)
    zoom = 0.9 * step / full
    for y in range(step // 2, image.shape[0], step):
        for x in range(step // 2, image.shape[1], step):
            if length[y, x] > 0.25 * full:
                u, v = flow[y, x]
                tip = (round(x + zoom * float(u)), round(y + zoom * float(v)))
                cv2.arrowedLine(blended, (x, y), tip, (40, 40, 40), 1, cv2.LINE_AA, tipLength=0.35)
    return blended
