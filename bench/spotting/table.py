"""What the spotting benchmark found, as tables for the terminal and as a page of Markdown."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from bench.flow.table import Column, Table, make_table, to_markdown
from bench.spotting.definitions import definitions
from bench.spotting.methods import SPOTTER, Result
from bench.spotting.recording import Recording
from bench.spotting.scores import FLOOR_IOD, REST, Judged, pool
from realtime.messages import Kind

SIZES: tuple[tuple[Kind, float, float], ...] = (
    ("micro", 0.005, 0.0075), ("micro", 0.0075, 0.01), ("micro", 0.01, 0.015), ("micro", 0.015, 0.02),
    ("micro", 0.02, 0.03), ("macro", 0.02, 0.04), ("macro", 0.04, 0.08),
)  # fmt: skip
"""Amplitudes by which recall is broken down, IOD."""

CONFIDENCES = (0.0, 0.5, 0.8, 0.85, 0.9, 0.95, 0.98, 1.0)
"""Edges of the bins of confidence."""


@dataclass(frozen=True)
class Report:
    """A whole run.

    Attributes:
        results: of every method, engine and frame rate.
        examples: one recording an engine, at the lowest rate, for the picture.
        missing: engines that could not be opened, and why.
        facts: what and where it ran: (name, value).
    """

    results: tuple[Result, ...]
    examples: tuple[Recording, ...]
    missing: Mapping[str, str]
    facts: tuple[tuple[str, str], ...]

    @property
    def rates(self) -> tuple[float, ...]:
        """The frame rates, lowest first."""
        return tuple(sorted({result.fps for result in self.results}))

    @property
    def labels(self) -> tuple[str, ...]:
        """All rows of the tables: the spotters, then the other methods."""
        ordered = sorted(self.results, key=lambda result: result.method != SPOTTER)
        return tuple(dict.fromkeys(result.label for result in ordered))

    def at(self, fps: float) -> Mapping[str, Result]:
        """The results at one frame rate, by label."""
        return {result.label: result for result in self.results if result.fps == fps}


def score_table(report: Report, fps: float) -> Table:
    """F1, precision, recall, false events and those taken back, of one frame rate."""
    at = report.at(fps)
    counted = {label: result.counted for label, result in at.items()}
    columns = []
    for kind in ("micro", "macro"):
        columns += [
            Column(f"{kind} F1", ".2f", _of(counted, Judged.f1, kind), True),
            Column("precision", ".2f", _of(counted, Judged.precision, kind), True),
            Column("recall", ".2f", _of(counted, Judged.recall, kind), True),
        ]
    columns += [
        Column("overall F1", ".2f", _of(counted, Judged.f1), True),
        Column("false a minute", ".1f", _of(counted, Judged.false_per_minute)),
        Column("taken back a minute", ".1f", _of(counted, Judged.taken_back_per_minute)),
    ]
    return make_table(f"{fps:g} fps: events of {FLOOR_IOD:g} IOD and more ({_numbers(at)})", report.labels, columns)


def time_table(report: Report, fps: float) -> Table:
    """Errors of onset, apex and offset, and the apex's delay, at one frame rate."""
    counted = {label: result.counted for label, result in report.at(fps).items()}
    times = [(name.removesuffix("_s"), name) for name in ("onset_s", "apex_s", "offset_s")]
    columns = [Column(f"{name} ms", ".0f", _of(counted, Judged.mae_s, time, by=1000)) for name, time in times]
    columns += [Column(f"{name} frames", ".1f", _of(counted, Judged.mae_s, time, by=fps)) for name, time in times]
    columns += [Column(f"told after ms p{p}", ".0f", _of(counted, Judged.delay_s, p, by=1000)) for p in (50, 95)]
    return make_table(f"{fps:g} fps: errors of the times, and when the apex was told", report.labels, columns)


def size_table(report: Report, fps: float) -> Table:
    """Recall by amplitude at one frame rate."""
    every = {label: result.all for label, result in report.at(fps).items()}
    some = next(iter(every.values()))
    columns = [
        Column(
            f"{kind} {low:g}–{high:g} ({some.number_within(kind, low, high)})", ".2f",
            _of(every, Judged.recall_within, kind, low, high), True,
        )
        for kind, low, high in SIZES
    ]  # fmt: skip
    return make_table(f"{fps:g} fps: recall by amplitude, IOD (true events)", report.labels, columns)


