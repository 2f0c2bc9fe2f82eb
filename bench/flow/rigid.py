"""The head's motion out of a flow field, as the benchmark makes it: a solid body of known depth, seen in perspective.

The phantom's head is a solid body before a pinhole camera. `engines.head.HeadFit`, made for live work, knows neither
perspective nor the phantom's depth, so what it leaves of even the true flow is no fault of a method that gives it. The
eleven numbers are found by the direct linear transformation (Hartley & Zisserman, *Multiple View Geometry*, 2nd ed.,
7.1) in iteratively re-weighted least squares with Geman–McClure weights; as in `HeadFit`, points where the skin hardly
moves start with more.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, CROP_IOD, FACE_OVAL, STABLE_POINTS, Doubles, Floats
from calib.phantom.head import CAMERA_IOD, SolidHead

_STEP = 4
_STABLE_REACH = 0.16 * CROP_IOD
_PRIOR_ELSEWHERE = 0.25
_SCALES_PX = (1.5, 0.8, 0.4, 0.2, 0.1, 0.1, 0.1)
"""The last, of 0.05 to 0.3 tried on such pairs, is about the best for OpenCV's methods at every noise."""


_RIDGE = 1e-6  # what a small motion does not tell apart, such as depth and perspective, stays small


def rigid_head(facial: Floats, landmarks: Floats) -> Floats:
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
    depth = SolidHead(landmarks, CROP, CROP).depth.astype(np.float64)
    moved, near = facial[ys, xs].astype(np.float64) / CROP_IOD, 1 + depth[ys, xs, None] / CAMERA_IOD
    points = _points(xs, ys, depth[ys, xs])
    seen = points[:, 1:3] / near + moved
    # Linear in the eleven numbers: near (u - x) = a · (1, X, Y, z) - u (g X + h Y + k z), and v likewise.
    none, far = np.zeros_like(points), points[:, 1:]
    across = np.hstack([points, none, -far * seen[:, :1]])
    down = np.hstack([none, points, -far * seen[:, 1:]])
    design = np.stack([across, down], axis=1)
    numbers = np.zeros(design.shape[2])
    target = near * moved
    numbers[[0, 4]] = np.median(target, axis=0)
    for scale in _SCALES_PX:
        rest = CROP_IOD * (target - design @ numbers)
        weight = prior / (1 + (rest**2).sum(axis=1) / scale**2) ** 2
        weighted = (design * weight[:, None, None]).reshape(-1, len(numbers))
        normal = weighted.T @ design.reshape(-1, len(numbers)) + _RIDGE * weight.sum() * np.eye(len(numbers))
        numbers = np.linalg.solve(normal, weighted.T @ target.ravel())
    return _field(numbers, depth)


def _points(x: NDArray[Any], y: NDArray[Any], depth: Doubles) -> Doubles:
    """Rows (1, x, y, z) of points of the head in space, IOD, that are seen at x, y, px of the crop."""
    near = (1 + depth / CAMERA_IOD) / CROP_IOD
    return np.stack([np.ones(x.shape), near * (x - CROP / 2), near * (y - CROP / 2), depth], axis=-1)


def _field(numbers: Doubles, depth: Doubles) -> Floats:
    """The flow (256, 256, 2) px that belongs to the numbers; nothing moves where all are 0."""
    x, y = np.meshgrid(np.arange(CROP), np.arange(CROP))
    points, near = _points(x, y, depth), 1 + depth / CAMERA_IOD
    far = points[..., 1:] @ numbers[8:]
    planes = [
        (points @ row - points[..., axis + 1] / near * far) / (near + far)
        for axis, row in enumerate((numbers[:4], numbers[4:8]))
    ]
    return np.asarray(CROP_IOD * np.stack(planes, axis=-1), dtype=np.float32)
