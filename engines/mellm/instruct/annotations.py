"""What people have annotated: which action units came together in micro-expressions, and what they meant.

The table is a CSV with the columns `aus` (units joined by "+", L and R before a number for one side), `emotion` and
`count`; other columns are ignored. Without a table, sets are drawn from `calib.facs.CLASS_COUNTS`, as if the units of
a class came independently.
"""

import csv
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calib.facs import BY_NUMBER, CLASS_COUNTS, CLASS_TOTALS, CLASSES, in_order

CLASS_OF: Mapping[str, int] = {
    "anger": 0, "contempt": 0, "disgust": 0, "fear": 0, "sadness": 0, "happiness": 1, "surprise": 2,
}  # fmt: skip
"""Index in `CLASSES` of every emotion that has one: "others" and repression have none."""

_HELD_OUT_SHARE = 5


class AnnotationError(ValueError):
    """A table that cannot be used; one line."""


@dataclass(frozen=True)
class AnnotatedSet:
    """One set of action units and how often it was annotated.

    Attributes:
        units: codes in the order of their numbers.
        counts: how often as negative, positive, surprise, and without a class.
    """

    units: tuple[str, ...]
    counts: tuple[int, int, int, int]

    @property
    def held_out(self) -> bool:
        """Whether this set is never trained on: one in five of those of several units, by a hash of its codes.

        Single units are no secret, so they are trained on; a share of their counts is held out instead.
        """
        name = "+".join(self.units)
        return len(self.units) > 1 and int(hashlib.sha256(name.encode()).hexdigest(), 16) % _HELD_OUT_SHARE == 0


def is_secret(units: Iterable[str]) -> bool:
    """Whether training must not show this set of units: it is held out, or what a mirror makes of it is."""
    images = (in_order(units), in_order(other_side(code) for code in units))
    return any(AnnotatedSet(codes, (0, 0, 0, 0)).held_out for codes in images)


def other_side(code: str) -> str:
    """A unit's code in a mirror."""
    return {"L": "R", "R": "L"}.get(code[0], code[0]) + code[1:]


def read_annotations(path: Path) -> list[AnnotatedSet]:
    """Read a table; units that `calib.facs` does not know are left out of their sets.

    Raises:
        AnnotationError: unreadable, or a column is missing, or a count is no number.
    """
    counts: dict[tuple[str, ...], list[int]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as table:
            reader = csv.DictReader(table)
            missing = {"aus", "emotion", "count"} - set(reader.fieldnames or ())
            if missing:
                raise AnnotationError(f"{path}: no column {' or '.join(sorted(missing))}; it needs aus,emotion,count")
            for row in reader:
                units = _codes(row["aus"])
                if units:
                    place = CLASS_OF.get((row["emotion"] or "").strip().lower(), len(CLASSES))
                    counts.setdefault(units, [0, 0, 0, 0])[place] += int(row["count"])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AnnotationError(f"{path}: cannot be read: {error}") from error
    except AnnotationError:
        raise
    except (TypeError, ValueError) as error:
        raise AnnotationError(f"{path}: {error}") from error
    if not counts:
        raise AnnotationError(f"{path}: holds no action unit that is known")
    return [AnnotatedSet(units, (n[0], n[1], n[2], n[3])) for units, n in sorted(counts.items())]


def _codes(written: str) -> tuple[str, ...]:
    codes = []
    for side, number in re.findall(r"([LR]?)(\d+)", written):
        unit = BY_NUMBER.get(int(number))
        if unit is not None and unit.number in CLASS_COUNTS:
            codes.append(f"{side if unit.sided else ''}AU{number}")
    both = {code[1:] for code in codes if code[0] == "L"} & {code[1:] for code in codes if code[0] == "R"}
    return in_order(code for code in {code[1:] if code[1:] in both else code for code in codes})


def built_in_annotations(count: int = 3000, seed: int = 0) -> list[AnnotatedSet]:
    """Sets drawn from the built-in counts, one to three units each, as if those of a class came independently."""
    rng = np.random.default_rng(seed)
    numbers = np.array(list(CLASS_COUNTS))
    counts: dict[tuple[str, ...], list[int]] = {}
    for label, total in enumerate(CLASS_TOTALS):
        weights = np.array([CLASS_COUNTS[n][label] + 0.1 for n in numbers])
        for _ in range(round(count * total / sum(CLASS_TOTALS))):
            size = int(rng.choice([1, 2, 3], p=[0.55, 0.33, 0.12]))
            drawn = rng.choice(numbers, size, replace=False, p=weights / weights.sum())
            sides = [str(rng.choice(["", "", "", "L", "R"])) if BY_NUMBER[n].sided else "" for n in drawn]
            units = in_order(f"{side}AU{n}" for side, n in zip(sides, drawn, strict=True))
            counts.setdefault(units, [0, 0, 0, 0])[label] += 1
    return [AnnotatedSet(units, (n[0], n[1], n[2], n[3])) for units, n in sorted(counts.items())]


def split(sets: Sequence[AnnotatedSet], seed: int = 0) -> tuple[list[AnnotatedSet], list[AnnotatedSet]]:
    """What is trained on, and what is held out: whole sets, and a fifth of the counts of every other one.

    The mirror images of sets held out are not trained on either.
    """
    rng = np.random.default_rng(seed)
    train: list[AnnotatedSet] = []
    held_out: list[AnnotatedSet] = []
    for one in sets:
        away = np.array(one.counts) if one.held_out else rng.binomial(one.counts, 1 / _HELD_OUT_SHARE)
        left = np.zeros(4, int) if is_secret(one.units) else np.array(one.counts) - away
        for counts, part in ((left, train), (away, held_out)):
            if counts.sum():
                part.append(AnnotatedSet(one.units, (int(counts[0]), int(counts[1]), int(counts[2]), int(counts[3]))))
    return train, held_out
