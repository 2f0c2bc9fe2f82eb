"""Scanned expression shapes as dense displacement fields on the canonical crop of a photo.

The shapes are those of USC ICT FaceKit (light version, MIT licence), repacked as one npz: `neutral` (V, 3), `faces`
(F, 4) vertex numbers (-1 fills up a triangle), `expr_names` (S,), `expr_delta` (S, V, 3). They are in the model's unit
(about 1 cm), x to the subject's left (image right), y up, z towards the camera; `_L` and `_R` are the subject's sides.
"""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, CROP_IOD, Doubles, Floats, crop_transform, transform_points

GRID = 64
"""Side of a field, cells."""

CELL = CROP // GRID
"""Side of a cell, px of the crop."""

# Vertices of the Multi-PIE 68 points (their numbers, from 0, behind each line) and the FaceMesh points at the same spot
# of the skin: an affine fit to the mean of 28 neutral faces leaves about 4 px at most. Left out are points without a
# sure partner (middles of the brows, the bridge's 29, nostril wings) and the inner lips, which part as the mouth opens.
ANCHORS = (
    (1507, 33), (1542, 160), (1537, 158), (1528, 133), (1518, 153), (1511, 144),  # 36–41, image-left eye
    (3742, 362), (3751, 385), (3756, 387), (3721, 263), (3725, 373), (3732, 380),  # 42–47, image-right eye
    (268, 70), (493, 63), (1401, 107), (3615, 336), (2734, 293), (2509, 300),  # 17, 18, 21, 22, 25, 26, brows
    (978, 168), (4527, 197), (4857, 4), (2075, 97), (1147, 2), (4269, 326),  # 27, 28, 30, 32–34, nose
    (5708, 61), (5695, 39), (2081, 37), (0, 0), (4275, 267), (6200, 269), (6213, 291),  # 48–54, upper lip
    (6346, 321), (5518, 17), (5841, 91), (5702, 78), (6207, 308),  # 55, 57, 59, 60, 64, lower lip and inner corners
)  # fmt: skip
"""Pairs of a model vertex and the FaceMesh point on the same spot of the skin."""

OUTLINE = (
    (1888, 234), (1052, 93), (1719, 172), (1722, 136), (2199, 149), (966, 152),  # 1, 2, 4, 5, 6, 8
    (4390, 378), (3927, 365), (3924, 397), (3272, 323), (4088, 454),  # 10, 11, 12, 14, 15
)  # fmt: skip
"""Pairs along the jaw, likewise. The outline slides over the skin as a head turns, so they weigh less."""

# PupilDilate and eyeLook* turn eyeballs. mouthClose only undoes jawOpen: alone it drives the lower lip through the
# upper. jawForward moves along the line of sight: seen from the front, only noise at the jaw's outline is left.
_UNSEEN = ("PupilDilate", "eyeLook", "mouthClose", "jawForward")

_SKIN = 11248  # the first vertices are face, head and neck; sockets, gums, teeth and eyeballs follow
_NEGLIGIBLE = 0.1  # model units, about 1.2 px of the crop
_HIDE_CELL, _HIDE_DEPTH = 0.33, 0.5  # model units: a vertex this far behind the nearest of its cell is not seen
_OUTLINE_WEIGHT = 0.3
_WARP_SIGMA = 0.35 * CROP_IOD  # px
_WARP_RIDGE = 0.1
# Wide enough that at 0.2 IOD no shape folds the skin outside lips and lids (eyeWide alone does, at the lid's crease).
_SPLAT_SIGMA = 4.5  # px
_FADE = 0.05  # cells covered by much less skin than this share of their area go to zero


