"""Pairs of crops with exact flow, made on the fly.

A point X of the photo's own crop is seen in the first crop at H₁(X) and in the second at H₂(X + E(X)), E the
expression, by which skin slides over the head, and H₁, H₂ the poses of a solid head before a perspective camera; flow
is exact on the first crop's grid (but for a few pairs of real photos, see `posed`). Frames are the photo warped by the
inverses. Both are rendered at a camera's scale, disturbed there, and then cut into the crop with one transform, as the
live pipeline does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.crop import rgb_crop
from calib.face import (
    CROP,
    CROP_IOD,
    FACE_OVAL,
    Doubles,
    Floats,
    crop_landmarks,
    crop_transform,
    invert_transform,
    joined_transforms,
)
from calib.phantom.eyes import find_eyes
from calib.phantom.head import skin_depth
from engines.grid import at_places
from engines.meflownet.data.appearance import AppearanceConfig, altered
from engines.meflownet.data.cameras import jittered, placing_at, shown
from engines.meflownet.data.expressions import ExpressionConfig, expression_field
from engines.meflownet.data.heads import HeadConfig, head_motion
from engines.meflownet.data.people import Person
from engines.meflownet.data.photometry import Image, Photometry, PhotometryConfig
from engines.meflownet.data.posed import TOLERANCE_PX, posed_flow
from engines.meflownet.data.shapes import ShapeModel

_NEWTON_ROUNDS, _FARTHEST_PX = 8, 4.0  # of Newton's method, by which flows are turned round, and in each of them
_THINNEST = 0.05  # skin is pressed to no less of its area
_SETTLED_PX = 0.05  # off by more is skin that a turned head hides, and what is seen in its place


@dataclass(frozen=True)
class PairConfig:
    """What pairs are made of.

    Attributes:
        expression, appearance, head, photometry: see there.
        frame_iod: smallest and largest inter-ocular distance in the camera's frames, px.
        jitter: σ of the crop's misplacement: px of shift, hundredths of scale, degrees of rotation.
        posed: share of pairs of two real photos, of people of whom there are several.
        still_background: share of pairs whose background does not move with the head.
        mirrored: whether half of the pairs are mirrored.
    """

    expression: ExpressionConfig = field(default_factory=ExpressionConfig)
    appearance: AppearanceConfig = field(default_factory=AppearanceConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    photometry: PhotometryConfig = field(default_factory=PhotometryConfig)
    frame_iod: tuple[float, float] = (60.0, 150.0)
    jitter: float = 2.0
    posed: float = 0.2
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
        tolerance_px: how far the flow may be off; 0 where it is exact.
    """

    first: NDArray[np.uint8]
    second: NDArray[np.uint8]
    facial: Floats
    head: Floats
    valid: NDArray[np.bool_]
    name: str
    tolerance_px: float = 0.0

    def mirrored(self) -> "Pair":
        """The same pair in a mirror."""
        flip = np.array([-1, 1], np.float32)
        first, second, valid = (np.ascontiguousarray(a[:, ::-1]) for a in (self.first, self.second, self.valid))
        facial, head = (np.ascontiguousarray(flow[:, ::-1] * flip) for flow in (self.facial, self.head))
        return Pair(first, second, facial, head, valid, self.name, self.tolerance_px)


@dataclass(frozen=True)
class Acted:
    """What a face does between the frames of a pair.

    Attributes:
        field: expression on the first crop's grid, (256, 256, 2) px.
        closure: how far a blink has closed the eyes in the second frame, 0 to 1; no flow is true there.
    """

    field: Floats
    closure: float = 0.0


Act = Callable[[Floats], Acted]
"""Makes a movement for mesh points (478, 3) of the crop."""

