"""What the engines' tests look at: two crops of a phantom with the exact flow between them, and measured movements."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.crop import rgb_crop
from calib.face import CROP, REGIONS, Doubles, Floats, crop_landmarks, crop_transform, invert_transform
from calib.face import transform_points as moved_points
from calib.phantom import Nuisance, PhantomEvent, PhantomFace, PhantomScript, PhantomVideo
from engines.regions import RegionMotion, octant

REST_S, APEX_S = 0.5, 1.2
GRID: Floats = np.stack(np.meshgrid(np.arange(CROP), np.arange(CROP)), axis=-1).astype(np.float32)
STILL = Nuisance(sway_iod=0, roll_deg=0, zoom=0, turn_deg=0, light=0, noise=0)


@dataclass(frozen=True)
class Scene:
    """A face at rest and at the apex, both cut by the crop transform of the first.

    Attributes:
        first, second: canonical crops, RGB.
        facial, head: the true flow from the first to the second, px of the crop.
        valid: where that flow is known.
        landmarks: mesh points in the first crop.
    """

    first: NDArray[np.uint8]
    second: NDArray[np.uint8]
    facial: Floats
    head: Floats
    valid: NDArray[np.bool_]
    landmarks: Floats

    @property
    def crops(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Both crops."""
        return self.first, self.second


def scene(face: PhantomFace, *units: tuple[str, float], nuisance: Nuisance | None = None, seed: int = 0) -> Scene:
    """Act out some units on a face (code, amplitude in IOD)."""
    event = PhantomEvent(1.0, APEX_S, 1.45, units)
    script = PhantomScript((event,), nuisance=nuisance or Nuisance(), seed=seed)
    video = PhantomVideo(face, script, 400, 360, 85.0)
    transform = crop_transform(video.landmarks(REST_S))
    crops = [rgb_crop(video.frame(t), transform) for t in (REST_S, APEX_S)]
    truth = video.flow(REST_S, APEX_S)
    seen_at = moved_points(invert_transform(transform), GRID).astype(np.float32)

    def cut(flow: Floats) -> Floats:
        turned = cv2.remap(flow, seen_at, None, cv2.INTER_LINEAR) @ transform[:, :2].T
        return np.asarray(turned, dtype=np.float32)

    valid = cv2.remap(truth.valid.astype(np.uint8), seen_at, None, cv2.INTER_NEAREST) > 0
    landmarks = crop_landmarks(transform, video.landmarks(REST_S))
    return Scene(crops[0], crops[1], cut(truth.facial), cut(truth.head), valid, landmarks)


def measured(displacement: Doubles) -> tuple[RegionMotion, ...]:
    """Region movements as a meter would report discs that move as one: `displacement` (29, 2) IOD."""
    motions = []
    for region, (u, v) in zip(REGIONS, displacement.tolist(), strict=True):
        length = math.hypot(u, v)
        degrees = math.degrees(math.atan2(-v, u)) % 360
        direction, concentration = (octant(degrees), 1.0) if length > 0 else ("unclear", 0.0)
        motions.append(RegionMotion(region.name, u, v, length, length, degrees, direction, concentration))
    return tuple(motions)
