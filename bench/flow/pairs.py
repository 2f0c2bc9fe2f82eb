"""Pairs of crops with exactly known flow. No engine was trained on the people of `bench/held_out.txt`.

The movements are no secret: training draws the same action units by the same fields (`calib.phantom.fields`), with
other sizes and combinations.

A pair is a neutral frame and one shortly after, rendered by the phantom: the head has moved a little, the face has
moved by known action units (or not at all), the gain is another one and so is the sensor noise. Both frames are cut
by the first one's crop transform, as a live session does.
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.crop import cut_crop
from calib.face import (
    CROP,
    CROP_IOD,
    Doubles,
    Floats,
    crop_landmarks,
    crop_transform,
    invert_transform,
    transform_points,
)
from calib.facs import ACTION_UNITS
from calib.phantom import Nuisance, PhantomEvent, PhantomFace, PhantomScript, PhantomVideo

Kind = Literal["micro", "static", "macro"]
Image = NDArray[np.uint8]

NOISES = (0.7, 2.0, 4.0)
"""σ of the sensor noise, grey levels: a bright room, a living room, a dim one."""

WIDTH, HEIGHT = 640, 480
IOD_PX = (90.0, 110.0)
MICRO_PX = (0.5, 3.0)
"""Displacement of the strongest region of every unit of a micro-expression, px of the frame."""

MACRO_PX = (4.0, 15.0)
"""Largest displacement of a macro-expression, px of the crop."""

GAIN = 0.03
"""Both frames' gains lie within 1 ± this."""

APART_S = (0.2, 1.2)
"""Time between the frames, s, in which the phantom's head sways on."""

MARGIN_PX = 2
"""The outline of the face is drawn in by this much, px of the crop."""

_MACRO_UNITS = (("AU6", "AU12"), ("AU1", "AU2"), ("AU25",))
_FOLD_PX = 0.1


@dataclass(frozen=True)
class PairSet:
    """Some pairs of one kind at one noise level."""

    kind: Kind
    noise: float


SETS = (*(PairSet("micro", noise) for noise in NOISES), PairSet("static", 2.0), PairSet("macro", 2.0))


@dataclass(frozen=True)
class Pair:
    """Two frames of a face and what is known of them.

    Attributes:
        set: what it belongs to.
        frames: both frames, (480, 640, 3) uint8 RGB.
        crops: both canonical crops, (256, 256, 3) uint8 RGB.
        transform: (2, 3), frame px to crop px, of both.
        landmarks: (478, 3) mesh points in the first crop.
        facial: true flow on the first crop's grid, (256, 256, 2) px of the crop: head and expression.
        head: true flow if only the head had moved.
        hull: (256, 256) bool, where it counts: inside the face's outline.
    """

    set: PairSet
    frames: tuple[Image, Image]
    crops: tuple[Image, Image]
    transform: Doubles
    landmarks: Floats
    facial: Floats
    head: Floats
    hull: NDArray[np.bool_]

    @property
    def expression(self) -> Floats:
        """Facial - head."""
        return self.facial - self.head

    @property
    def motion_px(self) -> float:
        """Largest displacement by the expression, px of the crop."""
        moved = self.expression[self.hull]
        return float(np.hypot(moved[:, 0], moved[:, 1]).max())


def make_pairs(faces: Sequence[PhantomFace], count: int, seed: int) -> Iterator[Pair]:
    """`count` pairs of every set, person after person; sizes are spread evenly over their range.

    Sets of one kind show the same movements at the same gains, so that nothing but the noise tells them apart.
    """
    kinds = get_args(Kind)
    for which in SETS:
        number = kinds.index(which.kind)
        places = np.random.default_rng([seed, number]).permutation(count)
        for k in range(count):
            rng = np.random.default_rng([seed, number, k])
            size = (places[k] + rng.random()) / count
            yield make_pair(faces[k % len(faces)], which, size, rng)


def make_pair(
    face: PhantomFace, which: PairSet, size: float, rng: np.random.Generator, codes: tuple[str, ...] = ()
) -> Pair:
    """One pair.

    Args:
        face: whose.
        which: of which kind, and how noisy.
        size: how large the movement is, from 0 (smallest) to 1 (largest), on a log scale.
        rng: decides the rest.
        codes: the action units of a micro-expression, all of that size; drawn if empty.
    """
    iod_px = float(rng.uniform(*IOD_PX))
    before_s = float(rng.uniform(0.0, 20.0))
    after_s = before_s + float(rng.uniform(*APART_S))
    sized = _between(MICRO_PX, size) / iod_px
    units = tuple((code, sized) for code in codes) or _units(which.kind, size, iod_px, rng)
    events = (PhantomEvent(before_s, after_s, after_s + 0.2, units),) if units else ()
    # Light and noise are added below: the phantom's own noise is one tile cut twice.
    still = Nuisance(light=0.0, noise=0.0)
    script = PhantomScript(events, nuisance=still, seed=int(rng.integers(2**31)))
    video = PhantomVideo(face, script, WIDTH, HEIGHT, iod_px)
    if which.kind == "macro":
        _strengthen(video, before_s, after_s, _between(MACRO_PX, size) * iod_px / CROP_IOD)
    true = video.flow(before_s, after_s)
    landmarks = video.landmarks(before_s)
    transform = crop_transform(landmarks)
    before, after = (photograph(video.frame(t), which.noise, rng) for t in (before_s, after_s))
    return Pair(
        which, (before, after), (cut_crop(before, transform), cut_crop(after, transform)), transform,
        crop_landmarks(transform, landmarks), crop_flow(true.facial, transform), crop_flow(true.head, transform),
        _crop_hull(true.valid, transform),
    )  # fmt: skip


