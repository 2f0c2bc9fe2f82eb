"""What is acted: action units with their strengths, or nothing, a moving head, a blink."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from calib.facs import ACTION_UNITS, CLASS_COUNTS, in_order, parse_code
from engines.mellm.instruct.annotations import AnnotatedSet, is_secret

STRENGTH_IOD = (0.005, 0.06)
"""Displacement of the strongest unit's strongest region, log-uniform: from what is hardly seen to a plain grin."""

WEAKER = 0.4
"""The other units are at least so strong as a share of the strongest."""

LOPSIDED = 0.7
"""The weaker side of a two-sided unit is at least so strong as a share of the other."""

_NOTHING, _BLINK, _ANY, _SCANNED = 0.10, 0.07, 0.3, 0.12
_UNITS = tuple(unit for unit in ACTION_UNITS if unit.number in CLASS_COUNTS)


@dataclass(frozen=True)
class Play:
    """What a face acts.

    Attributes:
        units: (code, strength in IOD of its strongest region); a two-sided unit may be given as its two sides.
        closure: how far the eyes close, 0 to 1.
        scanned: chance that the movement is made of scanned shapes where there are some.
    """

    units: tuple[tuple[str, float], ...] = ()
    closure: float = 0.0
    scanned: float = _SCANNED

    def written(self) -> str:
        """As one line of JSON."""
        return json.dumps(asdict(self))

    @staticmethod
    def read(text: str) -> "Play":
        """The play that `written` gave."""
        held = json.loads(text)
        return Play(tuple((str(c), float(s)) for c, s in held["units"]), float(held["closure"]), float(held["scanned"]))

    @property
    def codes(self) -> tuple[str, ...]:
        """The units it shows, two sides as one unit, in the order of their numbers."""
        given = {code for code, _ in self.units}
        return in_order(
            code[1:] if code[0] in "LR" and {f"L{code[1:]}", f"R{code[1:]}"} <= given else code for code in given
        )

    def strength(self, code: str) -> float:
        """How strong a unit of `codes` is, IOD: that of its stronger side."""
        return max(s for given, s in self.units if given == code or given[1:] == code)


def draw_play(sets: Sequence[AnnotatedSet], rng: np.random.Generator) -> Play:
    """One play: mostly one of the sets, sometimes any units (but no set that is held out), a blink, or nothing."""
    kind = rng.random()
    if kind < _NOTHING:
        return Play()
    if kind < _NOTHING + _BLINK:
        return Play(closure=float(rng.uniform(0.3, 1.0)))
    if rng.random() < _ANY:
        codes = _any_units(rng)
    else:
        # Square roots, so that the brow lowerer alone is not half of everything.
        weights = np.sqrt([sum(one.counts) for one in sets])
        codes = sets[int(rng.choice(len(sets), p=weights / weights.sum()))].units
    return Play(_with_strengths(codes, rng))


def _any_units(rng: np.random.Generator) -> tuple[str, ...]:
    while True:
        chosen = rng.choice(len(_UNITS), int(rng.choice([1, 2, 3, 4], p=[0.4, 0.35, 0.2, 0.05])), replace=False)
        sides = [str(rng.choice(["", "", "L", "R"])) if _UNITS[k].sided else "" for k in chosen]
        codes = in_order(f"{side}AU{_UNITS[k].number}" for side, k in zip(sides, chosen, strict=True))
        if not is_secret(codes):
            return codes


def _with_strengths(codes: tuple[str, ...], rng: np.random.Generator) -> tuple[tuple[str, float], ...]:
    low, high = np.log(STRENGTH_IOD)
    strongest = float(np.exp(rng.uniform(low, high)))
    shares = rng.uniform(WEAKER, 1.0, len(codes))
    shares[int(rng.integers(len(codes)))] = 1.0
    units: list[tuple[str, float]] = []
    for code, share in zip(codes, shares, strict=True):
        strength = strongest * float(share)
        side, unit = parse_code(code)
        if unit.sided and not side:
            weaker = strength * float(rng.uniform(LOPSIDED, 1.0))
            both = (strength, weaker) if rng.random() < 0.5 else (weaker, strength)
            units += [(f"L{code}", both[0]), (f"R{code}", both[1])]
        else:
            units.append((code, strength))
    return tuple(units)
