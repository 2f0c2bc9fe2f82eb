"""What a method found against what happened, and counts and errors pooled over videos."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.spotting.found import Found
from bench.spotting.truth import Span, TrueEvent, Truth
from bench.unit_score import unit_f1
from calib.phantom.scoring import Interval, match
from calib.phantom.speech import Speech
from realtime.messages import Kind

KINDS: tuple[Kind, Kind] = ("micro", "macro")
FLOOR_IOD = 0.01
"""Events smaller than this are left out of the main tables: they count neither as true nor as missed, IOD."""

AFTER_S = 0.2
"""An event that begins so long after a distractor is still put down to it, s."""

REST = "rest alone"


@dataclass(frozen=True)
class Judged:
    """One method on one or more videos.

    Attributes:
        right: true events with what was found of them.
        missed: true events that were not found.
        false: what was found and did not happen.
        at_rest: those of `false` that overlap no true event at all, each with the distractor it is put down to.
        taken_back: what was told, overlaps no true event at all and was taken back later, likewise.
        told: whether anything was told of before the video's end.
        resting_s: time without an expression.
        distractors: how often each kind of distractor occurred.
    """

    right: tuple[tuple[TrueEvent, Found], ...] = ()
    missed: tuple[TrueEvent, ...] = ()
    false: tuple[Found, ...] = ()
    at_rest: tuple[tuple[Found, str], ...] = ()
    taken_back: tuple[tuple[Found, str], ...] = ()
    told: bool = False
    resting_s: float = 0.0
    distractors: Mapping[str, int] | None = None

    def count(self, kind: Kind | None = None) -> tuple[int, int, int]:
        """True positives, false positives and misses, of one kind or of both together."""
        kinds = KINDS if kind is None else (kind,)
        return (
            sum(event.kind in kinds for event, _ in self.right),
            sum(found.kind in kinds for found in self.false),
            sum(event.kind in kinds for event in self.missed),
        )

    def f1(self, kind: Kind | None = None) -> float:
        """2 TP / (2 TP + FP + FN); NaN where there was nothing to find and nothing was found."""
        tp, fp, fn = self.count(kind)
        return _ratio(2 * tp, 2 * tp + fp + fn)

    def precision(self, kind: Kind | None = None) -> float:
        """TP / (TP + FP)."""
        tp, fp, _ = self.count(kind)
        return _ratio(tp, tp + fp)

    def recall(self, kind: Kind | None = None) -> float:
        """TP / (TP + FN)."""
        tp, _, fn = self.count(kind)
        return _ratio(tp, tp + fn)

    def recall_within(self, kind: Kind, low_iod: float, high_iod: float) -> float:
        """Recall of the true events of a kind whose amplitude lies from `low_iod` to `high_iod`."""
        found = sum(_within(event, kind, low_iod, high_iod) for event, _ in self.right)
        return _ratio(found, self.number_within(kind, low_iod, high_iod))

    def number_within(self, kind: Kind, low_iod: float, high_iod: float) -> int:
        """How many true events there are of a kind and of such amplitudes."""
        every = [*(event for event, _ in self.right), *self.missed]
        return sum(_within(event, kind, low_iod, high_iod) for event in every)

    def mae_s(self, time: str) -> float:
        """Mean absolute error of "onset_s", "apex_s" or "offset_s" over the true positives, s."""
        errors = [abs(getattr(event, time) - getattr(found, time)) for event, found in self.right]
        return float(np.mean(errors)) if errors else math.nan

    def delay_s(self, percentile: float) -> float:
        """A percentile of the time from the true apex to its announcement, over the true positives, s."""
        delays = [found.announced_s - event.apex_s for event, found in self.right]
        known = [delay for delay in delays if not math.isnan(delay)]
        return float(np.percentile(known, percentile)) if known else math.nan

    def units_f1(self) -> float:
        """F1 of the action units read in the true positives; see `unit_f1`."""
        return unit_f1((event.codes, found.units) for event, found in self.right if found.units is not None)

    def magnitude_share(self, percentile: float) -> float:
        """A percentile of the magnitudes told of the true positives, each as a share of the true amplitude."""
        shares = [found.magnitude_iod / event.amplitude_iod for event, found in self.right]
        known = [share for share in shares if not math.isnan(share)]
        return float(np.percentile(known, percentile)) if known else math.nan

    def false_per_minute(self) -> float:
        """False events that overlap no true one, a minute of time without an expression."""
        return _ratio(len(self.at_rest), self.resting_s / 60)

    def taken_back_per_minute(self) -> float:
        """Events told where there was none and taken back, a minute of time without an expression; NaN if none told."""
        return _ratio(len(self.taken_back), self.resting_s / 60) if self.told else math.nan

    def blamed(self, kind: str) -> float:
        """False events put down to a kind of distractor, an occurrence of it; NaN if it never occurred."""
        return self._each(kind, self.at_rest)

    def blamed_back(self, kind: str) -> float:
        """What was told and taken back put down to a kind of distractor, an occurrence of it."""
        return self._each(kind, self.taken_back)

    def share_right(self, low: float, high: float) -> tuple[float, int]:
        """Share of the events found with a confidence from `low` to below `high` that were right, and how many."""
        right = sum(low <= found.confidence < high for _, found in self.right)
        wrong = sum(low <= found.confidence < high for found in self.false)
        return _ratio(right, right + wrong), right + wrong

    def _each(self, kind: str, alarms: Sequence[tuple[Found, str]]) -> float:
        return _ratio(sum(cause == kind for _, cause in alarms), (self.distractors or {}).get(kind, 0))


def judge(truth: Truth, found: Sequence[Found], floor_iod: float = 0.0) -> Judged:
    """Hold what was found in one video against the truth, each kind by itself, by the rules of MEGC.

    Neither true nor false are what was found of events below the floor, and one macro-expression a stretch of speech
    (the longest): someone who speaks does move the face for that long. Everything else found in speech is false.
    What was taken back is nothing of all that, and counted by itself.

    Args:
        truth: of the video.
        found: by a method.
        floor_iod: smaller events are left out, IOD.
    """
    kept = [f for f in found if not f.taken_back]
    counted = [event for event in truth.events if event.amplitude_iod >= floor_iod]
    small = [event for event in truth.events if event.amplitude_iod < floor_iod]
    right: list[tuple[TrueEvent, Found]] = []
    for kind in KINDS:
        true = [event for event in counted if event.kind == kind]
        own = [f for f in kept if f.kind == kind]
        pairs = match([(event.onset_s, event.offset_s) for event in true], [f.interval for f in own])
        right += [(true[i], own[k]) for i, k in pairs]
    taken = {id(f) for _, f in right}
    false = [f for f in kept if id(f) not in taken and not any(_covers(_interval(e), f.interval) for e in small)]
    for span in truth.distractors:
        if span.kind == Speech.kind:
            false = _without_speech(false, span)
    hit = {id(event) for event, _ in right}
    every = [_interval(event) for event in truth.events]

    def alone(alarms: Sequence[Found]) -> tuple[tuple[Found, str], ...]:
        apart = (f for f in alarms if all(_shared(f.interval, interval) <= 0 for interval in every))
        return tuple((f, blame(truth.distractors, f)) for f in apart)

    return Judged(
        tuple(right),
        tuple(event for event in counted if id(event) not in hit),
        tuple(false),
        alone(false),
        alone([f for f in found if f.taken_back]),
        any(not math.isnan(f.announced_s) for f in found),
        truth.resting_s,
        Counter(span.kind for span in truth.distractors),
    )


def pool(parts: Iterable[Judged]) -> Judged:
    """Several videos as one."""
    whole = list(parts)
    occurred: Counter[str] = Counter()
    for part in whole:
        occurred.update(part.distractors or {})
    return Judged(
        tuple(pair for part in whole for pair in part.right),
        tuple(event for part in whole for event in part.missed),
        tuple(f for part in whole for f in part.false),
        tuple(pair for part in whole for pair in part.at_rest),
        tuple(pair for part in whole for pair in part.taken_back),
        any(part.told for part in whole),
        sum(part.resting_s for part in whole),
        occurred,
    )


def blame(spans: Sequence[Span], found: Found) -> str:
    """The kind of the distractor that an event fits best, up to `AFTER_S` after it; `REST` if there was none."""

    def fit(span: Span) -> float:
        common = _shared((span.start_s, span.end_s + AFTER_S), found.interval)
        return common / (span.end_s - span.start_s + found.length_s) if common > 0 else 0.0

    best = max(spans, key=fit, default=None)
    return best.kind if best is not None and fit(best) > 0 else REST


def _without_speech(false: list[Found], span: Span) -> list[Found]:
    """Without the longest macro-expression that lies mostly in a stretch of speech."""
    reach = (span.start_s, span.end_s + AFTER_S)
    inside = [f for f in false if f.kind == "macro" and _shared(reach, f.interval) >= 0.5 * f.length_s]
    if not inside:
        return false
    longest = max(inside, key=lambda f: f.length_s)
    return [f for f in false if f is not longest]


def _covers(small: Interval, found: Interval) -> bool:
    """Whether two intervals share half of the shorter one."""
    return _shared(small, found) >= 0.5 * min(small[1] - small[0], found[1] - found[0])


def _within(event: TrueEvent, kind: Kind, low_iod: float, high_iod: float) -> bool:
    return event.kind == kind and low_iod <= event.amplitude_iod < high_iod


def _interval(event: TrueEvent) -> Interval:
    return event.onset_s, event.offset_s


def _shared(a: Interval, b: Interval) -> float:
    """Length that two intervals have in common; negative: how far they are apart."""
    return min(a[1], b[1]) - max(a[0], b[0])


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