Actor = Callable[[Floats, "tuple[ShapeModel, Floats] | None", np.random.Generator], Acted]
"""The same, given the scanned shapes with their fields for this person, if there are any, and chance."""


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
        self._depths: dict[int, Floats] = {}
        self._photos_of: dict[str, list[int]] = {}
        for index, person in enumerate(self._people):
            self._photos_of.setdefault(person.name, []).append(index)
        axis = np.arange(CROP, dtype=np.float32)
        self._grid = np.stack(np.meshgrid(axis, axis), axis=-1)
        self._noise = np.random.default_rng(seed).standard_normal((900, 900, 3), np.float32)

    def pair(self, number: int) -> Pair:
        """Pair number `number`."""
        rng = np.random.default_rng([self._seed, number])
        who = int(rng.integers(len(self._people)))
        others = [n for n in self._photos_of[self._people[who].name] if n != who]
        if others and rng.random() < self._config.posed:
            pair = self._posed(self._people[who], self._people[int(rng.choice(others))], rng)
        else:
            pair = self._made(who, rng)
        return pair.mirrored() if self._config.mirrored and rng.random() < 0.5 else pair

    def _made(self, who: int, rng: np.random.Generator) -> Pair:
        """A pair rendered from one photo."""
        config = self._config.expression
        pair, _ = self._rendered(
            who, lambda landmarks: Acted(expression_field(landmarks, config, self._scanned(who), rng)), rng
        )
        return pair

    def acted(self, number: int, act: Actor) -> tuple[Pair, Floats]:
        """Pair number `number` of a movement that is decided elsewhere, never mirrored.

        Args:
            number: which; a person, a head's motion and a camera belong to it.
            act: makes the movement.

        Returns:
            The pair and its mesh points in the first crop, (478, 3) px.
        """
        rng = np.random.default_rng([self._seed, number])
        who = int(rng.integers(len(self._people)))
        return self._rendered(who, lambda landmarks: act(landmarks, self._scanned(who), rng), rng)

    def _rendered(self, who: int, act: Act, rng: np.random.Generator) -> tuple[Pair, Floats]:
        person, c = self._people[who], self._config
        crop = jittered(crop_transform(person.landmarks), c.jitter, rng)
        landmarks = crop_landmarks(crop, person.landmarks)
        outline = np.zeros((CROP, CROP), np.uint8)
        cv2.fillPoly(outline, [np.round(landmarks[list(FACE_OVAL), :2]).astype(np.int32)], 1)

        acted = act(landmarks)
        motion = head_motion(self._depth(who, crop), c.head, rng)
        at_rest = motion.solid.at_rest(motion.before)
        expression = _fetched(acted.field, at_rest)
        head = motion.solid.seen(at_rest, motion.after) - self._grid
        facial = motion.solid.seen(at_rest + expression, motion.after) - self._grid
        hull = _fetched(outline, at_rest, cv2.INTER_NEAREST)
        apparent = facial * _fading(hull, rng) if rng.random() < c.still_background else facial
        placing = placing_at(float(rng.uniform(*c.frame_iod)), rng)
        changed, covered = altered(person.photo, person.landmarks, c.appearance, rng)
        hidden = _fetched(cv2.warpAffine(covered, crop, (CROP, CROP), flags=cv2.INTER_LINEAR), at_rest)
        source = _fetched(at_rest, self._inverse(apparent))
        if acted.closure > 0:
            for eye in find_eyes(landmarks, CROP_IOD):
                eye.close(source, acted.closure)
        frames = shown(person.photo, crop, placing, at_rest), shown(changed, crop, placing, source)
        first, second = self._taken(frames, placing, rng)
        settled = np.abs(motion.solid.seen(at_rest, motion.before) - self._grid).max(axis=-1) < _SETTLED_PX
        pair = Pair(first, second, facial, head, (hull > 0) & (hidden <= 0.05) & settled, person.name)
        seen = motion.solid.seen(landmarks[None, :, :2], motion.before)[0]
        return pair, np.hstack([seen, landmarks[:, 2:]])

    def _posed(self, person: Person, other: Person, rng: np.random.Generator) -> Pair:
        """A pair of two photos of the same person."""
        c = self._config
        crops = [jittered(crop_transform(p.landmarks), c.jitter, rng) for p in (person, other)]
        before, after = (crop_landmarks(k, p.landmarks) for k, p in zip(crops, (person, other), strict=True))
        facial, head, trusted = posed_flow(before, after)
        placing = placing_at(float(rng.uniform(*c.frame_iod)), rng)
        frames = shown(person.photo, crops[0], placing), shown(other.photo, crops[1], placing)
        first, second = self._taken(frames, placing, rng)
        return Pair(first, second, facial, head, trusted, person.name, TOLERANCE_PX)

    def _taken(self, frames: tuple[Image, Image], placing: Doubles, rng: np.random.Generator) -> tuple[Image, Image]:
        """Both crops of what a camera makes of two frames."""
        first, second = Photometry(self._config.photometry, rng, self._noise)(*frames)
        return rgb_crop(first, placing), rgb_crop(second, placing)

    def _depth(self, who: int, crop: Doubles) -> Floats:
        """Depth of one person's skin in a crop (2, 3) of the photo, (256, 256) IOD; solved when first asked for."""
        plain = crop_transform(self._people[who].landmarks)
        if who not in self._depths:
            self._depths[who] = skin_depth(crop_landmarks(plain, self._people[who].landmarks), CROP, CROP)
        misplaced = joined_transforms(invert_transform(plain), crop)
        depth = cv2.warpAffine(self._depths[who], misplaced, (CROP, CROP), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(depth, np.float32)

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
        """For every pixel Y of the second crop, the X of the first with X + flow(X) = Y.

        By Newton's method: a plain fixed point runs away where skin is stretched to more than twice its length.
        """
        along_y, along_x = np.gradient(flow, axis=(0, 1))
        a, b, c, d = 1 + along_x[..., 0], along_y[..., 0], along_x[..., 1], 1 + along_y[..., 1]
        determinant = np.maximum(a * d - b * c, _THINNEST)
        steps = np.stack([d, -b, -c, a], axis=-1) / determinant[..., None]
        back = -flow
        for _ in range(_NEWTON_ROUNDS):
            x, y = np.moveaxis(-back - at_places(flow, back), -1, 0)
            step = at_places(steps, back)
            back[..., 0] += (step[..., 0] * x + step[..., 1] * y).clip(-_FARTHEST_PX, _FARTHEST_PX)
            back[..., 1] += (step[..., 2] * x + step[..., 3] * y).clip(-_FARTHEST_PX, _FARTHEST_PX)
        return np.asarray(self._grid + back, np.float32)


def _fetched(image: Image | Floats, places: Floats, how: int = cv2.INTER_LINEAR) -> Any:
    """What an image of the crop shows at places (256, 256, 2) px."""
    return cv2.remap(image, places, None, how, borderMode=cv2.BORDER_REPLICATE)


def _fading(outline: NDArray[np.uint8], rng: np.random.Generator) -> Floats:
    """1 on the face, falling to 0 outside it within 0.15 to 0.6 inter-ocular distances, (256, 256, 1)."""
    away = cv2.distanceTransform(1 - outline, cv2.DIST_L2, 3) / CROP_IOD
    start, width = rng.uniform(0.0, 0.15), rng.uniform(0.15, 0.45)
    share = np.clip(1 - (away - start) / width, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)[..., None]
