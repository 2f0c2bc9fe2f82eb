"""What action units mean: chances of the three classes, learned from annotated sets.

A logistic regression over the units, on which side they are, which come in pairs and how many there are, fitted to the
annotations. The classes are weighted by the inverse of their frequency to the power `BALANCE`: two in three annotated
micro-expressions are negative because of how they were elicited, which tells nothing about who is before the camera.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from calib.face import Doubles
from calib.facs import CLASS_COUNTS, CLASSES, Label, parse_code
from engines.mellm.annotations import AnnotatedSet

BALANCE = 0.6
_RIDGE = 1.0
_PAIRS = 40
_STEPS = 3000

_NUMBERS = tuple(CLASS_COUNTS)


class Meaning:
    """Chances of the classes for any set of action units."""

    def __init__(self, sets: Sequence[AnnotatedSet]) -> None:
        """Learn from annotated sets.

        Args:
            sets: with their counts; those without a class say nothing.
        """
        labelled = [one for one in sets if sum(one.counts[:3])]
        counts = np.array([one.counts[:3] for one in labelled], np.float64)
        totals = counts.sum(axis=0)
        weighted = counts * (totals.sum() / np.maximum(totals, 1)) ** BALANCE
        weighted *= counts.sum() / weighted.sum()
        together: dict[tuple[int, int], float] = {}
        for one in labelled:
            for pair in combinations(sorted({_number(code) for code in one.units}), 2):
                together[pair] = together.get(pair, 0.0) + sum(one.counts[:3])
        self._pairs = sorted(together, key=lambda pair: -together[pair])[:_PAIRS]
        self._fit = _regression(np.array([self._features(one.units) for one in labelled]), weighted)

    def chances(self, units: Iterable[str]) -> dict[Label, float]:
        """Chances of negative, positive and surprise; only {"none": 1.0} when no unit with a meaning is given."""
        told = tuple(code for code in units if _number(code) in CLASS_COUNTS)
        if not told:
            return {"none": 1.0}
        scores = self._fit @ np.append(self._features(told), 1.0)
        learned = np.exp(scores - scores.max())
        learned /= learned.sum()
        return {label: float(chance) for label, chance in zip(CLASSES, learned, strict=True)}

    def _features(self, units: Sequence[str]) -> Doubles:
        numbers = {_number(code) for code in units}
        sided = {_number(code) for code in units if code[0] in "LR"}
        row = [float(n in numbers) for n in _NUMBERS] + [float(n in sided) for n in _NUMBERS]
        row += [float(a in numbers and b in numbers) for a, b in self._pairs]
        row += [float(len(numbers) == size) for size in (1, 2, 3)]
        return np.array(row)


def _number(code: str) -> int:
    return parse_code(code)[1].number


def _regression(features: Doubles, counts: Doubles) -> Doubles:
    """Weights (3, n + 1) of a ridge-penalised multinomial logistic regression, by accelerated gradient descent."""
    rows = np.hstack([features, np.ones((len(features), 1))])
    ridge = np.full(rows.shape[1], 2 * _RIDGE)
    ridge[-1] = 0.0
    totals = counts.sum(axis=1, keepdims=True)
    step = 1 / (0.5 * np.linalg.norm(rows.T @ (rows * totals), 2) + 2 * _RIDGE)
    weights = np.zeros((3, rows.shape[1]))
    ahead, pace = weights, 1.0
    for _ in range(_STEPS):
        scores = rows @ ahead.T
        chances = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        slope = (totals * chances - counts).T @ rows + ridge * ahead
        new = ahead - step * slope
        faster = (1 + np.sqrt(1 + 4 * pace * pace)) / 2
        ahead, weights, pace = new + (pace - 1) / faster * (new - weights), new, faster
    return weights