class ShapeModel:
    """Fits the scanned neutral face to a photo and carries the scanned expressions over.

    Attributes:
        names: the usable shapes: without those that are no motion of skin seen from the front.
    """

    names: tuple[str, ...]

    def __init__(self, path: Path) -> None:
        """Read the shapes.

        Args:
            path: the npz described at the top of this module.

        Raises:
            ValueError: the file is missing, damaged or holds something else.
        """
        neutral, faces, names, deltas = _read(path)
        area = _visible_area(neutral[:_SKIN], faces[(faces < _SKIN).all(axis=1)])
        seen = np.flatnonzero(area)
        if not len(seen):
            raise ValueError(f"{path}: none of its faces looks towards +z, expected the front of a head")
        motion = deltas[:, seen, :2].astype(np.float32) * np.array([1, -1], np.float32)
        moved = np.hypot(motion[..., 0], motion[..., 1]).max(axis=1) >= _NEGLIGIBLE
        usable = [i for i, name in enumerate(names) if moved[i] and not name.startswith(_UNSEEN)]
        self.names = tuple(names[i] for i in usable)
        self._motion = motion[usable].transpose(1, 0, 2).reshape(len(seen), -1)
        self._area = area[seen]
        flat = neutral[:, :2].astype(np.float64) * [1, -1]
        vertices, self._points = np.array(ANCHORS + OUTLINE).T
        self._skin, self._anchors = flat[seen], flat[vertices]
        self._weights = np.repeat([1.0, _OUTLINE_WEIGHT], [len(ANCHORS), len(OUTLINE)])

    def fields(self, landmarks: Floats) -> NDArray[np.float16]:
        """The fields of all shapes on the crop of one face.

        Args:
            landmarks: (478, 3) in px of the photo (or of its crop: the crop of a crop is itself).

        Returns:
            (len(names), `GRID`, `GRID`, 2), px of the crop, u right and v down, at the centres 4 i + 1.5 of its cells;
            the longest vector of every shape is one inter-ocular distance, 77 px.

        Raises:
            ValueError: the eyes of the landmarks coincide.
        """
        linear, skin = self._fit(landmarks)
        # A vertex stands for the skin around it; else the crowded rims of lips and lids would outvote their neighbours.
        mass = self._area * (abs(np.linalg.det(linear)) / (2 * np.pi * _SPLAT_SIGMA**2))
        centres = CELL * np.arange(GRID) + (CELL - 1) / 2
        across = _gaussian(centres[:, None] - skin[:, 0], _SPLAT_SIGMA)
        splat = np.empty((GRID, GRID, self._motion.shape[1]), np.float32)
        for row, centre in enumerate(centres):
            below = skin[:, 1] - centre
            near = np.flatnonzero(np.abs(below) < 4 * _SPLAT_SIGMA)
            kernel = (across[:, near] * (mass[near] * _gaussian(below[near], _SPLAT_SIGMA))).astype(np.float32)
            splat[row] = kernel @ self._motion[near] / (kernel.sum(axis=1, keepdims=True) + _FADE)
        # Splatting is linear, so the shapes need turning into px only once, on the grid.
        fields = splat.reshape(GRID, GRID, -1, 2).transpose(2, 0, 1, 3) @ linear.T.astype(np.float32)
        longest = np.hypot(fields[..., 0], fields[..., 1]).max(axis=(1, 2), keepdims=True)[..., None]
        return np.asarray(fields * (CROP_IOD / np.maximum(longest, 1e-6)), dtype=np.float16)

    def _fit(self, landmarks: Floats) -> tuple[Doubles, Doubles]:
        """Linear part (2, 2) of the map from the model (y down) to the crop, and the skin's places (N, 2), crop px."""
        wanted = transform_points(crop_transform(landmarks), landmarks[self._points, :2])
        weights = self._weights[:, None]
        rows = np.hstack([self._anchors, np.ones_like(weights)])
        affine = np.linalg.lstsq(rows * weights, wanted * weights, rcond=None)[0].T
        anchors, skin = transform_points(affine, self._anchors), transform_points(affine, self._skin)
        kernel = _nearness(anchors, anchors) + np.diag(_WARP_RIDGE / self._weights**2)
        bend = np.linalg.solve(kernel, wanted - anchors)
        return affine[:, :2], skin + _nearness(skin, anchors) @ bend


def _gaussian(distance: Doubles, sigma: float) -> Doubles:
    """exp(-d² / 2σ²) of distances of any shape."""
    return np.asarray(np.exp(distance**2 / (-2 * sigma**2)))


def _nearness(points: Doubles, centres: Doubles) -> Doubles:
    """Kernel (N, M) of the warp between points (N, 2) and centres (M, 2), px."""
    gaps = points[:, None] - centres[None]
    return _gaussian(np.hypot(gaps[..., 0], gaps[..., 1]), _WARP_SIGMA)


def _visible_area(neutral: Floats, faces: NDArray[np.integer[Any]]) -> Doubles:
    """Area (V,) of the skin around every vertex as the camera sees it, model units²; 0 where it is turned or hidden."""
    triangles = np.vstack([faces[:, :3], faces[faces[:, 3] >= 0][:, [0, 2, 3]]])
    corners = neutral[triangles, :2].astype(np.float64)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    towards = np.maximum(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0], 0) / 2
    area = np.bincount(triangles.ravel(), np.repeat(towards / 3, 3), minlength=len(neutral))
    # Insides of lips, folds of lids and the neck behind the chin face the camera too, but lie behind what it sees.
    depth = np.where(area > 0, neutral[:, 2], -np.inf)
    _, cell = np.unique(np.floor(neutral[:, :2] / _HIDE_CELL), axis=0, return_inverse=True)
    nearest = np.full(len(neutral), -np.inf)
    np.maximum.at(nearest, cell, depth)
    return np.where(depth > nearest[cell] - _HIDE_DEPTH, area, 0.0)


def _read(path: Path) -> tuple[Floats, NDArray[np.integer[Any]], list[str], NDArray[np.floating[Any]]]:
    """Neutral vertices (V, 3), faces (F, 4), names (S,) and deltas (S, V, 3) of the npz, checked."""
    expected = f"{path}: expected the ICT FaceKit shapes, an npz of neutral, faces, expr_names and expr_delta"
    try:
        with path.open("rb") as file:
            arrays = np.load(file, allow_pickle=False)
            neutral, faces, names, deltas = (arrays[k] for k in ("neutral", "faces", "expr_names", "expr_delta"))
    except (OSError, EOFError, KeyError, IndexError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{expected}; {error}") from error
    count, needed = len(neutral) if neutral.ndim else 0, max(vertex for vertex, _ in ANCHORS + OUTLINE) + 1
    if neutral.shape != (count, 3) or neutral.dtype.kind != "f" or count < needed:
        raise ValueError(f"{expected}; its neutral is {neutral.shape} {neutral.dtype}, not ({needed} or more, 3) float")
    if faces.ndim != 2 or faces.shape[1] != 4 or faces.dtype.kind != "i":
        raise ValueError(f"{expected}; its faces are {faces.shape} {faces.dtype}, not (F, 4) integers")
    if faces.size and (faces[:, :3].min() < 0 or faces.max() >= count):
        raise ValueError(f"{expected}; its faces name vertices outside 0 to {count - 1}")
    if names.ndim != 1 or deltas.shape != (len(names), count, 3) or deltas.dtype.kind != "f":
        raise ValueError(f"{expected}; its {names.shape} names do not go with deltas {deltas.shape} {deltas.dtype}")
    if not (np.isfinite(neutral).all() and np.isfinite(deltas).all()):
        raise ValueError(f"{expected}; its numbers are not all finite")
    return neutral, faces, [str(name) for name in names], deltas
