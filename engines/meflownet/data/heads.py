"""Random head motion of a solid head before a perspective camera."""

from dataclasses import dataclass

import cv2
import numpy as np

from calib.face import CROP, CROP_IOD, Doubles, Floats


@dataclass(frozen=True)
class HeadConfig:
    """How far a head moves between the two frames of a pair.

    Attributes:
        still: share of pairs whose head does not move at all.
        strength: smallest and largest common factor of all the following, log-uniform.
        turn_deg: σ of yaw and pitch, degrees.
        roll_deg: σ of roll, degrees.
        shift_iod: σ of the sideways shift, IOD.
        zoom: σ of the relative change of distance.
        distance_iod: nearest and farthest camera, IOD.
        relief: smallest and largest factor on the mesh's depths, which are rough.
        flat: share of pairs in which the head is a flat picture, as a photo held before a camera is.
    """

    still: float = 0.1
    strength: tuple[float, float] = (0.05, 1.5)
    turn_deg: float = 2.5
    roll_deg: float = 2.0
    shift_iod: float = 0.045
    zoom: float = 0.015
    distance_iod: tuple[float, float] = (5.0, 14.0)
    relief: tuple[float, float] = (0.7, 1.3)
    flat: float = 0.15


@dataclass(frozen=True)
class HeadMotion:
    """A rigid motion followed by a perspective camera.

    Attributes:
        rotation: (3, 3).
        shift: (3,) IOD, x right, y down, z away from the camera.
        distance: from the camera to the head's pivot, IOD.
        depth: (256, 256) IOD, z of the skin relative to the pivot, positive away from the camera.
    """

    rotation: Doubles
    shift: Doubles
    distance: float
    depth: Floats

    def moved(self, points: Floats) -> Floats:
        """Where points (256, 256, 2) of the crop, px, that lie on the skin at their own pixel's depth, are seen.

        An expression moves the skin in the picture's plane and keeps its depth.
        """
        near = (1 + self.depth / np.float32(self.distance)) / np.float32(CROP_IOD)
        flat_x, flat_y = (near * (points[..., k] - np.float32(CROP / 2)) for k in (0, 1))
        motion = np.hstack([self.rotation, self.shift[:, None]])
        motion[2] /= self.distance
        motion[2, 3] += 1
        solid = np.stack([flat_x, flat_y, self.depth], axis=-1)
        seen = cv2.transform(solid, motion.astype(np.float32))
        scale = np.float32(CROP_IOD) / seen[..., 2:]
        return np.asarray(seen[..., :2] * scale + np.float32(CROP / 2), np.float32)


def head_motion(depth_px: Floats, config: HeadConfig, rng: np.random.Generator) -> HeadMotion:
    """One random head motion.

    Args:
        depth_px: (256, 256) depth of the skin, px of the crop, larger is farther, as `engines.head.depth_map` gives it.
        config: what is drawn from.
        rng: where chance comes from.
    """
    strength = 0.0 if rng.random() < config.still else float(np.exp(rng.uniform(*np.log(config.strength))))
    pitch, yaw = np.radians(config.turn_deg) * strength * rng.normal(size=2)
    roll = np.radians(config.roll_deg) * strength * rng.normal()
    shift = strength * rng.normal(size=3) * config.shift_iod
    distance = float(rng.uniform(*config.distance_iod))
    shift[2] = strength * rng.normal() * config.zoom * distance
    relief = 0.0 if rng.random() < config.flat else rng.uniform(*config.relief)
    depth = (depth_px * np.float32(relief / CROP_IOD)).astype(np.float32)
    return HeadMotion(_rotation(pitch, yaw, roll), shift, distance, depth)


def _rotation(pitch: float, yaw: float, roll: float) -> Doubles:
    """Rotation about x, then y, then z, radians."""
    (sx, cx), (sy, cy), (sz, cz) = ((np.sin(a), np.cos(a)) for a in (pitch, yaw, roll))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x, np.float64)
