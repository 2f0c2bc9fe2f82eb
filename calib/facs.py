"""Action units of the Facial Action Coding System: what moves, which way, and what it has meant.

A movement is written once for one half of the face, as (outward, up): outward is away from the midline, up is towards
the forehead. It is scaled so that the strongest region of the unit moves by 1. The table is our own reading of the
muscle actions in Ekman, Friesen & Hager, *Facial Action Coding System* (2002).

Codes: "AU12" is two-sided, "LAU12" and "RAU12" are the subject's own left and right side.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from calib.face import REGION_INDEX, REGIONS, Doubles, subject_side

Label = Literal["negative", "positive", "surprise", "none"]
CLASSES: tuple[Label, ...] = ("negative", "positive", "surprise")


@dataclass(frozen=True)
class ActionUnit:
    """One action unit.

    Attributes:
        number: its FACS number.
        name: its FACS name.
        movements: region (without its side) → (outward, up), the strongest of them of length 1.
        sided: whether it occurs on one side alone.
    """

    number: int
    name: str
    movements: Mapping[str, tuple[float, float]]
    sided: bool = True


_UPPER_LID = {"Upper Eyelid Outer": 0.8, "Upper Eyelid Center": 1.0, "Upper Eyelid Inner": 0.7}
_LOWER_LID = {"Lower Eyelid Outer": 0.9, "Lower Eyelid Center": 1.0, "Lower Eyelid Inner": 0.6}


def _lids(lids: Mapping[str, float], up: float, outward: float = 0.0) -> dict[str, tuple[float, float]]:
    return {name: (outward * share, up * share) for name, share in lids.items()}


ACTION_UNITS: tuple[ActionUnit, ...] = (
    ActionUnit(1, "inner brow raiser", {"Inner Eyebrow": (-0.1, 1.0), "Outer Eyebrow": (0.0, 0.2)}),
    ActionUnit(2, "outer brow raiser", {"Outer Eyebrow": (0.05, 1.0), "Inner Eyebrow": (0.0, 0.3)}),
    ActionUnit(4, "brow lowerer", {"Inner Eyebrow": (-0.55, -0.83), "Outer Eyebrow": (-0.2, -0.45)}),
    ActionUnit(5, "upper lid raiser", _lids(_UPPER_LID, 1.0)),
    ActionUnit(6, "cheek raiser", {"Cheek": (0.15, 1.0), **_lids(_LOWER_LID, 0.5)}),
    ActionUnit(7, "lid tightener", {**_lids(_LOWER_LID, 1.0, -0.1), **_lids(_UPPER_LID, -0.3)}),
    ActionUnit(9, "nose wrinkler", {"Nostril Wing": (0.1, 1.0), "Inner Eyebrow": (-0.2, -0.5),
                                    "Upper Lip Side": (0.0, 0.5), "Upper Lip Center": (0.0, 0.35),
                                    "Cheek": (0.0, 0.3)}),
    ActionUnit(10, "upper lip raiser", {"Upper Lip Side": (0.05, 1.0), "Upper Lip Center": (0.0, 0.8),
                                        "Nostril Wing": (0.05, 0.4), "Cheek": (0.0, 0.2)}),
    ActionUnit(12, "lip corner puller", {"Mouth Corner": (0.75, 0.66), "Upper Lip Side": (0.35, 0.3),
                                         "Lower Lip Side": (0.35, 0.3), "Cheek": (0.15, 0.3)}),
    ActionUnit(14, "dimpler", {"Mouth Corner": (0.99, 0.1), "Upper Lip Side": (0.35, 0.0),
                               "Lower Lip Side": (0.35, 0.05)}),
    ActionUnit(15, "lip corner depressor", {"Mouth Corner": (0.1, -0.99), "Lower Lip Side": (0.0, -0.5)}),
    ActionUnit(16, "lower lip depressor", {"Lower Lip Side": (0.1, -1.0), "Lower Lip Center": (0.0, -0.9),
                                           "Chin": (0.0, -0.2)}, sided=False),
    ActionUnit(17, "chin raiser", {"Chin": (0.0, 1.0), "Lower Lip Center": (0.0, 0.8), "Lower Lip Side": (0.0, 0.6),
                                   "Upper Lip Center": (0.0, 0.2)}, sided=False),
    ActionUnit(20, "lip stretcher", {"Mouth Corner": (0.95, -0.3), "Lower Lip Side": (0.6, -0.4),
                                     "Upper Lip Side": (0.4, -0.1), "Chin": (0.0, -0.1)}),
    ActionUnit(24, "lip pressor", {"Upper Lip Center": (0.0, -0.8), "Upper Lip Side": (-0.1, -0.7),
                                   "Lower Lip Center": (0.0, 1.0), "Lower Lip Side": (-0.1, 0.8),
                                   "Mouth Corner": (-0.35, 0.0)}, sided=False),
    ActionUnit(25, "lips part", {"Lower Lip Center": (0.0, -1.0), "Lower Lip Side": (0.0, -0.7),
                                 "Upper Lip Center": (0.0, 0.4), "Upper Lip Side": (0.0, 0.3),
                                 "Chin": (0.0, -0.3)}, sided=False),
    ActionUnit(45, "blink", {**_lids(_UPPER_LID, -1.0), **_lids(_LOWER_LID, 0.15)}),
)  # fmt: skip
BY_NUMBER: Mapping[int, ActionUnit] = {unit.number: unit for unit in ACTION_UNITS}

_CODE = re.compile(r"([LR]?)AU(\d+)")


def parse_code(code: str) -> tuple[str, ActionUnit]:
    """Split "LAU12" into its subject side ("L", "R" or "") and the unit.

    Raises:
        ValueError: not a code, a unit the table does not know, or a side on a unit that has none.
    """
    match = _CODE.fullmatch(code)
    if match is None:
        raise ValueError(f"{code!r} is not an action unit code: expected AU12, LAU12 or RAU12")
    side, number = match[1], int(match[2])
    if number not in BY_NUMBER:
        raise ValueError(f"AU{number} is not in the table; known: {', '.join(f'AU{n}' for n in BY_NUMBER)}")
    if side and not BY_NUMBER[number].sided:
        raise ValueError(f"AU{number} ({BY_NUMBER[number].name}) has no sides: write AU{number}")
    return side, BY_NUMBER[number]


def in_order(codes: Iterable[str]) -> tuple[str, ...]:
    """Codes in the order of their numbers, as FACS writes them; each once."""
    return tuple(sorted(set(codes), key=lambda code: (int(re.sub(r"\D", "", code)), code)))


def _generic_name(region_name: str, viewer_side: str) -> str:
    """The name in the movement table of a region: its side dropped, an eyelid's third called outer or inner."""
    name = region_name
    for prefix in ("Left ", "Right "):
        name = name.removeprefix(prefix)
    if "Eyelid" in name:
        name = name.replace(f"{viewer_side} Side", "Outer").replace("Left Side", "Inner").replace("Right Side", "Inner")
    return name.replace("Left Side", "Side").replace("Right Side", "Side")


