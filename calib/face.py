"""The ruler: which mesh points are what, the canonical crop, and the 29 regions.

Coordinates are image coordinates in px: x to the right, y down. Region names are the viewer's
(image left = Left). Landmarks are MediaPipe FaceMesh points, an array (478, 3) in frame px; the
third column is depth in the same unit, negative towards the camera.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

LANDMARKS = 478
"""Points of MediaPipe FaceMesh with irises."""

CROP = 256
"""Side of the canonical crop, px."""

CROP_IOD = 77.0
"""Inter-ocular distance in the canonical crop, px: brows to chin fit with a margin of 0.4 IOD."""

CROP_EYES = (128.0, 102.0)
"""Where the point between the eyes sits in the canonical crop, px."""

Part = Literal["brow", "eyelid", "nose", "mouth", "chin", "cheek"]
Side = Literal["Left", "Right", "Center"]

EYE_CORNERS = ((33, 133), (362, 263))
"""Outer and inner corner of the image-left eye, inner and outer corner of the image-right eye."""

STABLE_POINTS = (168, 6, 197, 195, 193, 417, 122, 351, 133, 362, 34, 264, 143, 372, 151, 108, 337)
"""Where the skin hardly moves with the expression: nose bridge and root, inner eye corners, temples, mid-forehead."""

FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""The outline of the face, clockwise from the top of the forehead."""

# Upper lid, lower lid of the image-left and the image-right eye, each from image left to image right.
UPPER_LIDS = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (362, 398, 384, 385, 386, 387, 388, 466, 263))
LOWER_LIDS = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (362, 382, 381, 380, 374, 373, 390, 249, 263))


@dataclass(frozen=True)
class Region:
    """One of the 29 regions: a disc around the mean of some mesh points.

    Attributes:
        name: the viewer's name, e.g. "Left Mouth Corner".
        part: the part of the face it belongs to.
        side: the half of the image it lies in.
        landmarks: mesh points whose mean is the disc's centre.
        radius_iod: radius of the disc in inter-ocular distances. The MELLM paper gives fixed pixels (10 eyelids, 15
            brows and mouth, 20 wings, 25 chin) for faces about 200 px wide, that is an IOD of about 90 px; half of
            each, read as a diameter.
    """

    name: str
    part: Part
    side: Side
    landmarks: tuple[int, ...]
    radius_iod: float


def _regions() -> tuple[Region, ...]:
    lid, brow, wing, chin, cheek = 0.07, 0.10, 0.11, 0.14, 0.16
    table: list[tuple[str, Part, Side, tuple[int, ...], float]] = [
        ("Left Outer Eyebrow", "brow", "Left", (70, 63, 46, 53), brow),
        ("Left Inner Eyebrow", "brow", "Left", (66, 107, 65, 55), brow),
        ("Right Inner Eyebrow", "brow", "Right", (296, 336, 295, 285), brow),
        ("Right Outer Eyebrow", "brow", "Right", (300, 293, 276, 283), brow),
        ("Left Upper Eyelid Left Side", "eyelid", "Left", (161, 160), lid),
        ("Left Upper Eyelid Center", "eyelid", "Left", (159,), lid),
        ("Left Upper Eyelid Right Side", "eyelid", "Left", (158, 157), lid),
        ("Right Upper Eyelid Left Side", "eyelid", "Right", (384, 385), lid),
        ("Right Upper Eyelid Center", "eyelid", "Right", (386,), lid),
        ("Right Upper Eyelid Right Side", "eyelid", "Right", (387, 388), lid),
        ("Left Lower Eyelid Left Side", "eyelid", "Left", (163, 110), lid),
        ("Left Lower Eyelid Center", "eyelid", "Left", (145, 23), lid),
        ("Left Lower Eyelid Right Side", "eyelid", "Left", (154, 26), lid),
        ("Right Lower Eyelid Left Side", "eyelid", "Right", (381, 256), lid),
        ("Right Lower Eyelid Center", "eyelid", "Right", (374, 253), lid),
        ("Right Lower Eyelid Right Side", "eyelid", "Right", (390, 339), lid),
        ("Left Nostril Wing", "nose", "Left", (129, 64), wing),
        ("Right Nostril Wing", "nose", "Right", (358, 294), wing),
        ("Left Mouth Corner", "mouth", "Left", (61,), brow),
        ("Right Mouth Corner", "mouth", "Right", (291,), brow),
        ("Upper Lip Left Side", "mouth", "Left", (39, 40), brow),
        ("Upper Lip Center", "mouth", "Center", (0,), brow),
        ("Upper Lip Right Side", "mouth", "Right", (269, 270), brow),
        ("Lower Lip Left Side", "mouth", "Left", (181, 91), brow),
        ("Lower Lip Center", "mouth", "Center", (17,), brow),
        ("Lower Lip Right Side", "mouth", "Right", (405, 321), brow),
        ("Chin", "chin", "Center", (199, 175), chin),
        ("Left Cheek", "cheek", "Left", (50, 205), cheek),
        ("Right Cheek", "cheek", "Right", (280, 425), cheek),
    ]
    return tuple(Region(*row) for row in table)


