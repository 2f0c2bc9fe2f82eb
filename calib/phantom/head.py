"""The head as a solid body before a pinhole camera: its poses, and where the points of its skin are seen.

The plate is what the camera sees of the head at rest. A pose is a rigid motion of the head, a matrix (4, 4) on
(x, y, z, 1): x to the right, y down, z away from the camera, in IOD about the middle of the plate and the face's mean
depth. Poses follow one another as matrix products do, the last one first.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from calib.face import FACE_OVAL, Doubles, Floats, inter_ocular_distance

NECK_IOD = 1.6
"""From the axis that a head turns about to the face, IOD: some 10 cm, at 62 mm between the eyes."""

CAMERA_IOD = 10.0
"""From the camera to the face, IOD: some 60 cm."""

_STEP_IOD = 0.05  # apart are the places for which the depth is solved
_STIFF = 3e-3  # how much of the mesh's roughness is smoothed away
_BACK_IOD = 0.4  # what lies farther back, seen aslant and beside the face, is taken to lie so far: it would hide itself
_AROUND = (1.4, 2.0, 3.0)  # times as far from the face's middle as its outline all is as deep as that

_ROUNDS, _EXACT_PX = 12, 0.01
_COARSE = 5  # px, odd: lines of sight are first followed so far apart


@dataclass(frozen=True)
class _Sight:
    """Lines of sight, along which x and y are linear in the depth.

    Attributes:
        x, y: how far they go aside, IOD per IOD of depth, (h, w).
        at_x, at_y: where they pass the depth 0, IOD.
    """

    x: Floats
    y: Floats
    at_x: Floats
    at_y: Floats

    def every(self, step: int) -> "_Sight":
        """The middle one of every `step` by `step` lines."""
        some = slice(step // 2, None, step)
        return _Sight(*(np.ascontiguousarray(part[some, some]) for part in (self.x, self.y, self.at_x, self.at_y)))

    def aslant(self, far: float) -> float:
        """How far a point of the plate goes aside at most with its depth, IOD per IOD, largest in a corner.

        Args:
            far: from the camera to the face, IOD.
        """
        corners = (slice(None, None, len(self.x) - 1), slice(None, None, self.x.shape[1] - 1))
        pairs = ((self.x, self.at_x), (self.y, self.at_y))
        return max(float(np.abs(along[corners] - at[corners] / far).max()) for along, at in pairs)


def turned(yaw_deg: float, pitch_deg: float, roll_deg: float = 0.0, about_iod: float = NECK_IOD) -> Doubles:
    """The pose (4, 4) of a head that turns to image right, then down, then clockwise.

    Args:
        yaw_deg, pitch_deg, roll_deg: how far, degrees.
        about_iod: how far behind the face's mean depth the axes lie, IOD.
    """
    pose = np.eye(4)
    # Each from one axis towards another: what lies before the axis moves right, down; what lies right of it, down.
    for (one, other), degrees in (((2, 0), -yaw_deg), ((2, 1), -pitch_deg), ((0, 1), roll_deg)):
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        turn = np.eye(4)
        turn[one, one] = turn[other, other] = cos
        turn[one, other], turn[other, one] = -sin, sin
        pose = turn @ pose
    axis = np.array([0.0, 0.0, about_iod])
    pose[:3, 3] = axis - pose[:3, :3] @ axis
    return pose


def moved(right_iod: float, down_iod: float, zoom: float, camera_iod: float = CAMERA_IOD) -> Doubles:
    """The pose (4, 4) of a head that moves sideways, IOD, and comes so near that it looks larger by a share `zoom`."""
    pose = np.eye(4)
    pose[:3, 3] = right_iod, down_iod, camera_iod * (1 / (1 + zoom) - 1)
    return pose


class SolidHead:
    """The skin that a plate shows, in space.

    Attributes:
        depth: of the skin, (H, W) IOD, 0 in the mesh's mean, larger is farther.
    """

    def __init__(self, depth: Floats, iod_px: float, camera_iod: float = CAMERA_IOD) -> None:
        """Give the plate its depth.

        Args:
            depth: of the skin, (H, W) IOD, see `skin_depth`.
            iod_px: inter-ocular distance on the plate, px.
            camera_iod: from the camera to the face, IOD.
        """
        height, width = depth.shape
        self._iod_px, self._far = np.float32(iod_px), np.float32(camera_iod)
        self._middle = np.array([width / 2, height / 2], np.float32)
        self.depth = depth
        self._right = ((np.arange(width, dtype=np.float32) - self._middle[0]) / self._iod_px)[None, :]
        self._down = ((np.arange(height, dtype=np.float32) - self._middle[1]) / self._iod_px)[:, None]

    def seen(self, points: Floats, pose: Doubles) -> Floats:
        """Where the points of the skin that the plate shows at `points` (h, w, 2), px, are seen in a pose, px."""
        z = self._depth_at(points)
        flat = (points - self._middle) / self._iod_px * (1 + z / self._far)[..., None]
        x, y, z = cv2.split(cv2.transform(cv2.merge([flat, z]), pose[:3].astype(np.float32)))
        near = self._iod_px / (1 + z / self._far)
        return np.asarray(cv2.merge([x * near, y * near]) + self._middle, dtype=np.float32)

    def at_rest(self, pose: Doubles) -> Floats:
        """For every pixel of a frame in a pose, the point of the plate, (H, W, 2) px, whose skin is seen there.

        A line of sight is followed to the depth that the skin has where the last round came out.
        """
        back = np.linalg.inv(pose).astype(np.float32)
        right, down, away = (line[0] * self._right + line[1] * self._down + line[2] * self._far for line in back[:3])
        x, y = right / away, down / away
        camera = back[:3, 3] - self._far * back[:3, 2]
        sight = _Sight(x, y, camera[0] - camera[2] * x, camera[1] - camera[2] * y)
        few = self._follow(sight.every(_COARSE), self.depth[_COARSE // 2 :: _COARSE, _COARSE // 2 :: _COARSE])[1]
        return self._follow(sight, cv2.resize(few, x.shape[::-1]))[0]

    def _follow(self, sight: "_Sight", depth: Floats) -> tuple[Floats, Floats]:
        """The points of the plate (h, w, 2), px, in which lines of sight meet the skin, and its depth there (h, w)."""
        aslant = sight.aslant(float(self._far))
        for _ in range(_ROUNDS):
            scale = self._iod_px / (1 + depth / self._far)
            points = cv2.merge(
                [
                    (sight.x * depth + sight.at_x) * scale + self._middle[0],
                    (sight.y * depth + sight.at_y) * scale + self._middle[1],
                ]
            )
            before, depth = depth, self._depth_at(points)
            if cv2.norm(depth, before, cv2.NORM_INF) * aslant * self._iod_px < _EXACT_PX:
                break
        return np.asarray(points, dtype=np.float32), depth

    def _depth_at(self, points: Floats) -> Floats:
        """Depth of the skin at points (h, w, 2) of the plate, (h, w) IOD."""
        depth = cv2.remap(self.depth, points, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(depth, dtype=np.float32)


def skin_depth(landmarks: Floats, width: int, height: int) -> Floats:
    """The mesh's depth carried to every pixel, (height, width) IOD, 0 in its mean, larger is farther.

    A thin-plate spline, level around the face. The spline is Duchon's (1977): what bends least among all that pass near
    the points.

    Args:
        landmarks: (478, 3) in px of the plate.
        width, height: size of the plate, px.
    """
    iod_px = inter_ocular_distance(landmarks)
    places = landmarks[:, :2].astype(np.float64) / iod_px
    z = np.minimum((landmarks[:, 2] - landmarks[:, 2].mean()) / iod_px, _BACK_IOD)
    outline = list(FACE_OVAL)
    middle = places[outline].mean(axis=0)
    around = [middle + times * (places[outline] - middle) for times in _AROUND]
    places = np.vstack([places, *around])
    wanted = np.concatenate([z, np.full(len(places) - len(z), z[outline].mean()), np.zeros(3)])
    plane = np.hstack([np.ones((len(places), 1)), places])
    system = np.block([[_plate(places, places) + _STIFF * np.eye(len(places)), plane], [plane.T, np.zeros((3, 3))]])
    weights = np.linalg.solve(system, wanted)
    xs, ys = (np.arange(0, side / iod_px + _STEP_IOD, _STEP_IOD) for side in (width, height))
    coarse = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    solved = _plate(coarse, places) @ weights[:-3] + weights[-3] + coarse @ weights[-2:]
    fine = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    field = solved.reshape(len(ys), len(xs)).clip(z.min(), _BACK_IOD).astype(np.float32)
    place = fine / np.float32(_STEP_IOD * iod_px)
    return np.asarray(cv2.remap(field, place, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _plate(places: Doubles, centres: Doubles) -> Doubles:
    """The thin plate's response (n, m) at places (n, 2) to centres (m, 2): r² log r."""
    square = ((places[:, None] - centres) ** 2).sum(axis=-1)
    return np.asarray(0.5 * square * np.log(np.maximum(square, 1e-12)))
