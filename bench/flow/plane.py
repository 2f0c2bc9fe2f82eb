"""The head's motion out of a flow field, as the benchmark makes it: the homography of a plane seen in perspective.

The phantom's head is a flat photo under a homography. `engines.head.HeadFit`, made for real heads, knows no
perspective, so what it leaves of even the true flow is no fault of a method that gives it. The eight numbers are found
by the direct linear transformation (Hartley & Zisserman, *Multiple View Geometry*, 2nd ed., 4.1) in iteratively
re-weighted least squares with Geman–McClure weights; as in `HeadFit`, points where the skin hardly moves start with
more.
"""

import cv2
import numpy as np

from calib.face import CROP, CROP_IOD, FACE_OVAL, STABLE_POINTS, Floats

_STEP = 4
_STABLE_REACH = 0.16 * CROP_IOD
_PRIOR_ELSEWHERE = 0.25
_SCALES_PX = (1.5, 0.8, 0.4, 0.2, 0.1, 0.1, 0.1)
"""The last, of 0.05 to 0.3 tried on such pairs, is about the best for OpenCV's methods at every noise."""


def plane_head(facial: Floats, landmarks: Floats) -> Floats:
    """The head's motion in a facial flow, both (256, 256, 2) px of the crop.

    Args:
        facial: the measured flow.
        landmarks: (478, 3) mesh points in px of the first crop.
    """
    hull = np.zeros((CROP, CROP), np.uint8)
    cv2.fillPoly(hull, [np.round(landmarks[list(FACE_OVAL), :2]).astype(np.int32)], 1)
    hull = np.asarray(cv2.erode(hull, np.ones((9, 9), np.uint8)), np.uint8)
    ys, xs = np.mgrid[_STEP // 2 : CROP : _STEP, _STEP // 2 : CROP : _STEP]
    inside = hull[ys, xs] > 0
    ys, xs = ys[inside], xs[inside]
    gaps = np.stack([xs, ys], axis=-1)[:, None] - landmarks[None, list(STABLE_POINTS), :2]
    prior = np.where(np.hypot(gaps[..., 0], gaps[..., 1]).min(axis=1) < _STABLE_REACH, 1.0, _PRIOR_ELSEWHERE)
    moved = facial[ys, xs].astype(np.float64) / CROP_IOD
    x, y = (xs - CROP / 2) / CROP_IOD, (ys - CROP / 2) / CROP_IOD
    u, v = x + moved[:, 0], y + moved[:, 1]
    one, none = np.ones_like(x), np.zeros_like(x)
    # Linear in the eight numbers a..h of u = ((1 + b) x + c y + a) / (1 + g x + h y), and v likewise with d, e, f.
    across = np.stack([one, x, y, none, none, none, -x * u, -y * u], axis=-1)
    down = np.stack([none, none, none, one, x, y, -x * v, -y * v], axis=-1)
    design = np.stack([across, down], axis=1)
    numbers = np.zeros(8)
    numbers[[0, 3]] = np.median(moved, axis=0)
    for scale in _SCALES_PX:
        rest = CROP_IOD * (moved - design @ numbers)
        weight = prior / (1 + (rest**2).sum(axis=1) / scale**2) ** 2
        weighted = (design * weight[:, None, None]).reshape(-1, 8)
        numbers = np.linalg.solve(weighted.T @ design.reshape(-1, 8), weighted.T @ moved.ravel())
    return _field(*numbers)


def _field(a: float, b: float, c: float, d: float, e: float, f: float, g: float, h: float) -> Floats:
    """The flow (256, 256, 2) px of a homography; nothing moves where all numbers are 0."""
    axis = (np.arange(CROP) - CROP / 2) / CROP_IOD
    x, y = axis[None, :], axis[:, None]
    far = g * x + h * y
    planes = [(a + b * x + c * y - x * far) / (1 + far), (d + e * x + f * y - y * far) / (1 + far)]
    return np.asarray(CROP_IOD * np.stack(planes, axis=-1), dtype=np.float32)
