"""Random poses of a solid head before a camera: that of a pair's first frame, and that of its second."""

from dataclasses import dataclass

import numpy as np

from calib.face import CROP_IOD, Doubles, Floats
from calib.phantom.head import SolidHead, moved, turned


@dataclass(frozen=True)
class HeadConfig:
    """How a head is held, and how far it moves between the two frames of a pair.

    Attributes:
        frontal: share of pairs whose first frame shows the head as the photo does.
        aside_deg: σ of yaw and pitch, degrees, by which the others' heads are turned in the first frame.
        still: share of pairs whose head does not move at all.
        strength: smallest and largest common factor of all the following, log-uniform.
        turn_deg: σ of yaw and pitch, degrees.
        roll_deg: σ of roll, degrees.
        shift_iod: σ of the sideways shift, IOD.
        zoom: σ of the relative change of size.
        distance_iod: nearest and farthest camera, IOD.
        relief: smallest and largest factor on the mesh's depths, which are rough.
    """

    frontal: float = 0.5
    aside_deg: float = 6.0
    still: float = 0.1
    strength: tuple[float, float] = (0.05, 2.5)
    turn_deg: float = 2.5
    roll_deg: float = 2.0
    shift_iod: float = 0.045
    zoom: float = 0.015
    distance_iod: tuple[float, float] = (5.0, 14.0)
    relief: tuple[float, float] = (0.7, 1.3)


@dataclass(frozen=True)
class HeadMotion:
    """What a head does in a pair.

    Attributes:
        solid: the head.
        before, after: its poses (4, 4) in the first and in the second frame.
    """

    solid: SolidHead
    before: Doubles
    after: Doubles


def head_motion(depth: Floats, config: HeadConfig, rng: np.random.Generator) -> HeadMotion:
    """One random head motion.

    Args:
        depth: of the skin in the photo's crop, (256, 256) IOD, see `calib.phantom.head.skin_depth`.
        config: what is drawn from.
        rng: where chance comes from.
    """
    c, strength = config, 0.0
    if rng.random() >= c.still:
        strength = float(np.exp(rng.uniform(*np.log(c.strength))))
    distance = float(rng.uniform(*c.distance_iod))
    solid = SolidHead(depth * np.float32(rng.uniform(*c.relief)), CROP_IOD, distance)
    yaw, pitch = c.aside_deg * rng.normal(size=2) * (rng.random() >= c.frontal)
    before = turned(yaw, pitch, about_iod=0.0)
    yaw, pitch, roll = strength * rng.normal(size=3) * (c.turn_deg, c.turn_deg, c.roll_deg)
    right, down, nearer = strength * rng.normal(size=3) * (c.shift_iod, c.shift_iod, c.zoom)
    motion = moved(right, down, nearer, distance) @ turned(yaw, pitch, roll, about_iod=0.0)
    return HeadMotion(solid, before, motion @ before)
