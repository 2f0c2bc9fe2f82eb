"""Every method on every pair, timed, and means over any of them."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.flow.measures import Errors, Judge
from bench.flow.methods import TRUE_FLOW, TRUE_FLOW_LIVE, Method
from bench.flow.pairs import Pair, PairSet, crop_flow
from bench.flow.rigid import rigid_head
from engines.runtime import FlowFields


@dataclass(frozen=True)
class Score:
    """One method on one pair.

    Attributes:
        label: the method's.
        set: the pair's.
        motion_px: largest true displacement by the expression, px of the crop.
        errors: what was wrong.
        encode_ms: time to encode one image; NaN for the true flow.
        flow_ms: time from two encoded images to their flow, the first one having been used before.
    """

    label: str
    set: PairSet
    motion_px: float
    errors: Errors
    encode_ms: float
    flow_ms: float


def measure(method: Method, pair: Pair) -> tuple[FlowFields, float, float]:
    """A method's flow of a pair on the crop's grid, and what it took: ms to encode one image, ms for the flow.

    Outside the measured time, a whole frame's flow is taken to the crop, and whatever is no engine of this project
    gets the head's motion that fits its flow best.
    """
    images = pair.frames if method.whole_frame else pair.crops
    start = time.perf_counter()
    first, second = (method.encode(image) for image in images)
    encoded = time.perf_counter()
    if method.kind == "engine":
        method.flow(first, second, pair.landmarks)  # what it prepares of an anchor, it keeps
    began = time.perf_counter()
    fields = method.flow(first, second, pair.landmarks)
    done = time.perf_counter()
    if method.whole_frame:
        fields = FlowFields(crop_flow(fields.facial, pair.transform), None)
    if method.kind != "engine":
        fields = FlowFields(fields.facial, rigid_head(fields.facial, pair.landmarks))
    return fields, 500 * (encoded - start), 1000 * (done - began)


def score_pairs(methods: Sequence[Method], pairs: Iterable[Pair]) -> Iterator[list[Score]]:
    """The scores of all methods, and of the true flow with either head fit, pair by pair."""
    for number, pair in enumerate(pairs):
        if number == 0:  # first calls allocate
            for method in methods:
                measure(method, pair)
        judge = Judge(pair)
        scores = []
        for method in methods:
            fields, encode_ms, flow_ms = measure(method, pair)
            scores.append(Score(method.label, pair.set, pair.motion_px, judge.errors(fields), encode_ms, flow_ms))
        for label, head in ((TRUE_FLOW, rigid_head(pair.facial, pair.landmarks)), (TRUE_FLOW_LIVE, None)):
            exact = judge.errors(FlowFields(pair.facial, head))
            scores.append(Score(label, pair.set, pair.motion_px, exact, np.nan, np.nan))
        yield scores


@dataclass(frozen=True)
class Scores:
    """Many scores."""

    rows: tuple[Score, ...]

    def where(self, test: Callable[[Score], bool]) -> "Scores":
        """Those that pass a test."""
        return Scores(tuple(row for row in self.rows if test(row)))

    def of(self, label: str) -> "Scores":
        """Those of one method."""
        return self.where(lambda row: row.label == label)

    def mean(self, error: str) -> float:
        """Mean over the pairs of one of the numbers of `Errors`; NaN if there are none."""
        return _mean([getattr(row.errors, error) for row in self.rows])

    def degrees(self) -> float:
        """Mean angular error over all regions of all pairs."""
        return _mean([angle for row in self.rows for angle in row.errors.degrees])

    def median_ms(self, step: str) -> float:
        """Median over the pairs of "encode_ms" or "flow_ms"."""
        return float(np.median([getattr(row, step) for row in self.rows])) if self.rows else np.nan

    def pairs(self) -> int:
        """How many pairs were scored: as many as there are rows of any one method."""
        return len(self.of(self.rows[0].label).rows) if self.rows else 0


def _mean(values: list[Any]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else np.nan
