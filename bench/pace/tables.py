"""A report as tables: for the terminal, and for its page."""

from collections.abc import Iterator, Sequence

from bench.flow.table import Table
from bench.pace.budget import Over
from bench.pace.compare import Change
from bench.pace.drift import Drift
from bench.pace.results import HOPS, MAKERS, PAGE, SUPERVISOR, Ceiling, Outcome, Pace, Spread

NOTHING = "–"
_PROCESSES = (*dict.fromkeys(MAKERS.values()), SUPERVISOR)


def rate_table(outcomes: Sequence[Outcome]) -> Table:
    """A row a run: what rate came through, what was lost, and what it took."""
    columns = (
        "run", "fps asked", "fps", "frames", "skipped", "no face", "faces a frame", "late p95 ms", "CPU %",
        "others' CPU %", "MB", "restarts",
    )  # fmt: skip
    rows = []
    for outcome in outcomes:
        counts = outcome.counts
        faces = f"{counts.motions / counts.measured:.2f}" if counts.measured else NOTHING
        rows.append((
            _name(outcome), f"{outcome.case.fps:g}", f"{counts.fps:.1f}", str(counts.captured), str(counts.skipped),
            str(counts.faceless), faces, _ms(outcome.late.p95), f"{outcome.cpu_percent:.0f}",
            f"{outcome.others_percent:.0f}", f"{outcome.memory_mb:.0f}", str(counts.restarts),
        ))  # fmt: skip
    return Table("What came through", columns, tuple(rows), frozenset())


def latency_table(outcomes: Sequence[Outcome]) -> Table:
    """A row a run: latency from capture to each message, p50 / p95 / p99 ms."""
    hops = [hop for hop in HOPS if any(hop in outcome.latency for outcome in outcomes)]
    rows = [
        (f"{_name(o)}, {o.case.fps:g} fps", *(_three(o.latency.get(hop)) for hop in hops), _three(o.first_word))
        for o in outcomes
    ]
    columns = ("run", *(f"→ {hop}" for hop in hops), "apex → first word")
    title = "From a frame's capture to the arrival of each message, p50 / p95 / p99 ms"
    return Table(title, columns, tuple(rows), frozenset())


def process_table(outcome: Outcome) -> Table:
    """A row a process of one run: what it adds to the latency, and what it takes."""
    rows = []
    for name in (*_PROCESSES, *((PAGE,) if outcome.case.pages else ())):
        usage = outcome.usage.get(name)
        rows.append((
            name, _three(outcome.own.get(name)),
            *((f"{usage.cpu_percent:.1f}", f"{usage.memory_mb:.0f}") if usage else (NOTHING, NOTHING)),
        ))  # fmt: skip
    rows.append(("all", NOTHING, f"{outcome.cpu_percent:.1f}", f"{outcome.memory_mb:.0f}"))
    columns = ("process", "its own part, p50 / p95 / p99 ms", "CPU %", "MB")
    return Table(f"{_name(outcome)}, {outcome.case.fps:g} fps: by process", columns, tuple(rows), frozenset())


def seen_table(outcomes: Sequence[Outcome]) -> Table:
    """A row a browser that looked at a page."""
    rows = tuple(
        (f"{_name(o)}, {o.case.fps:g} fps", *(f"{n:.1f}" for n in (s.curves_fps, s.pictures_fps, s.megabits)))
        for o in outcomes
        for s in o.seen
    )
    columns = ("run", "curve points a second", "pictures a second", "Mbit/s")
    return Table("What reached each page", columns, rows, frozenset())


def ceiling_table(ceilings: Sequence[Ceiling]) -> Table:
    """A row a scene: the highest rate that was sustained."""
    rows = []
    for ceiling in ceilings:
        fps = f"{ceiling.fps:g}" if ceiling.fps else f"below {ceiling.failed_fps:g}"
        if not ceiling.failed_fps:
            fps = f"{fps} or more"
        tried = ", ".join(f"{rate:g} {'✓' if held else '✗'}" for rate, held in ceiling.tried)
        rows.append((ceiling.scene, fps, f"{ceiling.failed_fps:g}" if ceiling.failed_fps else NOTHING, tried))
    columns = ("scene", "highest sustained fps", "lowest that failed", "tried")
    return Table("Highest frame rate", columns, tuple(rows), frozenset())


def alone_table(paces: Sequence[Pace]) -> Table:
    """A row a piece of the pipeline, the lossless run, or another program, alone."""
    rows = [(p.name, ", ".join(filter(None, (p.what, p.note))), *_four(p.ms), f"{p.fps:.1f}") for p in paces]
    columns = ("alone", "what", "p50 ms", "p95 ms", "p99 ms", "most ms", "a second")
    return Table("Pieces alone, and other programs, on the same frames", columns, tuple(rows), frozenset())