REGIONS = _regions()
REGION_NAMES = tuple(region.name for region in REGIONS)
REGION_INDEX = {name: index for index, name in enumerate(REGION_NAMES)}


def subject_side(side: Side) -> Literal["L", "R", ""]:
    """The subject's own side ("L", "R", "" in the middle) of a viewer's side: the only place where the two meet."""
    return {"Left": "R", "Right": "L", "Center": ""}[side]  # type: ignore[return-value]


def eye_centres(landmarks: Floats) -> tuple[Doubles, Doubles]:
    """Centres (x, y) of the image-left and the image-right eye: the midpoint of each eye's corners."""
    left, right = landmarks[np.asarray(EYE_CORNERS), :2].mean(axis=1, dtype=np.float64)
    return left, right


def inter_ocular_distance(landmarks: Floats) -> float:
    """Distance between the eye centres, in the landmarks' unit."""
    left, right = eye_centres(landmarks)
    return float(np.hypot(*(right - left)))


def region_centres(landmarks: Floats) -> Doubles:
    """Centres of the 29 regions, (29, 2), in the landmarks' coordinates."""
    centres = [landmarks[list(region.landmarks), :2].mean(axis=0) for region in REGIONS]
    return np.asarray(centres, dtype=np.float64)


def crop_transform(landmarks: Floats) -> Doubles:
    """The similarity (2, 3) that takes frame px to canonical crop px: level eyes, `CROP_IOD` apart, at `CROP_EYES`.

    Raises:
        ValueError: the eyes coincide, so no scale can be read off them.
    """
    left, right = eye_centres(landmarks)
    axis = right - left
    length = float(np.hypot(*axis))
    if length < 1e-6:
        raise ValueError("the two eyes of these landmarks coincide: no crop can be fitted")
    cos, sin = CROP_IOD * axis / length**2
    rotation = np.array([[cos, sin], [-sin, cos]])
    shift = np.array(CROP_EYES) - rotation @ ((left + right) / 2)
    return np.hstack([rotation, shift[:, None]])


CROP_GUIDES = (33, 133, 362, 263, 10, 152)
"""Points that tell how far two crops of a face are apart: eye corners, forehead, chin."""


def crop_shift_iod(first: Doubles, second: Doubles, landmarks: Floats) -> float:
    """How far apart two crop transforms (2, 3) put the same face: the largest distance of its guide points, IOD."""
    guides = landmarks[list(CROP_GUIDES), :2]
    apart = transform_points(first, guides) - transform_points(second, guides)
    return float(np.hypot(apart[:, 0], apart[:, 1]).max()) / CROP_IOD


def transform_points(transform: Doubles, points: NDArray[np.floating[Any]]) -> Doubles:
    """Apply an affine transform (2, 3) to points (..., 2)."""
    return np.asarray(points @ transform[:, :2].T + transform[:, 2], dtype=np.float64)


def invert_transform(transform: Doubles) -> Doubles:
    """The inverse (2, 3) of an affine transform (2, 3)."""
    inverse = np.linalg.inv(transform[:, :2])
    return np.hstack([inverse, -(inverse @ transform[:, 2])[:, None]])


def joined_transforms(first: Doubles, then: Doubles) -> Doubles:
    """The affine transform (2, 3) that does what one does, then what another does."""
    return np.hstack([then[:, :2] @ first[:, :2], transform_points(then, first[:, 2])[:, None]])


def crop_landmarks(transform: Doubles, landmarks: Floats) -> Floats:
    """Landmarks (478, 3) taken into the crop; the depth is scaled along."""
    scale = float(np.hypot(*transform[:, 0]))
    placed = transform_points(transform, landmarks[:, :2])
    return np.hstack([placed, scale * landmarks[:, 2:3]]).astype(np.float32)


def eye_opening(landmarks: Floats) -> tuple[float, float]:
    """Opening of the image-left and image-right eye: mean lid distance over the eye's width (about 0.3 when open)."""
    openings = []
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        gaps = landmarks[list(upper[2:-2]), :2] - landmarks[list(lower[2:-2]), :2]
        width = np.hypot(*(landmarks[upper[-1], :2] - landmarks[upper[0], :2]))
        openings.append(float(np.hypot(gaps[:, 0], gaps[:, 1]).mean() / max(width, 1e-6)))
    return openings[0], openings[1]
