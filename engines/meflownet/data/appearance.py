"""What an expression changes besides moving skin: teeth and the dark of an open mouth, closed eyes, creases.

The changes are painted into the photo that the second frame is rendered from, so that the skin around them still moves
exactly as the flow says.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import FACE_OVAL, LOWER_LIDS, UPPER_LIDS, Floats, inter_ocular_distance

Image = NDArray[np.uint8]
Mask = NDArray[np.float32]

_MOUTH_CORNERS = (78, 308)
_INNER_LIPS = (13, 14)


@dataclass(frozen=True)
class AppearanceConfig:
    """How often the second frame shows what the first one hides.

    Attributes:
        mouth: share of pairs whose mouth opens or closes.
        eyes: share of pairs whose eyes close.
        creases: share of pairs in which skin folds cast new shadows.
    """

    mouth: float = 0.25
    eyes: float = 0.1
    creases: float = 0.3


def altered(photo: Image, landmarks: Floats, config: AppearanceConfig, rng: np.random.Generator) -> tuple[Image, Mask]:
    """The photo as the second frame shows it, and where skin was covered or uncovered.

    Args:
        photo: (H, W, 3) uint8 BGR; it is not changed.
        landmarks: (478, 3) mesh points in px of the photo.
        config: what is drawn from.
        rng: where chance comes from.

    Returns:
        (H, W, 3) uint8 BGR, and (H, W) float32, 1 where no flow is true any more.
    """
    iod = inter_ocular_distance(landmarks)
    covered: Mask = np.zeros(photo.shape[:2], np.float32)
    result = photo
    if rng.random() < config.mouth:
        shape = _mouth(landmarks, iod, photo.shape[:2], rng)
        result, covered = _painted(result, shape, _mouth_colour(photo, landmarks, rng), iod), np.maximum(covered, shape)
    if rng.random() < config.eyes:
        for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
            outline = landmarks[[*upper, *lower[::-1]], :2]
            shape = _filled(outline, photo.shape[:2])
            above = np.round(landmarks[upper[4], :2] - (0, 0.08 * iod)).astype(int)
            result = _painted(result, shape, _mean_colour(photo, above, 0.04 * iod), iod)
            lashes = [np.round(landmarks[list(lower), :2]).astype(np.int32)]
            result = np.ascontiguousarray(result)
            cv2.polylines(result, lashes, False, (40, 40, 45), max(1, round(0.015 * iod)), cv2.LINE_AA)
            covered = np.maximum(covered, shape)
    if rng.random() < config.creases:
        result = _creased(result, landmarks, iod, rng)
    return result, covered


def _mouth(landmarks: Floats, iod: float, size: tuple[int, ...], rng: np.random.Generator) -> Mask:
    """The opening between the lips: an ellipse from corner to corner."""
    left, right = landmarks[list(_MOUTH_CORNERS), :2]
    middle = landmarks[list(_INNER_LIPS), :2].mean(axis=0)
    width = 0.5 * float(np.hypot(*(right - left))) * rng.uniform(0.6, 1.0)
    angle = float(np.degrees(np.arctan2(right[1] - left[1], right[0] - left[0])))
    shape = np.zeros(size, np.uint8)
    axes = (round(width), max(1, round(iod * rng.uniform(0.02, 0.12))))
    cv2.ellipse(shape, (round(float(middle[0])), round(float(middle[1]))), axes, angle, 0, 360, 1, -1)
    return shape.astype(np.float32)


def _mouth_colour(photo: Image, landmarks: Floats, rng: np.random.Generator) -> Floats:
    """Teeth, the dark of the mouth, or the lips' own colour, BGR."""
    kind = rng.random()
    if kind < 0.5:
        return np.array([190, 205, 215], np.float32) * rng.uniform(0.7, 1.1)
    if kind < 0.75:
        return np.array([35, 30, 50], np.float32) * rng.uniform(0.5, 1.5)
    place = np.round(landmarks[17, :2]).astype(int)
    return _mean_colour(photo, place, 3.0)


def _mean_colour(photo: Image, place: NDArray[np.int_], reach: float) -> Floats:
    """Mean colour of a square, BGR."""
    half = max(1, round(reach))
    x, y = (int(np.clip(c, half, limit - half - 1)) for c, limit in zip(place, photo.shape[1::-1], strict=True))
    return np.asarray(photo[y - half : y + half + 1, x - half : x + half + 1].mean(axis=(0, 1)), np.float32)


def _filled(outline: Floats, size: tuple[int, ...]) -> Mask:
    shape = np.zeros(size, np.uint8)
    cv2.fillPoly(shape, [np.round(outline).astype(np.int32)], 1)
    return shape.astype(np.float32)


def _painted(photo: Image, shape: Mask, colour: Floats, iod: float) -> Image:
    """A colour laid over the photo with a soft edge."""
    alpha = cv2.GaussianBlur(shape, (0, 0), 0.015 * iod)[..., None]
    return np.asarray(photo + (colour - photo) * alpha, np.uint8)


def _creased(photo: Image, landmarks: Floats, iod: float, rng: np.random.Generator) -> Image:
    """Long, soft, dark or light streaks anywhere on the face."""
    low, high = (f(landmarks[list(FACE_OVAL), :2], axis=0) for f in (np.min, np.max))
    ys, xs = np.mgrid[: photo.shape[0] : 2, : photo.shape[1] : 2].astype(np.float32)
    shade = np.zeros(xs.shape, np.float32)
    for _ in range(int(rng.integers(1, 5))):
        x, y = rng.uniform(low, high)
        angle, long, thin = rng.uniform(0, np.pi), iod * rng.uniform(0.1, 0.3), iod * rng.uniform(0.015, 0.06)
        along = (np.cos(angle) * (xs - x) + np.sin(angle) * (ys - y)) / long
        across = (-np.sin(angle) * (xs - x) + np.cos(angle) * (ys - y)) / thin
        shade += np.float32(rng.uniform(-0.25, 0.12)) * np.exp(-0.5 * (along**2 + across**2)).astype(np.float32)
    full = cv2.resize(shade, photo.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]
    return np.asarray(np.clip(photo * (1 + full), 0, 255), np.uint8)
