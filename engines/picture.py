"""Flow as a picture: hue is the direction, saturation the length."""

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, FACE_OVAL, LOWER_LIDS, UPPER_LIDS, Floats, region_centres


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


SKETCH_SIDE = 160
"""Width and height of a sketch, px."""

_LINES = (190, 190, 190)
_SHIFT = 3  # OpenCV draws at eighths of a pixel


def flow_sketch(flow: Floats, landmarks: Floats) -> bytes:
    """The colours of a crop's flow within the outlines of face and eyes, as a PNG of 160 × 160 px: no pixel of a face.

    Args:
        flow: (256, 256, 2) px of the crop.
        landmarks: (478, 3) mesh points, px of the crop.
    """
    points = np.round(landmarks[:, :2] * 2**_SHIFT).astype(np.int32)
    oval = np.zeros((CROP, CROP), np.uint8)
    cv2.fillPoly(oval, [points[list(FACE_OVAL)]], 255, shift=_SHIFT)
    inside = flow * (cv2.GaussianBlur(oval, (0, 0), 2)[..., None] / np.float32(255))
    picture = flow_colours(inside)
    cv2.polylines(picture, [points[list(FACE_OVAL)]], True, _LINES, 1, cv2.LINE_AA, _SHIFT)
    for lid in (*UPPER_LIDS, *LOWER_LIDS):
        cv2.polylines(picture, [points[list(lid)]], False, _LINES, 1, cv2.LINE_AA, _SHIFT)
    for centre in np.round(region_centres(landmarks) * 2**_SHIFT).astype(int):
        cv2.circle(picture, tuple(centre.tolist()), 1 << _SHIFT, _LINES, -1, cv2.LINE_AA, _SHIFT)
    small = cv2.resize(picture, (SKETCH_SIDE, SKETCH_SIDE), interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".png", small)[1])
