"""How a benchmark of the pace ends: tables, files, and what is over budget."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from bench import machine
from bench.complaint import STOPPED, complain
from bench.flow.table import Table, to_rich
from bench.pace.budget import Budgets, Over
from bench.pace.drift import drifts
from bench.pace.page import page
from bench.pace.results import Report, to_json
from bench.pace.tables import (
    alone_table,
    budget_table,
    ceiling_table,
    drift_table,
    engine_table,
    latency_table,
    parts,
    process_table,
    rate_table,
    seen_table,
)


def facts(command: str) -> tuple[tuple[str, str], ...]:
    """What and where it runs, asked when it begins."""
    return (
        ("command", command),
        ("machine", f"{machine.cpu()}, {machine.size()}"),
        ("load average", f"{machine.load()} when it began"),
        ("versions", machine.versions()),
        ("date", machine.now()),
    )


def finish(report: Report, budgets: Budgets | None, json: Path | None, html: Path | None) -> int:
    """Print a report, write its files, and give the exit status: of a run that was stopped too.

    Raises:
        OSError: a file cannot be written.
    """
    if not (report.outcomes or report.paces or report.ceilings):
        for name, why in report.missing.items():
            complain("not measured", f"{name}: {why}")
        complain("stopped" if report.stopped else "error", "nothing was measured, nothing was written")
        return STOPPED if report.stopped else 1
    told = dict(report.facts)
    told["load average"] = f"{told.get('load average', '')}, {machine.load()} when it ended".removeprefix(", ")
    report = dataclasses.replace(report, facts=tuple(told.items()))
    checked = check(report, budgets)
    console = Console(markup=False, emoji=False, highlight=False)
    for name in ("machine", "load average"):
        console.print(f"{name}: {told[name]}", style="dim", soft_wrap=True)
    for table in tables(report):
        show(console, table)
    for line in parts(report.outcomes, report.paces):
        console.print(line, soft_wrap=True)
    for name, why in report.missing.items():
        console.print(Text(f"not measured: {name}: {why}"), soft_wrap=True)
    _say_budgets(console, checked)
    if json is not None:
        json.write_bytes(to_json(report))
    if html is not None:
        html.write_text(page(report, checked), encoding="utf-8")
    written = " and ".join(str(path) for path in (json, html) if path is not None)
    if written:
        console.print(Text(f"written: {written}"), soft_wrap=True)
    if report.stopped:
        complain("stopped", f"{report.stopped}; what was finished is above")
        return STOPPED
    return 0


def show(console: Console, table: Table) -> None:
    """Print a table as wide as it is: cut numbers are none."""
    drawn = to_rich(table)
    wanted = console.measure(drawn, options=console.options.update(width=400)).maximum
    before, console.width = console.width, max(console.width, wanted)
    console.print(drawn)
    console.width = before


def check(report: Report, budgets: Budgets | None) -> tuple[Over, ...]:
    """Budgets beside what the budgeted case used, with the first engine that it was run with."""
    fitting = [outcome for outcome in report.outcomes if budgets is not None and budgets.fit(outcome)]
    return budgets.check(fitting[0]) if budgets is not None and fitting else ()


def tables(report: Report) -> Iterator[Table]:
    """What the terminal shows of it."""
    if report.kind == "engines":
        yield engine_table(report.paces)
        return
    if report.outcomes:
        yield rate_table(report.outcomes)
        yield latency_table(report.outcomes)
        yield process_table(report.outcomes[0])
        if any(outcome.seen for outcome in report.outcomes):
            yield seen_table(report.outcomes)
    if report.ceilings:
        yield ceiling_table(report.ceilings)
    if report.paces:
        yield alone_table(report.paces)
    if report.kind == "soak":
        for outcome in report.outcomes:
            if found := drifts(outcome.windows):
                yield drift_table(found)


def _say_budgets(console: Console, checked: Sequence[Over]) -> None:
    """What is over; or that nothing is, and by how much at the tightest place."""
    over = [one for one in checked if one.over]
    if over:
        show(console, budget_table(over))
        console.print(f"{len(over)} of {len(checked)} budgets are exceeded", style="red")
    elif checked:
        tightest = max(checked, key=lambda one: one.used / one.allowed if one.allowed else -math.inf)
        console.print(
            f"all {len(checked)} budgets are kept; the tightest: {tightest.name}, {tightest.used:g} of "
            f"{tightest.allowed:g} {tightest.unit}", style="green",
        )  # fmt: skip
