"""Two reports side by side."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.complaint import BenchError
from bench.pace.drift import drifts
from bench.pace.results import Report, Spread

CLOSE = 0.05
"""What differs by less than this share is as good as the same."""


@dataclass(frozen=True)
class Change:
    """One number in both reports.

    Attributes:
        name: what of.
        what: it is, with its unit.
        before, after: the number in the first and the second report.
        more_is_better: of it.
    """

    name: str
    what: str
    before: float
    after: float
    more_is_better: bool

    @property
    def ratio(self) -> float | None:
        """The second to the first; None where the first is nothing."""
        return self.after / self.before if self.before else None

    @property
    def verdict(self) -> str:
        """Better, worse, or about the same."""
        ratio = self.ratio
        if ratio is None:
            better = 0 if self.after == self.before else 1 if (self.after > 0) == self.more_is_better else -1
        elif abs(ratio - 1) < CLOSE:
            better = 0
        else:
            better = 1 if (ratio > 1) == self.more_is_better else -1
        return ("about the same", "better", "worse")[better]


def compare(before: Report, after: Report) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """Every number that both reports have, and the names of what only one has.

    Raises:
        BenchError: they are of different benchmarks, or have nothing in common.
    """
    if before.kind != after.kind:
        raise BenchError(f"a report of bench {before.kind} and one of bench {after.kind} cannot be compared")
    first, second = ({(name, what): (value, more) for name, what, value, more in _numbers(r)} for r in (before, after))
    both = [key for key in first if key in second]
    if not both:
        raise BenchError("the two reports have no case in common: run the second with the first one's options")
    changes = tuple(Change(*key, first[key][0], second[key][0], first[key][1]) for key in both)
    named = {name for name, _ in both}
    alone = dict.fromkeys(name for name, _ in (*first, *second) if name not in named)
    return changes, tuple(alone)


def _numbers(report: Report) -> Iterator[tuple[str, str, float, bool]]:
    """(name, what, value, whether more is better)."""
    for outcome in report.outcomes:
        name = outcome.case.label
        yield name, "frames a second", round(outcome.counts.fps, 2), True
        yield name, "frames skipped", float(outcome.counts.skipped), False
        for hop, spread in outcome.latency.items():
            for share in _shares(spread):
                yield name, f"capture → {hop} {share} ms", float(getattr(spread, share)), False
        if outcome.first_word.n:
            yield name, "apex → first word p50 ms", outcome.first_word.p50, False
        for process, usage in outcome.usage.items():
            yield name, f"{process} CPU %", usage.cpu_percent, False
            yield name, f"{process} MB", usage.memory_mb, False
        yield name, "CPU %", round(outcome.cpu_percent, 1), False
        yield name, "MB", round(outcome.memory_mb, 1), False
        if report.kind == "soak":
            for drift in drifts(outcome.windows):
                yield name, f"{drift.name}: {drift.unit} an hour", drift.per_hour, False
    for ceiling in report.ceilings:
        yield ceiling.scene, "highest sustained fps", ceiling.fps, True
    for pace in report.paces:
        several = f", batch {pace.batch}, {pace.threads} side by side" if report.kind == "engines" else f", {pace.what}"
        name = f"{pace.name}{several}"
        for share in _shares(pace.ms):
            yield name, f"{share} ms", float(getattr(pace.ms, share)), False
        yield name, "pieces a second", pace.fps, True


def _shares(spread: Spread) -> tuple[str, ...]:
    """The quantiles that mean something."""
    return ("p50",) if spread.few else ("p50", "p95", "p99")
