"""Head motion out of a flow field: a robust rigid fit that leaves the expression over.

A rigid head seen from afar moves every point by an affine function of its position (x, y, z) (an affine camera), so
the flow is A · (1, x, y, z) with eight numbers in A. They are fitted by iteratively re-weighted least squares
(Geman–McClure weights) on points all over the face; points that move with the expression lose their weight, points
where the skin hardly moves start with more.
"""

from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, CROP_IOD, FACE_OVAL, STABLE_POINTS, Doubles, Floats
from engines.grid import CELLS, on_the_grid
from engines.runtime import CropError, FlowFields

_STEP = 8
_MIN_SAMPLES = 40
_STABLE_REACH = 0.16 * CROP_IOD
_PRIOR_ELSEWHERE = 0.25
_SCALES_PX = (1.5, 0.8, 0.4, 0.3, 0.3)
_DEPTH_RIDGE = 0.005  # IOD²: a sixteenth of the variance of a face's depths, which leaves most of a nod to the fit


class HeadFit:
    """The rigid fit for one anchor frame: the sample points, their depth and their prior weight."""

    def __init__(self, landmarks: Floats) -> None:
        """Place the sample points.

        Args:
            landmarks: (478, 3) mesh points in px of the canonical crop.

        Raises:
            CropError: the face covers too little of the crop to fit eight numbers.
        """
        hull = np.zeros((CROP, CROP), np.uint8)
        cv2.fillPoly(hull, [np.round(landmarks[list(FACE_OVAL), :2]).astype(np.int32)], 1)
        self.hull: NDArray[np.bool_] = hull > 0
        self._depth = depth_map(landmarks)
        inner = cv2.erode(hull, np.ones((9, 9), np.uint8))
        ys, xs = np.mgrid[_STEP // 2 : CROP : _STEP, _STEP // 2 : CROP : _STEP]
        inside = inner[ys, xs] > 0
        self._ys, self._xs = ys[inside], xs[inside]
        if len(self._xs) < _MIN_SAMPLES:
            raise CropError("too little of the face lies in its crop: it is cut off or turned away")
        points = np.stack([self._xs, self._ys], axis=-1).astype(np.float64)
        self._design = self._basis(points[:, 0], points[:, 1], self._depth[self._ys, self._xs])
        gaps = points[:, None] - landmarks[None, list(STABLE_POINTS), :2]
        near = np.hypot(gaps[..., 0], gaps[..., 1]).min(axis=1) < _STABLE_REACH
        self._prior = np.where(near, 1.0, _PRIOR_ELSEWHERE)
        self._ridge = np.diag([0.0, 0.0, 0.0, _DEPTH_RIDGE * len(points)])
        # What takes a field that is the head's alone, where nothing is to be mistrusted, to its coefficients.
        self._plain = np.linalg.solve(self._design.T @ self._design + self._ridge, self._design.T)

    @staticmethod
    def _basis(x: NDArray[Any], y: NDArray[Any], z: NDArray[Any]) -> Doubles:
        """Rows (1, x, y, z), centred on the crop and in units of the inter-ocular distance."""
        columns = (np.ones(np.shape(x)), (x - CROP / 2) / CROP_IOD, (y - CROP / 2) / CROP_IOD, z / CROP_IOD)
        return np.stack([np.asarray(c, np.float64) for c in columns], axis=-1)

    def coefficients(self, flow: Floats) -> Doubles:
        """Fit A (2, 4): px of motion per (1, x, y, z), x y z in IOD from the crop's centre.

        Args:
            flow: (256, 256, 2) facial flow on the canonical crop, px.
        """
        target = flow[self._ys, self._xs].astype(np.float64)
        start = (
            np.median(target[self._prior == 1.0], axis=0) if (self._prior == 1.0).any() else np.median(target, axis=0)
        )
        fit = np.zeros((4, 2))
        fit[0] = start
        for scale in _SCALES_PX:
            residual = target - self._design @ fit
            weight = self._prior / (1 + (residual**2).sum(axis=1) / scale**2) ** 2
            weighted = self._design * weight[:, None]
            fit = np.linalg.solve(weighted.T @ self._design + self._ridge * weight.mean(), weighted.T @ target)
        return np.asarray(fit.T)

    def head(self, fields: FlowFields) -> Floats:
        """The head's motion in an engine's flow, (256, 256, 2) px: the engine's own where it tells one; else fitted."""
        return self.field(self.coefficients(fields.facial)) if fields.head is None else fields.head

    def expression(self, fields: FlowFields) -> tuple[Floats, Doubles]:
        """What an engine's flow leaves when the head's motion is taken off, px, and that motion's coefficients (2, 4).

        The expression comes as the engine found the flow: at every pixel, or on the grid (`FlowFields`).
        """
        if fields.found_head is None:
            fitted = self.coefficients(fields.facial)
            return fields.facial - self.field(fitted), fitted
        return fields.found - fields.found_head, self._of_head(fields)

    def _of_head(self, fields: FlowFields) -> Doubles:
        """The coefficients (2, 4) of the head's motion that an engine tells."""
        assert fields.found_head is not None
        if len(fields.found_head) == CELLS:
            return np.asarray((self._on_the_grid @ fields.found_head.reshape(-1, 2)).T, dtype=np.float64)
        return np.asarray((self._plain @ fields.found_head[self._ys, self._xs]).T, dtype=np.float64)

    @cached_property
    def _on_the_grid(self) -> Floats:
        """`_plain` as weights of the grid's cells, (4, 64 · 64)."""
        samples = slice(_STEP // 2, CROP, _STEP)
        weights = np.zeros((len(self._plain), CROP // _STEP, CROP // _STEP))
        weights[:, self._ys // _STEP, self._xs // _STEP] = self._plain
        return np.stack([on_the_grid(w, samples, samples).ravel() for w in weights])

    def field(self, coefficients: Doubles) -> Floats:
        """The head flow (256, 256, 2) float32 px that belongs to fitted coefficients."""
        axis = (np.arange(CROP, dtype=np.float32) - CROP / 2) / CROP_IOD
        a = coefficients.astype(np.float32)
        depth = self._depth / np.float32(CROP_IOD)
        planes = [a[k, 0] + a[k, 1] * axis[None, :] + a[k, 2] * axis[:, None] + a[k, 3] * depth for k in (0, 1)]
        return np.asarray(np.stack(planes, axis=-1), dtype=np.float32)


def depth_map(landmarks: Floats) -> Floats:
    """Depth at every pixel of the crop, (256, 256) px, 0 in the mean over the mesh, larger is farther.

    Blurred in steps around the mesh's points. `calib.phantom.head.skin_depth` is smoother, but takes 30 times as long,
    and the fit, which knows no perspective, gains an eighth by it.

    Args:
        landmarks: (478, 3) mesh points in px of the canonical crop.
    """
    depth = landmarks[:, 2:] - landmarks[:, 2].mean()
    return mesh_field(landmarks, depth)[..., 0]


def mesh_field(landmarks: Floats, values: Floats) -> Floats:
    """What is known at the mesh points, at every pixel of the crop, (256, 256, k): a Gaussian-weighted mean, σ 6 px.

    Beyond the mesh wider Gaussians of vanishing weight take over, so that the field runs on smoothly.

    Args:
        landmarks: (478, 3) mesh points in px of the canonical crop.
        values: (478, k), one row a mesh point.
    """
    step = 8
    centres = np.arange(step / 2 - 0.5, CROP, step)
    weights, sums = np.zeros((len(centres),) * 2), np.zeros((values.shape[1], len(centres), len(centres)))
    for sigma, share in ((6.0, 1.0), (25.0, 1e-4), (90.0, 1e-7)):
        across = np.exp(-((centres[:, None] - landmarks[:, 0]) ** 2) / (2 * sigma**2))
        down = np.exp(-((centres[:, None] - landmarks[:, 1]) ** 2) / (2 * sigma**2))
        weights += share * (down @ across.T)
        sums += share * ((values.T[:, None] * down) @ across.T)
    coarse = np.moveaxis(sums / np.maximum(weights, 1e-12), 0, -1).astype(np.float32)
    field = cv2.resize(coarse, (CROP, CROP), interpolation=cv2.INTER_LINEAR)
    return np.asarray(field.reshape(CROP, CROP, -1), dtype=np.float32)