def pattern(code: str) -> Doubles:
    """Displacement of the 29 regions, (29, 2) in image axes (x right, y down), for a unit of strength 1.

    A one-sided unit moves the regions in the middle of the face half as far.
    """
    side, unit = parse_code(code)
    out = np.zeros((len(REGIONS), 2))
    for region in REGIONS:
        own = subject_side(region.side)
        movement = unit.movements.get(_generic_name(region.name, region.side))
        if movement is None or (side and own and own != side):
            continue
        outward, up = movement
        sign = {"Left": -1.0, "Right": 1.0, "Center": 0.0}[region.side]
        share = 0.5 if side and not own else 1.0
        out[REGION_INDEX[region.name]] = share * sign * outward, -share * up
    return out


CLASS_TOTALS = (1973, 319, 525)
CLASS_COUNTS: Mapping[int, tuple[int, int, int]] = {
    1: (113, 13, 340), 2: (44, 8, 347), 4: (1113, 10, 41), 5: (109, 6, 234), 6: (69, 115, 3), 7: (486, 10, 22),
    9: (90, 2, 0), 10: (132, 17, 3), 12: (105, 222, 6), 14: (213, 30, 11), 15: (41, 10, 1), 16: (11, 2, 4),
    17: (101, 8, 8), 20: (34, 1, 0), 24: (168, 30, 12), 25: (12, 2, 13),
}  # fmt: skip
"""How often a unit was annotated in a (negative, positive, surprise) micro-expression, of `CLASS_TOTALS` such.

Counted from the published annotation tables of DFME (training part), CAS(ME)³, CASME II and SAMM: anger, contempt,
disgust, fear and sadness are negative, happiness is positive; "others" and repression have no class.
"""


def class_probabilities(numbers: Iterable[int]) -> dict[Label, float]:
    """P(class | the units seen), by naive Bayes over `CLASS_COUNTS` with add-one smoothing.

    Args:
        numbers: FACS numbers that were seen. Units without statistics (blink) say nothing.

    Returns:
        Probabilities over negative, positive, surprise; only {"none": 1.0} when no unit with statistics was seen.
    """
    seen = {number for number in numbers if number in CLASS_COUNTS}
    if not seen:
        return {"none": 1.0}
    scores = []
    for index, total in enumerate(CLASS_TOTALS):
        score = math.log(total / sum(CLASS_TOTALS))
        for number, counts in CLASS_COUNTS.items():
            share = (counts[index] + 1) / (total + 2)
            score += math.log(share if number in seen else 1 - share)
        scores.append(score)
    weights = [math.exp(score - max(scores)) for score in scores]
    return {label: weight / sum(weights) for label, weight in zip(CLASSES, weights, strict=True)}