def crop_flow(flow: Floats, transform: Doubles) -> Floats:
    """A frame's flow (H, W, 2) px on the crop's grid, (256, 256, 2) px of the crop, if both frames are cut alike."""
    grid = np.stack(np.meshgrid(np.arange(CROP), np.arange(CROP)), axis=-1).astype(np.float64)
    at = transform_points(invert_transform(transform), grid).astype(np.float32)
    # Not cubic: OpenCV's cubic kernel (a = -0.75) puts a slope up to 0.047 px beside its place.
    sampled = cv2.remap(flow, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled @ transform[:, :2].T, dtype=np.float32)


def _crop_hull(valid: NDArray[np.bool_], transform: Doubles) -> NDArray[np.bool_]:
    placed = cv2.warpAffine(valid.astype(np.uint8), transform, (CROP, CROP), flags=cv2.INTER_NEAREST)
    side = 2 * MARGIN_PX + 1
    drawn_in = cv2.erode(placed, np.ones((side, side), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(drawn_in > 0)


def photograph(image: NDArray[Any], noise: float, rng: np.random.Generator) -> Image:
    """A rendered frame (BGR) as a camera would give it: its own gain, fresh noise, 8 bits; RGB."""
    rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.float32)
    rgb *= np.float32(1 + rng.uniform(-GAIN, GAIN))
    rgb += np.float32(noise) * rng.standard_normal(rgb.shape, dtype=np.float32)
    return np.asarray(np.clip(np.rint(rgb), 0, 255), dtype=np.uint8)


def _between(ends: tuple[float, float], share: float) -> float:
    """The value at a share of the way between two ends, on a log scale."""
    return ends[0] * math.pow(ends[1] / ends[0], share)


def _units(kind: Kind, size: float, iod_px: float, rng: np.random.Generator) -> tuple[tuple[str, float], ...]:
    """Action units and their amplitudes, IOD."""
    if kind == "static":
        return ()
    if kind == "macro":
        codes = _MACRO_UNITS[int(rng.integers(len(_MACRO_UNITS)))]
        return tuple((code, 0.01) for code in codes)
    # A blink covers skin, so no flow is true there.
    table = [unit for unit in ACTION_UNITS if unit.number != 45]
    chosen = rng.choice(len(table), int(rng.integers(1, 4)), replace=False)
    units = []
    for place, index in enumerate(chosen):
        side = str(rng.choice(["", "", "L", "R"])) if table[index].sided else ""
        share = size if place == 0 else float(rng.random())
        units.append((f"{side}AU{table[index].number}", _between(MICRO_PX, share) / iod_px))
    return tuple(units)


def _strengthen(video: PhantomVideo, before_s: float, after_s: float, wanted_px: float) -> None:
    """Scale the expression of a phantom until it moves the face by `wanted_px` of the frame, or nearly folds it."""
    moved = _reach(video, before_s, after_s)
    _scale(video, wanted_px / moved)
    # A fold has no flow; one shows in that the way there and back does not end where it began.
    while _gap(video, before_s, after_s) > _FOLD_PX:
        _scale(video, 0.85)


def _scale(video: PhantomVideo, factor: float) -> None:
    (event,) = video.script.events
    units = tuple((code, factor * amplitude) for code, amplitude in event.units)
    video.script = dataclasses.replace(video.script, events=(dataclasses.replace(event, units=units),))


def _reach(video: PhantomVideo, before_s: float, after_s: float) -> float:
    true = video.flow(before_s, after_s)
    lengths = np.linalg.norm(true.expression[true.valid], axis=-1)
    return max(float(lengths.max()), math.ulp(1.0))


def _gap(video: PhantomVideo, before_s: float, after_s: float) -> float:
    """How far there and back leads astray, px: the 99.9th percentile over the face."""
    there, back = video.flow(before_s, after_s), video.flow(after_s, before_s)
    grid = np.stack(np.meshgrid(np.arange(video.width), np.arange(video.height)), axis=-1).astype(np.float32)
    returned = there.facial + cv2.remap(back.facial, grid + there.facial, None, cv2.INTER_LINEAR)
    return float(np.percentile(np.linalg.norm(returned[there.valid], axis=-1), 99.9))
