"""Random expression fields: action units of the table, scanned shapes, smooth bumps."""

from dataclasses import dataclass

import cv2
import numpy as np

from calib.face import CROP, CROP_IOD, FACE_OVAL, Floats
from calib.facs import ACTION_UNITS
from calib.phantom.fields import FieldMaker
from engines.grid import at_places
from engines.meflownet.data.shapes import ShapeModel

MAX_STRAIN = 0.6
"""Largest derivative of a drawn field: below 1 the skin does not fold, and a rendered frame has one source a pixel."""

_SETTLED_PX, _MOST_ROUNDS = 0.005, 40
"""When the fixed point of a field that says where skin comes from is near enough."""

TYPICAL = ((6, 12), (12, 25), (6, 12, 25), (1, 2), (1, 2, 25), (4, 7), (1, 4), (9, 10), (15, 17), (4, 9), (20, 25))
"""Units that go together in smiles, surprise, frowns, disgust and fear."""


@dataclass(frozen=True)
class ExpressionConfig:
    """How large and of what kind the expressions are.

    Attributes:
        still: share of pairs without any expression.
        micro_px: smallest and largest peak displacement of a micro-movement, px of the crop, log-uniform.
        macro: share of macro movements among the pairs that move.
        macro_px: their smallest and largest peak displacement, px of the crop, log-uniform.
        scanned: share of scanned shapes, if there are any, among the pairs that move.
        smooth: share of smooth bumps without any anatomy among the pairs that move.
        typical: share of units that often go together, two-sided, among the pairs moved by units.
        spread_iod: smallest and largest width σ of the skin's response around a region, IOD.
        stretched: share of fields that say where the moved skin comes from. Drawn as where the skin goes, a field can
            stretch it to no more than 1 + `MAX_STRAIN` of its length; around parting lips it is several times that.
        stretch: largest derivative of those: skin gets as long as 1 / (1 - stretch).
    """

    still: float = 0.12
    micro_px: tuple[float, float] = (0.05, 4.0)
    macro: float = 0.6
    macro_px: tuple[float, float] = (4.0, 15.0)
    scanned: float = 0.25
    smooth: float = 0.2
    typical: float = 0.4
    spread_iod: tuple[float, float] = (0.11, 0.2)
    stretched: float = 0.5
    stretch: float = 0.85


def expression_field(
    landmarks: Floats, config: ExpressionConfig, shapes: tuple[ShapeModel, Floats] | None, rng: np.random.Generator
) -> Floats:
    """One random expression, (256, 256, 2) float32 px of the crop, u right, v down.

    Args:
        landmarks: (478, 3) px of the crop.
        config: what is drawn from.
        shapes: the scanned shapes and their fields for this person, as `ShapeModel.fields` gives them.
        rng: where chance comes from.
    """
    if rng.random() < config.still:
        return np.zeros((CROP, CROP, 2), np.float32)
    kind = rng.random()
    if shapes is not None and kind < config.scanned:
        field = _scanned(*shapes, rng)
    elif kind < config.scanned + config.smooth:
        field = _bumps(landmarks, rng)
    else:
        field = _units(landmarks, config, rng)
    low, high = config.macro_px if rng.random() < config.macro else config.micro_px
    peak = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    field = field * (peak / max(float(np.hypot(field[..., 0], field[..., 1]).max()), 1e-6))
    stretched = rng.random() < config.stretched
    limit = config.stretch if stretched else MAX_STRAIN
    strain = max(float(np.abs(np.diff(field, axis=axis)).max()) for axis in (0, 1))
    field = np.asarray(field * min(1.0, limit / max(strain, 1e-6)), np.float32)
    return _forward(field) if stretched else field


def _forward(backward: Floats) -> Floats:
    """Where skin goes, if `backward` says where it comes from: E with E(X) = backward(X + E(X)), by a fixed point."""
    field = backward
    for _ in range(_MOST_ROUNDS):
        before, field = field, at_places(backward, field)
        if float(np.abs(field - before).max()) < _SETTLED_PX:
            break
    return field


def _units(landmarks: Floats, config: ExpressionConfig, rng: np.random.Generator) -> Floats:
    """Action units that often go together, or one to four of any, each two-sided or on one side."""
    maker = FieldMaker(landmarks, CROP, CROP, float(rng.uniform(*config.spread_iod)))
    if rng.random() < config.typical:
        numbers = TYPICAL[int(rng.integers(len(TYPICAL)))]
        codes = [(f"AU{number}", rng.uniform(0.5, 1.0)) for number in numbers]
    else:
        codes = []
        for index in rng.choice(len(ACTION_UNITS), int(rng.integers(1, 5)), replace=False):
            unit = ACTION_UNITS[index]
            side = str(rng.choice(["", "", "L", "R"])) if unit.sided else ""
            codes.append((f"{side}AU{unit.number}", rng.uniform(0.25, 1.0)))
    field = np.zeros((CROP, CROP, 2), np.float32)
    for code, strength in codes:
        field += maker.field(code) * np.float32(strength)
    return field


def _scanned(model: ShapeModel, fields: Floats, rng: np.random.Generator) -> Floats:
    """One to four scanned shapes; a shape's other side joins in half of the time."""
    coarse = np.zeros(fields.shape[1:], np.float32)
    for index in rng.choice(len(fields), min(int(rng.integers(1, 5)), len(fields)), replace=False):
        strength = rng.uniform(0.25, 1.0)
        coarse += np.float32(strength) * fields[index]
        name = model.names[index]
        other = name[:-2] + {"_L": "_R", "_R": "_L"}.get(name[-2:], name[-2:])
        if other != name and other in model.names and rng.random() < 0.5:
            coarse += np.float32(strength * rng.uniform(0.7, 1.2)) * fields[model.names.index(other)]
    return np.asarray(cv2.resize(coarse, (CROP, CROP), interpolation=cv2.INTER_CUBIC), np.float32)


def _bumps(landmarks: Floats, rng: np.random.Generator) -> Floats:
    """One to six Gaussian bumps anywhere on the face, in any direction."""
    axis = np.arange(CROP)
    field = np.zeros((CROP, CROP, 2), np.float32)
    outline = landmarks[list(FACE_OVAL), :2]
    low, high = outline.min(axis=0), outline.max(axis=0)
    for _ in range(int(rng.integers(1, 7))):
        x, y = rng.uniform(low, high)
        sigma = CROP_IOD * np.exp(rng.uniform(np.log(0.12), np.log(0.6)))
        across, down = (np.exp(-((axis - c) ** 2) / (2 * sigma**2)) for c in (x, y))
        field += (down[:, None] * across)[..., None].astype(np.float32) * rng.normal(size=2).astype(np.float32)
    return field
