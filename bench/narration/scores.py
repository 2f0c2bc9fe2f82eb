"""How well a narrator answered."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bench.narration.cases import NOTHING, Case, Kind
from bench.unit_score import counted, unit_f1
from calib.facs import CLASSES
from engines.mellm import Answer, Narrator
from engines.mellm.claims import claims, false_claims


@dataclass(frozen=True)
class Spoken:
    """A case and what was said of it.

    Attributes:
        case: what was asked.
        answer: what was said.
        first_ms, whole_ms: from the question to the first word, and to the end of the answer.
        pieces: of text that came.
    """

    case: Case
    answer: Answer
    first_ms: float
    whole_ms: float
    pieces: int


def ask(narrator: Narrator, case: Case) -> Spoken:
    """Ask a narrator about a case."""
    began = time.perf_counter()
    first, pieces = float("nan"), 0
    for piece in narrator.narrate(case.facts):
        if isinstance(piece, Answer):
            whole = 1000 * (time.perf_counter() - began)
            return Spoken(case, piece, whole if np.isnan(first) else first, whole, max(pieces, 1))
        if piece:
            pieces += 1
            first = 1000 * (time.perf_counter() - began) if np.isnan(first) else first
    raise RuntimeError(f"{narrator.name} gave no answer")


@dataclass(frozen=True)
class Scores:
    """All that one narrator said.

    Attributes:
        spoken: case by case.
        checked: whether every claim was held against the measurement before it was heard, so that none can be false.
    """

    spoken: tuple[Spoken, ...]
    checked: bool = False

    def of(self, kinds: Iterable[Kind]) -> "Scores":
        """Those of some kinds."""
        wanted = set(kinds)
        return Scores(tuple(one for one in self.spoken if one.case.kind in wanted), self.checked)

    def unit_f1(self, sides: bool = True) -> float:
        """F1 of the action units, counted over all cases; a unit on the wrong side is a wrong one unless told not to.

        A blink is not counted: it is no expression.
        """
        return unit_f1(((one.case.units, one.answer.action_units) for one in self.spoken), sides)

    def confusion(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """Annotated class (3 rows) against the answer's (3 columns, and none), weighted by how often it was annotated.

        Every case from pictures weighs the same in all; those from the table weigh as often as they were annotated.
        """
        table = np.zeros((3, 4))
        for one in self.spoken:
            counts = np.array(one.case.counts, np.float64)
            if counts.sum():
                weight = counts if one.case.kind == "true" else counts / counts.sum()
                label = one.answer.label
                table[:, CLASSES.index(label) if label in CLASSES else 3] += weight
        return table

    def uf1(self) -> float:
        """Mean over the classes of F1 (MEGC)."""
        table = self.confusion()
        return float(np.mean([2 * table[k, k] / max(table[k].sum() + table[:, k].sum(), 1e-9) for k in range(3)]))

    def uar(self) -> float:
        """Mean over the classes of recall (MEGC)."""
        table = self.confusion()
        return float(np.mean([table[k, k] / max(table[k].sum(), 1e-9) for k in range(3)]))

    def faithfulness(self) -> float:
        """Share of the claimed region movements that were measured, in the claimed direction ± 45°.

        NaN where nothing was claimed, and where it is 1 by construction, which measures nothing.
        """
        if self.checked:
            return float("nan")
        made = sum(len(claims(one.answer.narration)) for one in self.spoken)
        false = sum(len(false_claims(one.answer.narration, one.case.facts)) for one in self.spoken)
        return 1 - false / made if made else float("nan")

    def false_alarms(self) -> float:
        """Share of the cases in which nothing happened and an expression was claimed."""
        quiet = [one for one in self.spoken if one.case.kind in NOTHING]
        wrong = sum(bool(counted(one.answer.action_units)) or one.answer.label != "none" for one in quiet)
        return wrong / len(quiet) if quiet else float("nan")

    def replaced(self, name: str) -> float:
        """Share of the answers that another narrator gave in this one's place."""
        return sum(one.answer.narrator not in ("", name) for one in self.spoken) / max(len(self.spoken), 1)

    def first_ms(self, percentile: float) -> float:
        """From the question to the first word."""
        return _percentile([one.first_ms for one in self.spoken], percentile)

    def whole_ms(self, percentile: float) -> float:
        """From the question to the end of the answer."""
        return _percentile([one.whole_ms for one in self.spoken], percentile)

    def calibration(self, edges: Sequence[float]) -> list[tuple[float, float, float]]:
        """(mean confidence, share right, weight) of the answers with a class, by confidence."""
        rows: list[tuple[float, float, float]] = []
        for low, high in pairwise(edges):
            held = [one for one in self.spoken if low <= one.answer.confidence < high and one.answer.label in CLASSES]
            held = [one for one in held if sum(one.case.counts)]
            if held:
                right = [one.case.counts[CLASSES.index(one.answer.label)] / sum(one.case.counts) for one in held]
                rows.append((float(np.mean([one.answer.confidence for one in held])), float(np.mean(right)), len(held)))
        return rows


def _percentile(values: Sequence[float], percentile: float) -> float:
    return float(np.percentile(values, percentile)) if values else float("nan")
