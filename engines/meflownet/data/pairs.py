"""Pairs of crops with exact flow, made on the fly.

A point X of the first crop is seen in the second at H(X + E(X)), E the expression, H the head's rigid motion before a
perspective camera; flow is exact on the first crop's grid. The second frame is the first one's picture warped by the
inverse, found by a fixed point. Both frames are rendered at a camera's scale, disturbed there, and then cut into the
crop with one transform, as the live pipeline does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, CROP_EYES, CROP_IOD, FACE_OVAL, Doubles, Floats, crop_landmarks, crop_transform
from calib.face import invert_transform as inverted
from engines.head import depth_map
from engines.meflownet.data.appearance import AppearanceConfig, altered
from engines.meflownet.data.expressions import ExpressionConfig, expression_field
from engines.meflownet.data.heads import HeadConfig, head_motion
from engines.meflownet.data.people import Person
from engines.meflownet.data.photometry import Photometry, PhotometryConfig
from engines.meflownet.data.shapes import ShapeModel

_ROUNDS = 8  # of the fixed point: with a strain of 0.6 below a hundredth of a pixel for 2 px, far less for head motion


@dataclass(frozen=True)
class PairConfig:
    """What pairs are made of.

    Attributes:
        expression, appearance, head, photometry: see there.
        frame_iod: smallest and largest inter-ocular distance in the camera's frames, px.
        jitter: σ of the crop's misplacement: px of shift, hundredths of scale, degrees of rotation.
        still_background: share of pairs whose background does not move with the head.
        mirrored: whether half of the pairs are mirrored.
    """

    expression: ExpressionConfig = field(default_factory=ExpressionConfig)
    appearance: AppearanceConfig = field(default_factory=AppearanceConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    photometry: PhotometryConfig = field(default_factory=PhotometryConfig)
    frame_iod: tuple[float, float] = (60.0, 150.0)
    jitter: float = 2.0
    still_background: float = 0.4
    mirrored: bool = True


@dataclass(frozen=True)
class Pair:
    """Two crops and the flow between them.

    Attributes:
        first, second: (256, 256, 3) uint8 RGB.
        facial, head: (256, 256, 2) float32 px on the first crop's grid, u right, v down; expression = facial - head.
        valid: (256, 256) bool, the face's outline in the first crop without what is covered or uncovered.
        name: the person.
    """

    first: NDArray[np.uint8]
    second: NDArray[np.uint8]
    facial: Floats
    head: Floats
    valid: NDArray[np.bool_]
    name: str


class PairMaker:
    """Makes pair number n of a seed, the same one every time it is asked."""

    def __init__(
        self,
        people: Sequence[Person],
        config: PairConfig | None = None,
        shapes: ShapeModel | None = None,
        seed: int = 0,
    ) -> None:
        """Prepare what all pairs share.

        Args:
            people: the photos; a pair takes one at random.
            config: what is drawn from.
            shapes: ICT-FaceKit's scanned shapes, if there are any.
            seed: where chance begins.
        """
        self._people, self._config = list(people), config or PairConfig()
        self._shapes, self._seed = shapes, seed
        self._shape_fields: dict[int, Floats] = {}
        axis = np.arange(CROP, dtype=np.float32)
        self._grid = np.stack(np.meshgrid(axis, axis), axis=-1)
        self._noise = np.random.default_rng(seed).standard_normal((900, 900, 3), np.float32)

    def pair(self, number: int) -> Pair:
        """Pair number `number`."""
        rng = np.random.default_rng([self._seed, number])
        who = int(rng.integers(len(self._people)))
        person, c = self._people[who], self._config
        crop = _jittered(crop_transform(person.landmarks), c.jitter, rng)
        landmarks = crop_landmarks(crop, person.landmarks)
        outline = np.zeros((CROP, CROP), np.uint8)
        cv2.fillPoly(outline, [np.round(landmarks[list(FACE_OVAL), :2]).astype(np.int32)], 1)

        expression = expression_field(landmarks, c.expression, self._scanned(who), rng)
        motion = head_motion(depth_map(landmarks), c.head, rng)
        head = motion.moved(self._grid) - self._grid
        facial = motion.moved(self._grid + expression) - self._grid
        apparent = facial
        if rng.random() < c.still_background:
            apparent = facial * _fading(outline, rng)
        back = self._inverse(apparent)
        frame_iod = float(rng.uniform(*c.frame_iod))
        camera = _camera(frame_iod, rng)
        shown, covered = altered(person.photo, person.landmarks, c.appearance, rng)
        hidden = cv2.warpAffine(covered, crop, (CROP, CROP), flags=cv2.INTER_LINEAR)
        outline[hidden > 0.05] = 0
        first, second = self._frames((person.photo, shown), crop, camera, back)
        first, second = Photometry(c.photometry, rng, self._noise)(first, second)
        crops = [_cut(frame, camera) for frame in (first, second)]
        if c.mirrored and rng.random() < 0.5:
            flip = np.array([-1, 1], np.float32)
            facial, head, outline = facial[:, ::-1] * flip, head[:, ::-1] * flip, outline[:, ::-1]
            crops = [crop[:, ::-1] for crop in crops]
        return Pair(
            np.ascontiguousarray(crops[0]), np.ascontiguousarray(crops[1]), np.ascontiguousarray(facial),
            np.ascontiguousarray(head), np.ascontiguousarray(outline > 0), person.name,
        )  # fmt: skip

    def _scanned(self, who: int) -> tuple[ShapeModel, Floats] | None:
        """The scanned shapes as fields for one person, made when first asked for."""
        if self._shapes is None:
            return None
        if who not in self._shape_fields:
            person = self._people[who]
            plain = crop_landmarks(crop_transform(person.landmarks), person.landmarks)
            self._shape_fields[who] = self._shapes.fields(plain).astype(np.float32)
        return self._shapes, self._shape_fields[who]

    def _inverse(self, flow: Floats) -> Floats:
        """For every pixel Y of the second crop, the X of the first with X + flow(X) = Y."""
        source = self._grid - flow
        for _ in range(_ROUNDS):
            moved = cv2.remap(flow, source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            source = self._grid - moved
        return np.asarray(source, np.float32)

    @staticmethod
    def _frames(
        photos: tuple[NDArray[np.uint8], NDArray[np.uint8]], crop: Doubles, camera: Doubles, back: Floats
    ) -> tuple[NDArray[np.uint8], ...]:
        """The two frames, undisturbed, at the camera's scale."""
        # The photo is brought to the camera's resolution first, so that reducing it does not alias.
        shrink = min(1.0, float(np.hypot(*crop[:, 0]) / np.hypot(*camera[:, 0])))
        before, after = photos
        if shrink < 1:
            before, after = (cv2.resize(p, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) for p in photos)
        ratio = np.array([before.shape[1] / photos[0].shape[1], before.shape[0] / photos[0].shape[0]])
        to_crop = crop.copy()
        to_crop[:, 2] += crop[:, :2] @ (0.5 / ratio - 0.5)
        to_crop[:, :2] = crop[:, :2] / ratio
        to_photo = inverted(to_crop)
        size = _frame_size(camera)
        direct = np.hstack(
            [to_photo[:, :2] @ camera[:, :2], (to_photo[:, :2] @ camera[:, 2] + to_photo[:, 2])[:, None]]
        )
        first = cv2.warpAffine(before, direct, size, flags=cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP,
                               borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        sources = cv2.transform(back, to_photo)
        sources = cv2.warpAffine(sources, camera, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                                 borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        second = cv2.remap(after, sources, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(first, np.uint8), np.asarray(second, np.uint8)


def _jittered(crop: Doubles, sigma: float, rng: np.random.Generator) -> Doubles:
    """A crop transform (2, 3) as a held crop has it: a little shifted, scaled and turned about the eyes."""
    angle, scale = np.radians(sigma * rng.normal()), 1 + 0.01 * sigma * rng.normal()
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    eyes = np.array(CROP_EYES)
    shift = turn @ (crop[:, 2] - eyes) + eyes + sigma * rng.normal(size=2)
    return np.hstack([turn @ crop[:, :2], shift[:, None]])


def _camera(iod_px: float, rng: np.random.Generator) -> Doubles:
    """The crop transform (2, 3), frame px to crop px, of a face somewhere in a frame, a little tilted."""
    angle = np.radians(4 * rng.normal())
    scale = CROP_IOD / iod_px
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = np.array([[0, 0], [CROP, 0], [0, CROP], [CROP, CROP]]) @ np.linalg.inv(turn).T
    origin = corners.min(axis=0) - 1 - rng.random(2)
    return np.hstack([turn, (turn @ origin)[:, None]])


def _frame_size(camera: Doubles) -> tuple[int, int]:
    """Width and height of the part of the frame that the crop is cut from."""
    corners = np.array([[0, 0], [CROP, 0], [0, CROP], [CROP, CROP]], np.float64)
    back = inverted(camera)
    reach = (corners @ back[:, :2].T + back[:, 2]).max(axis=0)
    return int(reach[0]) + 2, int(reach[1]) + 2


def _cut(frame: NDArray[np.uint8], camera: Doubles) -> NDArray[np.uint8]:
    """The canonical crop of a frame, RGB, cut as the live pipeline cuts it."""
    crop = cv2.warpAffine(frame, camera, (CROP, CROP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop[..., ::-1], np.uint8)


def _fading(outline: NDArray[np.uint8], rng: np.random.Generator) -> Floats:
    """1 on the face, falling to 0 outside it within 0.15 to 0.6 inter-ocular distances, (256, 256, 1)."""
    away = cv2.distanceTransform(1 - outline, cv2.DIST_L2, 3) / CROP_IOD
    start, width = rng.uniform(0.0, 0.15), rng.uniform(0.15, 0.45)
    share = np.clip(1 - (away - start) / width, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)[..., None]