def engine_table(paces: Sequence[Pace]) -> Table:
    """A row an engine and setting; the fastest of each setting stands out."""
    rows = []
    best = set()
    for k, pace in enumerate(paces):
        apart = f"{pace.apart_px:.4f}" if pace.apart_px >= 0 else NOTHING
        rows.append(
            (pace.name, pace.note, str(pace.batch), str(pace.threads), *_four(pace.ms), f"{pace.fps:.1f}", apart)
        )
        rivals = [other.fps for other in paces if (other.batch, other.threads) == (pace.batch, pace.threads)]
        if len(rivals) > 1 and pace.fps == max(rivals):
            best.add((k, 8))
    columns = ("engine", "precision", "batch", "side by side", "p50 ms", "p95 ms", "p99 ms", "most ms", "pairs/s",
               "from the reference px")  # fmt: skip
    return Table(
        "A call: for each pair of the batch one encoding and one flow; followed: from a guess, as live",
        columns,
        tuple(rows),
        frozenset(best),
    )


def drift_table(drifts: Sequence[Drift]) -> Table:
    """A row a quantity: how it changed over the run."""
    rows = tuple((d.name, d.unit, f"{d.first:g}", f"{d.last:g}", f"{d.per_hour:+.2f}") for d in drifts)
    columns = ("what", "unit", "first quarter", "last quarter", "an hour")
    return Table(
        "Drift: medians of the first and last quarter after settling, and the slope", columns, rows, frozenset()
    )


def budget_table(checked: Sequence[Over]) -> Table:
    """A row a budget."""
    rows = tuple(
        (o.name, o.unit, f"{o.allowed:g}", f"{o.used:g}", f"over by {o.used - o.allowed:.4g}" if o.over else "kept")
        for o in checked
    )
    return Table("Budgets", ("what", "unit", "allowed", "used", ""), rows, frozenset())


def change_table(changes: Sequence[Change], only_changed: bool = False) -> Table:
    """A row a number that both reports have."""
    rows = []
    for change in changes:
        if only_changed and change.verdict == "about the same":
            continue
        ratio = f"{change.ratio:.2f}" if change.ratio is not None else NOTHING
        verdict = "" if change.verdict == "about the same" else change.verdict
        rows.append((change.name, change.what, f"{change.before:g}", f"{change.after:g}", ratio, verdict))
    columns = ("of", "what", "A", "B", "B ÷ A", "")
    return Table("B beside A", columns, tuple(rows), frozenset())


def parts(outcomes: Sequence[Outcome], paces: Sequence[Pace]) -> Iterator[str]:
    """How close the whole comes to the sum of its parts, a line a run that its parts were timed for."""
    for outcome in outcomes:
        scene = f"{outcome.case.width}×{outcome.case.height}"
        faces = f"{scene}, {'1 face' if outcome.case.faces == 1 else f'{outcome.case.faces} faces'}"
        mesh = [p for p in paces if p.name == "MediaPipe alone" and p.what.endswith(faces)]
        flow = [p for p in paces if p.name == f"flow alone, {outcome.engine}" and p.what.endswith(faces)]
        if mesh and flow and "Motion" in outcome.latency:
            first, second, whole = mesh[0].ms.p50, flow[0].ms.p50, outcome.latency["Motion"].p50
            yield (
                f"{_name(outcome)}, {outcome.case.fps:g} fps: capture → Motion {whole:.1f} ms; MediaPipe alone "
                f"{first:.1f} ms and flow alone {second:.1f} ms make {first + second:.1f} ms: "
                f"{whole / (first + second):.2f} times the sum (medians)."
            )


def _name(outcome: Outcome) -> str:
    """The scene; with the engine that "auto" stood for."""
    case = outcome.case
    return case.scene if case.engine == outcome.engine else f"{case.scene} ({outcome.engine})"


def _ms(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _three(spread: Spread | None) -> str:
    if spread is None or not spread.n:
        return NOTHING
    if spread.few:
        return f"{_ms(spread.p50)} / largest of {spread.n}: {_ms(spread.most)}"
    return " / ".join(_ms(value) for value in (spread.p50, spread.p95, spread.p99))


def _four(spread: Spread) -> tuple[str, ...]:
    p50, p95, p99, most = (f"{value:.2f}" for value in (spread.p50, spread.p95, spread.p99, spread.most))
    return (p50, NOTHING, NOTHING, f"{most} of {spread.n}") if spread.few else (p50, p95, p99, most)
