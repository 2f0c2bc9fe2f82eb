"""Action units out of region movements: which sparse mix of the table's patterns explains what was measured."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from calib.face import REGION_INDEX, REGIONS, Doubles
from calib.facs import ACTION_UNITS, parse_code, pattern
from engines.regions import RegionMotion

MAX_UNITS = 4
_MIN_GAIN = 0.10
_MIN_STRENGTH = 0.25
_MIN_CLOSING_IOD = 0.02  # brows that draw together by less are left to the pursuit
_EYELID_WEIGHT = 0.5  # eyelid discs are small and half eyeball: a smaller say


@cache
def _dictionary() -> tuple[tuple[str, ...], Doubles]:
    """Every code and its weighted pattern, (codes, 58)."""
    codes: list[str] = []
    for unit in ACTION_UNITS:
        codes += [f"AU{unit.number}"] + ([f"LAU{unit.number}", f"RAU{unit.number}"] if unit.sided else [])
    return tuple(codes), np.stack([(_weights()[:, None] * pattern(code)).ravel() for code in codes])


@cache
def _weights() -> Doubles:
    return np.array([_EYELID_WEIGHT if region.part == "eyelid" else 1.0 for region in REGIONS])


def infer_units(regions: Sequence[RegionMotion], noise_iod: Sequence[float]) -> list[tuple[str, float]]:
    """The action units behind a measurement, by non-negative matching pursuit.

    At each step the unit that explains most of what is left joins, and all strengths are fitted again; it ends when
    the best unit explains under a tenth of the whole or is weaker than a quarter of the strongest.

    Args:
        regions: measured movements; regions not given count as still.
        noise_iod: floor of each, IOD; a movement below it counts as still.

    Returns:
        (code, strength in IOD), the strongest first; a unit found on both sides apart becomes one two-sided unit.
    """
    measured = np.zeros((len(REGIONS), 2))
    for region, noise in zip(regions, noise_iod, strict=True):
        if math.hypot(region.u_iod, region.v_iod) > noise:
            measured[REGION_INDEX[region.name]] = region.u_iod, region.v_iod
    target = (_weights()[:, None] * measured).ravel()
    energy = float(target @ target)
    if energy == 0:
        return []
    codes, patterns = _dictionary()
    norms = np.einsum("ij,ij->i", patterns, patterns)
    chosen: list[int] = []
    strengths: Doubles = np.zeros(0)
    left = target
    while len(chosen) < MAX_UNITS:
        gains = np.maximum(patterns @ left, 0) ** 2 / norms
        gains[chosen] = 0
        best = int(gains.argmax())
        if gains[best] < _MIN_GAIN * energy:
            break
        chosen.append(best)
        strengths = _non_negative(patterns[chosen], target)
        left = target - strengths @ patterns[chosen]
    found = {codes[index]: float(s) for index, s in zip(chosen, strengths, strict=True)}
    found = _merge_sides(found)
    frown = _frown(measured, found)
    if frown > 0:
        found["AU4"] = frown
    strongest = max(found.values(), default=0.0)
    kept = [(code, s) for code, s in found.items() if s > _MIN_STRENGTH * strongest]
    return sorted(kept, key=lambda pair: -pair[1])


def _frown(measured: Doubles, found: dict[str, float]) -> float:
    """Strength of a frown (AU4) that larger movements elsewhere hid from the pursuit, IOD; 0 if there is none.

    It is told by the inner brows drawing together and down: their distance from each other is the same however the
    head has turned.
    """
    if any(parse_code(code)[1].number in (1, 4) for code in found):
        return 0.0
    left, right = (REGION_INDEX[f"{side} Inner Eyebrow"] for side in ("Left", "Right"))
    explained = sum((strength * pattern(code) for code, strength in found.items()), np.zeros_like(measured))
    closing, own = ((m[left, 0] - m[right, 0]) for m in (measured - explained, pattern("AU4")))
    lowered = min(measured[left, 1], measured[right, 1]) > 0.25 * closing / 2
    return float(closing / own) if closing > _MIN_CLOSING_IOD and lowered else 0.0


def _non_negative(patterns: Doubles, target: Doubles) -> Doubles:
    """Non-negative least squares by coordinate descent: a handful of patterns, so a few sweeps settle it."""
    gram, product = patterns @ patterns.T, patterns @ target
    strengths = np.zeros(len(patterns))
    for _ in range(50):
        for k in range(len(strengths)):
            strengths[k] = max(0.0, strengths[k] + (product[k] - gram[k] @ strengths) / gram[k, k])
    return strengths


def _merge_sides(found: dict[str, float]) -> dict[str, float]:
    """One code a unit, however its sides were found: two-sided unless it is twice as strong on one."""
    by_number: dict[int, dict[str, float]] = {}
    for code, strength in found.items():
        side, unit = parse_code(code)
        by_number.setdefault(unit.number, {})[side] = strength
    merged = {}
    for number, sides in by_number.items():
        left, right = (sides.get("", 0.0) + sides.get(side, 0.0) for side in "LR")
        side = "" if min(left, right) > 0.5 * max(left, right) else "L" if left > right else "R"
        merged[f"{side}AU{number}"] = (left + right) / 2 if not side else max(left, right)
    return merged