def told_table(report: Report, fps: float) -> Table:
    """What is told of the events that were found, whatever their size, at one frame rate."""
    every = {label: result.all for label, result in report.at(fps).items() if result.method == SPOTTER}
    columns = [Column("action units F1", ".2f", _of(every, Judged.units_f1), True)]
    columns += [
        Column(f"magnitude, of the true one, {name}", ".2f", _of(every, Judged.magnitude_share, percentile), True)
        for name, percentile in (("p5", 5), ("median", 50))
    ]
    return make_table(f"{fps:g} fps: what is told of the events found, of all sizes", tuple(every), columns)


def every_table(report: Report) -> Table:
    """F1 of all events, whatever their size."""
    columns = []
    for fps in report.rates:
        every = {label: result.all for label, result in report.at(fps).items()}
        for kind in ("micro", "macro", None):
            name = f"{fps:g} fps {kind or 'overall'} F1"
            columns.append(Column(name, ".2f", _of(every, Judged.f1, kind), True))
    return make_table("All events, also the smaller ones", report.labels, columns)


def distractor_table(report: Report) -> Table:
    """False events, and those taken back, an occurrence of every kind of distractor, all frame rates together."""
    pooled = {
        label: pool(result.counted for result in report.results if result.label == label) for label in report.labels
    }
    telling = {label: own for label, own in pooled.items() if own.told}
    occurred = next(iter(pooled.values())).distractors or {}
    rows = []
    for kind in sorted(occurred):
        false = (f"{own.blamed(kind):.2f}" for own in pooled.values())
        back = (f"{own.blamed_back(kind):.2f}" for own in telling.values())
        rows.append((kind, str(occurred[kind]), *false, *back))
    alone = [own.at_rest for own in pooled.values()] + [own.taken_back for own in telling.values()]
    rows.append((REST + " (number)", "", *(str(sum(cause == REST for _, cause in alarms)) for alarms in alone)))
    names = ("distractor", "occurrences", *report.labels, *(f"taken back: {label}" for label in telling))
    title = "False events an occurrence of what they are put down to, all frame rates together"
    return Table(title, names, tuple(rows), frozenset())


def confidence_table(report: Report) -> Table:
    """Of the events that the spotter was so sure of, how many were right; all frame rates together."""
    own = [label for label in report.labels if label.startswith(SPOTTER)]
    pooled = [pool(result.all for result in report.results if result.label == label) for label in own]
    rows = []
    for low, high in pairwise(CONFIDENCES):
        top = high + (1e-9 if high == CONFIDENCES[-1] else 0)
        shares = [judged.share_right(low, top) for judged in pooled]
        cells = ("–" if math.isnan(share) else f"{share:.0%} of {count}" for share, count in shares)
        rows.append((f"{low:g}–{high:g}", *cells))
    return Table("Right, by the spotter's confidence", ("confidence", *own), tuple(rows), frozenset())


def summary_tables(report: Report) -> list[Table]:
    """The most of it for the terminal."""
    return [table(report, fps) for fps in report.rates for table in (score_table, time_table)]


def page(report: Report, picture: str) -> str:
    """The whole page, Markdown.

    Args:
        report: the run.
        picture: path of its picture, relative to the page.
    """
    each = score_table, time_table, size_table, told_table
    tables = [table(report, fps) for fps in report.rates for table in each]
    tables += [every_table(report), distractor_table(report), confidence_table(report)]
    parts = ["# Spotting", "", f"![F1 of every method, recall by size, and one example]({picture})", ""]
    parts += [f"- {name}: {value}" for name, value in report.facts]
    parts += [f"- not measured: `{name}`: {reason}" for name, reason in report.missing.items()]
    parts += ["", *(f"{to_markdown(table)}\n" for table in tables), "## What the words mean", ""]
    return "\n".join(parts) + "\n" + definitions(_levels(report)) + "\n"


def _levels(report: Report) -> str:
    """The thresholds that the whole-video methods were given."""
    given = [
        f"{result.label} at {result.fps:g} fps {result.level:g}"
        for result in report.results
        if result.level is not None
    ]
    return ", ".join(given)


def _numbers(at: Mapping[str, Result]) -> str:
    """How many true events count."""
    counted = next(iter(at.values())).counted
    micro, macro = (counted.count(kind)[0] + counted.count(kind)[2] for kind in ("micro", "macro"))
    return f"{micro} micro, {macro} macro"


def _of(
    values: Mapping[str, Judged], number: Callable[..., float], *arguments: object, by: float = 1.0
) -> Callable[[str], float]:
    """One of the numbers of `Judged`, times `by`, as a column's value; NaN for a row that was not measured."""
    return lambda label: by * number(values[label], *arguments) if label in values else math.nan
