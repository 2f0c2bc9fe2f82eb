"""A report as one HTML page that needs nothing else: tables, charts, and what the words mean."""

import html
from collections.abc import Iterator, Sequence

from bench.flow.table import Table
from bench.pace.budget import Over
from bench.pace.chart import Bar, Series, bar_chart, line_chart
from bench.pace.drift import drifts
from bench.pace.meaning import meaning
from bench.pace.results import Outcome, Report
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
from realtime.recap import counted

_TITLES = {"engines": "Flow engines", "pipeline": "The whole pipeline", "soak": "A long run"}
_SHARES = ("p50", "p95", "p99")

_STYLE = """
:root { --paper: #fff; --ink: #20242a; --pale: #626a75; --rule: #e3e6ea; --wash: #f5f7f9; --bad: #b3261e;
  --good: #1a7f4b; --c0: #2563c9; --c1: #d9730d; --c2: #1a8f6b; --c3: #a23bb3; --c4: #b8336a; --c5: #6b7280;
  color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --paper: #15181d; --ink: #e4e7eb; --pale: #9aa3af; --rule: #2c323a;
  --wash: #1c2027; --bad: #ff8a80; --good: #6fd6a2; --c0: #6ea3ff; --c1: #ffab5e; --c2: #5fd0a8; --c3: #d78be6;
  --c4: #f58bb5; --c5: #a6adb8; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 1120px; margin: 0 auto; padding: 28px 24px 60px }
h1 { font-size: 26px; margin: 0 0 2px } h2 { font-size: 18px; margin: 34px 0 8px }
p.lead { color: var(--pale); margin: 0 0 18px }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 16px; background: var(--wash); border-radius: 8px;
  padding: 14px 18px; margin: 0 }
dt { color: var(--pale) } dd { margin: 0; overflow-wrap: anywhere }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; min-width: 60% }
th, td { padding: 5px 14px 5px 0; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap }
th { color: var(--pale); font-weight: 500 } th:first-child, td:first-child { text-align: left }
.text, .word { text-align: left } td.text { white-space: normal; min-width: 180px }
td.best { font-weight: 650; color: var(--good) } td.over { color: var(--bad); font-weight: 650 }
figure { margin: 8px 0 0; max-width: 900px }
svg { width: 100%; height: auto; display: block; font: 12.5px system-ui, sans-serif }
svg text { fill: var(--ink) } svg .name { fill: var(--pale) } svg .rule { stroke: var(--rule) }
svg .line { fill: none; stroke-width: 1.8; stroke-linejoin: round }
.c0 { stroke: var(--c0) } .c1 { stroke: var(--c1) } .c2 { stroke: var(--c2) } .c3 { stroke: var(--c3) }
.c4 { stroke: var(--c4) } .c5 { stroke: var(--c5) } .fill { stroke: none }
.fill.c0 { fill: var(--c0) } .fill.c1 { fill: var(--c1) } .fill.c2 { fill: var(--c2) } .fill.c3 { fill: var(--c3) }
.fill.c4 { fill: var(--c4) } .fill.c5 { fill: var(--c5) }
.stopped, .over-all { color: var(--bad); font-weight: 600 } .kept { color: var(--good); font-weight: 600 }
footer { color: var(--pale); font-size: 14px } footer b { color: var(--ink) }
"""


def page(report: Report, checked: Sequence[Over] = ()) -> str:
    """The whole page.

    Args:
        report: what was measured.
        checked: budgets beside what was used; none where the case is not budgeted.
    """
    title = _TITLES[report.kind]
    body = [f"<h1>{title}</h1>", f'<p class="lead">mellm bench {report.kind}</p>']
    if report.stopped:
        body.append(f'<p class="stopped">Stopped early: {html.escape(report.stopped)}. What was finished is here.</p>')
    body.append(_facts(report))
    body += _budgets(checked)
    sections = {"engines": _engines, "pipeline": _pipeline, "soak": _soak}
    body += sections[report.kind](report)
    body.append("<h2>What the words mean</h2><footer>")
    body += [f"<p>{text}</p>" for text in meaning(report.kind)]
    body.append("</footer>")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} – mellm bench</title><style>{_STYLE}</style></head>\n<body><main>\n"
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )


def _facts(report: Report) -> str:
    rows = [*report.facts, *((f"not measured: {name}", why) for name, why in report.missing.items())]
    pairs = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in rows)
    return f"<dl>{pairs}</dl>"


def _budgets(checked: Sequence[Over]) -> Iterator[str]:
    if not checked:
        return
    over = sum(one.over for one in checked)
    words = f"{over} of {len(checked)} budgets are exceeded." if over else f"All {len(checked)} budgets are kept."
    yield f'<h2>Budgets</h2><p class="{"over-all" if over else "kept"}">{words}</p>'
    yield _table(budget_table(checked), titled=False)


