"""The head's motion out of a flow field, as the benchmark makes it: a solid body of known depth, seen in perspective.

The phantom's head is a solid body before a pinhole camera. `engines.head.HeadFit`, made for live work, knows neither
perspective nor the phantom's depth, so what it leaves of even the true flow is no fault of a method that gives it.
Rotation and shift are found by Gauss–Newton steps in iteratively re-weighted least squares with Geman–McClure weights;
as in `HeadFit`, points where the skin hardly moves start with more.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, CROP_IOD, FACE_OVAL, STABLE_POINTS, Doubles, Floats
from calib.phantom.head import CAMERA_IOD, skin_depth

_STEP = 4
_STABLE_REACH = 0.16 * CROP_IOD
_PRIOR_ELSEWHERE = 0.25
_SCALES_PX = (1.5, 0.8, 0.4, 0.2, 0.1, 0.1, 0.1)
"""The last, of 0.05 to 0.3 tried on such pairs, is about the best for OpenCV's methods at every noise."""


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
    depth = skin_depth(landmarks, CROP, CROP).astype(np.float64)
    points, moved = _in_space(xs, ys, depth[ys, xs]), facial[ys, xs].astype(np.float64) / CROP_IOD
    rotation, shift = np.eye(3), np.array([*np.median(moved, axis=0), 0.0])
    start = _seen(points)
    for scale in _SCALES_PX:
        placed = points @ rotation.T + shift
        rest = moved - (_seen(placed) - start)
        weight = prior / (1 + CROP_IOD**2 * (rest**2).sum(axis=1) / scale**2) ** 2
        slopes = _slopes(placed)
        weighted = (slopes * weight[:, None, None]).reshape(-1, 6)
        step = np.linalg.solve(weighted.T @ slopes.reshape(-1, 6), weighted.T @ rest.ravel())
        turn = np.asarray(cv2.Rodrigues(step[:3])[0])
        rotation, shift = turn @ rotation, turn @ shift + step[3:]
    x, y = np.meshgrid(np.arange(CROP), np.arange(CROP))
    every = _in_space(x, y, depth)
    return np.asarray(CROP_IOD * (_seen(every @ rotation.T + shift) - _seen(every)), dtype=np.float32)


def _in_space(x: NDArray[Any], y: NDArray[Any], depth: Doubles) -> Doubles:
    """Points (..., 3) of the head, IOD, that are seen at x, y, px of the crop."""
    near = (1 + depth / CAMERA_IOD) / CROP_IOD
    return np.stack([near * (x - CROP / 2), near * (y - CROP / 2), depth], axis=-1)


def _seen(points: Doubles) -> Doubles:
    """Where points (..., 3) are seen, (..., 2) IOD."""
    return np.asarray(points[..., :2] / (1 + points[..., 2:] / CAMERA_IOD))


def _slopes(points: Doubles) -> Doubles:
    """How what is seen of points (n, 3) goes with a rotation about each axis, and with a shift along it, (n, 2, 6)."""
    x, y, z = points.T
    near, none = 1 / (1 + z / CAMERA_IOD), np.zeros(len(points))
    along = np.stack([near, none, -x * near**2 / CAMERA_IOD, none, near, -y * near**2 / CAMERA_IOD], axis=-1)
    by_shift = along.reshape(-1, 2, 3)
    turned = np.stack([none, z, -y, -z, none, x, y, -x, none], axis=-1).reshape(-1, 3, 3)
    return np.concatenate([by_shift @ turned, by_shift], axis=2)