def _engines(report: Report) -> Iterator[str]:
    yield _table(engine_table(report.paces))
    for batch, threads in dict.fromkeys((pace.batch, pace.threads) for pace in report.paces):
        own = [pace for pace in report.paces if (pace.batch, pace.threads) == (batch, threads)]
        bars = [Bar(pace.name, (pace.ms.p50, pace.ms.p95, pace.ms.p99), k) for k, pace in enumerate(own)]
        yield f"<h2>A call of {counted(batch, 'pair')}, {counted(threads, 'engine')} side by side</h2>"
        yield _figure(bar_chart(bars, "ms a call", _SHARES, "time of a call by engine"))


def _pipeline(report: Report) -> Iterator[str]:
    if report.outcomes:
        yield _table(rate_table(report.outcomes))
        yield _table(latency_table(report.outcomes))
        bars = [
            Bar(o.case.label, (spread.p50, spread.p95, spread.p99), _colour(o, report.outcomes))
            for o in report.outcomes
            if (spread := o.latency.get("Motion")) is not None
        ]
        if bars:
            yield "<h2>Capture → Motion</h2>"
            yield _figure(bar_chart(bars, "ms", _SHARES, "latency from capture to motion by run"))
        if any(outcome.seen for outcome in report.outcomes):
            yield _table(seen_table(report.outcomes))
    if report.ceilings:
        yield _table(ceiling_table(report.ceilings))
    if report.paces:
        yield _table(alone_table(report.paces))
        yield from (f"<p>{html.escape(line)}</p>" for line in parts(report.outcomes, report.paces))
    for outcome in report.outcomes:
        yield _table(process_table(outcome))
        yield _figure(_latency_chart(outcome, 1.0, "s of the run"))


def _soak(report: Report) -> Iterator[str]:
    yield _table(rate_table(report.outcomes))
    yield _table(latency_table(report.outcomes))
    if any(outcome.seen for outcome in report.outcomes):
        yield _table(seen_table(report.outcomes))
    for outcome in report.outcomes:
        found = drifts(outcome.windows)
        yield _table(drift_table(found)) if found else "<p>The run was too short to tell a drift.</p>"
        yield "<h2>Latency over the run</h2>"
        yield _figure(_latency_chart(outcome, 60.0, "minutes"))
        yield "<h2>Own memory over the run</h2>"
        names = list(dict.fromkeys(name for window in outcome.windows for name in window.memory_mb))
        series = [
            Series(name, [(w.t_s / 60, w.memory_mb[name]) for w in outcome.windows if name in w.memory_mb])
            for name in names
        ]
        whole = [(w.t_s / 60, sum(w.memory_mb.values())) for w in outcome.windows if set(w.memory_mb) == set(names)]
        yield _figure(line_chart([*series, Series("all", whole)], "minutes", "MB"))
        if any(window.skipped for window in outcome.windows):
            yield "<h2>Frames skipped</h2>"
            lost = Series("skipped", [(w.t_s / 60, float(w.skipped)) for w in outcome.windows])
            yield _figure(line_chart([lost], "minutes", "frames a window", 180))
        yield _table(process_table(outcome))


def _latency_chart(outcome: Outcome, by: float, unit: str) -> str:
    series = []
    for hop, share in (("Motion", "p50"), ("Motion", "p95"), ("Face", "p50"), ("Say", "p50")):
        points = [(w.t_s / by, float(getattr(w.latency[hop], share))) for w in outcome.windows if hop in w.latency]
        series.append(Series(f"→ {hop} {share}", points))
    return line_chart(series, unit, "ms", note=f"latency by window, {outcome.case.label}")


def _colour(outcome: Outcome, outcomes: Sequence[Outcome]) -> int:
    """A colour an engine."""
    return list(dict.fromkeys(other.case.engine for other in outcomes)).index(outcome.case.engine)


def _figure(svg: str) -> str:
    return f"<figure>{svg}</figure>"


def _table(table: Table, titled: bool = True) -> str:
    kinds = [_kind(k, [row[k] for row in table.rows]) for k in range(len(table.columns))]
    head = "".join(
        f"<th{_class(kind)}>{html.escape(name)}</th>" for name, kind in zip(table.columns, kinds, strict=True)
    )
    rows = []
    for k, row in enumerate(table.rows):
        cells = []
        for j, cell in enumerate(row):
            kind = "best" if (k, j) in table.best else "over" if cell.startswith("over by") else kinds[j]
            cells.append(f"<td{_class(kind)}>{html.escape(cell)}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    title = f"<h2>{html.escape(table.title)}</h2>" if titled else ""
    return f'{title}<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _kind(place: int, cells: Sequence[str]) -> str:
    """How a column is set: numbers to the right, words to the left, many words in lines."""
    if place == 0 or not cells:
        return ""
    if any(len(cell) > 34 and "/" not in cell for cell in cells):
        return "text"
    return "word" if all(cell[:1].isalpha() for cell in cells) else ""


def _class(kind: str) -> str:
    return f" class={kind}" if kind else ""
