"""What the flow benchmark found, as tables for the terminal and as a page of Markdown."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from bench.flow.measures import CLOSE_PX, MOVED_PX
from bench.flow.methods import TRUE_FLOW, TRUE_FLOW_LIVE, ZERO_FLOW, Method
from bench.flow.pairs import GAIN, HEIGHT, IOD_PX, MACRO_PX, MARGIN_PX, MICRO_PX, NOISES, WIDTH, Kind
from bench.flow.scores import Scores
from bench.flow.smiles import Seen

MOTIONS = ((0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 4.0))
"""Sizes of true motion by which errors are broken down, px of the crop."""

REFERENCES = (ZERO_FLOW, TRUE_FLOW, TRUE_FLOW_LIVE)


@dataclass(frozen=True)
class Report:
    """A whole run.

    Attributes:
        methods: what was compared, in the tables' order; the true flow is added to them.
        scores: of all of them on all pairs.
        missing: engines that could not be opened, and why.
        smiles: whose smiles were seen, of everyone and of those never trained on; empty if that was not asked for.
        facts: what and where it ran: (name, value).
    """

    methods: tuple[Method, ...]
    scores: Scores
    missing: Mapping[str, str]
    smiles: tuple[Seen, ...]
    facts: tuple[tuple[str, str], ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """All rows of the tables."""
        return (*(method.label for method in self.methods), TRUE_FLOW, TRUE_FLOW_LIVE)

    def kind(self, kind: Kind) -> Scores:
        """Scores on pairs of one kind."""
        return self.scores.where(lambda row: row.set.kind == kind)

    def micro(self, noise: float) -> Scores:
        """Scores on micro-expressions at one noise level."""
        return self.kind("micro").where(lambda row: row.set.noise == noise)

    def best_opencv(self, scores: Scores, error: str) -> float:
        """The smallest mean error of any of OpenCV's methods; NaN without scores."""
        means = [scores.of(m.label).mean(error) for m in self.methods if m.kind == "opencv"]
        return min(means, default=math.nan)

    def live_ms(self, label: str) -> float:
        """What a frame costs live: one encoding and one flow; the anchor's encoding is kept."""
        own = self.scores.of(label)
        return own.median_ms("encode_ms") + own.median_ms("flow_ms")


@dataclass(frozen=True)
class Column:
    """A column of numbers, one a method; the best of those that are no reference stands out."""

    name: str
    form: str
    value: Callable[[str], float]
    larger_is_better: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a row for every method: cells as text, and which of them are the best of their column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    best: frozenset[tuple[int, int]]


def make_table(title: str, labels: Sequence[str], columns: Sequence[Column]) -> Table:
    """Work out every cell."""
    rows = [[label] for label in labels]
    best = set()
    for place, column in enumerate(columns, start=1):
        values = [column.value(label) for label in labels]
        for row, value in zip(rows, values, strict=True):
            row.append("–" if math.isnan(value) else format(value, column.form))
        known = [v for v, label in zip(values, labels, strict=True) if label not in REFERENCES and not math.isnan(v)]
        if known:
            winner = format((max if column.larger_is_better else min)(known), column.form)
            best |= {
                (k, place) for k, label in enumerate(labels) if label not in REFERENCES and rows[k][place] == winner
            }
    return Table(title, ("method", *(c.name for c in columns)), tuple(map(tuple, rows)), frozenset(best))


def print_tables(tables: Sequence[Table], missing: Mapping[str, str], columns: int) -> None:
    """Print tables on stdout, and what was not measured.

    Args:
        tables: in their order.
        missing: what could not be opened, and why.
        columns: narrower than this they cannot be read.
    """
    console = Console()
    console.width = max(console.width, columns)
    for table in tables:
        console.print(to_rich(table))
    for name, reason in missing.items():
        console.print(Text(f"not measured: {name}: {reason}"), soft_wrap=True)


def noise_table(report: Report, noise: float) -> Table:
    """Micro-expressions at one noise level."""
    scores = report.micro(noise)
    by_facial, by_expression = (report.best_opencv(scores, error) for error in ("facial", "expression"))
    columns = [
        Column("facial px", ".3f", lambda label: scores.of(label).mean("facial")),
        Column("head px", ".3f", lambda label: scores.of(label).mean("head")),
        Column("expression px", ".3f", lambda label: scores.of(label).mean("expression")),
        Column(f"< {CLOSE_PX:g} px", ".0%", lambda label: scores.of(label).mean("close"), True),
        Column("angle °", ".1f", lambda label: scores.of(label).degrees()),
        Column("facial ÷ best OpenCV", ".2f", lambda label: scores.of(label).mean("facial") / by_facial),
        Column("expression ÷ best OpenCV", ".2f", lambda label: scores.of(label).mean("expression") / by_expression),
    ]
    return make_table(f"Micro-expressions, noise σ {noise:g} ({scores.pairs()} pairs)", report.labels, columns)


def motion_table(report: Report) -> Table:
    """Expression error on micro-expressions by the size of the true motion."""

    def column(low: float, high: float) -> Column:
        scores = report.kind("micro").where(lambda row: low <= row.motion_px < high)
        return Column(
            f"{low:g}–{high:g} px ({scores.pairs()})", ".3f", lambda label: scores.of(label).mean("expression")
        )

    return make_table(
        "Expression error, px, by the largest true displacement (pairs), all noise levels together",
        report.labels, [column(*ends) for ends in MOTIONS],
    )  # fmt: skip


def other_table(report: Report) -> Table:
    """A moving head without expression, large expressions, real smiles, and time."""
    static, macro = report.kind("static"), report.kind("macro")
    columns = [
        Column(f"static px ({static.pairs()} pairs)", ".3f", lambda label: static.of(label).mean("expression")),
        Column(f"macro error ({macro.pairs()} pairs)", ".1%", lambda label: macro.of(label).mean("share")),
        Column("encode ms", ".2f", lambda label: report.scores.of(label).median_ms("encode_ms")),
        Column("flow ms", ".2f", lambda label: report.scores.of(label).median_ms("flow_ms")),
        Column("live ms", ".2f", report.live_ms),
    ]
    columns[2:2] = [Column(f"smiles seen ({seen.who})", ".0%", _share(seen), True) for seen in report.smiles]
    return make_table("Heads without expression, large expressions, time", report.labels, columns)


def summary_table(report: Report) -> Table:
    """The most of it in one table for the terminal."""

    def at(noise: float, error: str) -> Callable[[str], float]:
        scores = report.micro(noise)
        return lambda label: scores.of(label).mean(error)

    static, macro = report.kind("static"), report.kind("macro")
    columns = [
        *(Column(f"facial\nσ {noise:g}", ".3f", at(noise, "facial")) for noise in NOISES),
        *(Column(f"expr.\nσ {noise:g}", ".3f", at(noise, "expression")) for noise in NOISES),
        Column("static\nexpr.", ".3f", lambda label: static.of(label).mean("expression")),
        Column("macro\nerror", ".1%", lambda label: macro.of(label).mean("share")),
        Column("live\nms", ".1f", report.live_ms),
    ]
    columns[-1:-1] = [Column(f"smiles\nof {seen.people}", ".0%", _share(seen), True) for seen in report.smiles[-1:]]
    return make_table("Endpoint errors, px of the 256 px crop", report.labels, columns)


def _share(seen: Seen) -> Callable[[str], float]:
    """The share of people whose smile a method saw, as a column's value; NaN where it was not asked."""
    return lambda label: seen.shares.get(label, math.nan)


def to_rich(table: Table) -> RichTable:
    """For the terminal."""
    drawn = RichTable(title=Text(table.title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(table.columns):
        drawn.add_column(Text(name), justify="right" if place else "left", no_wrap=True)
    for k, row in enumerate(table.rows):
        drawn.add_row(*(Text(cell, style="bold green" if (k, j) in table.best else "") for j, cell in enumerate(row)))
    return drawn


def to_markdown(table: Table) -> str:
    """For a page."""
    lines = [
        f"### {table.title}", "",
        "| " + " | ".join(table.columns) + " |",
        "|---" + "|---:" * (len(table.columns) - 1) + "|",
    ]  # fmt: skip
    for k, row in enumerate(table.rows):
        cells = (f"**{cell}**" if (k, j) in table.best else cell for j, cell in enumerate(row))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def page(report: Report, picture: str) -> str:
    """The whole page, Markdown.

    Args:
        report: the run.
        picture: path of its picture, relative to the page.
    """
    tables = [*(noise_table(report, noise) for noise in NOISES), motion_table(report), other_table(report)]
    parts = ["# Optical flow on faces", "", f"![Errors of every method, and an example]({picture})", ""]
    parts += [f"- {name}: {value}" for name, value in report.facts]
    parts += [f"- not measured: `{name}`: {reason}" for name, reason in report.missing.items()]
    parts += ["", *(f"{to_markdown(table)}\n" for table in tables), "## What the words mean", "", *_definitions(report)]
    return "\n".join(parts) + "\n"


def _definitions(report: Report) -> list[str]:
    parts = [
        f"**Pairs**: frames of {WIDTH}×{HEIGHT} px with {IOD_PX[0]:g}–{IOD_PX[1]:g} px between the eyes, rendered by "
        "the phantom (`calib/phantom`), so that every pixel's motion is known. The head moves in all of them. *Micro*: "
        f"one to three action units of {MICRO_PX[0]:g}–{MICRO_PX[1]:g} px each in the frame. *Static*: none, so all "
        f"expression flow is error. *Macro*: units that move the crop by up to {MACRO_PX[0]:g}–{MACRO_PX[1]:g} px, "
        f"less where the skin would fold. Both frames have a gain of their own (±{GAIN:.0%}) and fresh noise of σ grey "
        "levels (2 for static and macro); the movements are the same ones at every noise level. Both frames are cut by "
        "the first one's crop transform, and every method gets the same pairs.",
        "**Errors** are endpoint errors at the crop's scale (77 px between the eyes), means over the face's outline "
        f"drawn in by {MARGIN_PX} px, then over pairs. *Facial*: the measured flow. *Head*: the engine's own head "
        "flow; of an engine that gives none (`dis`), the rigid motion that `engines.head.HeadFit` finds in its, as the "
        "live pipeline does; of OpenCV's methods, the rigid motion that fits theirs best, given the depth that the "
        "phantom's head has (`bench/flow/rigid.py`), which MEFlowNet does not know. "
        f"*Expression*: facial less head. *< {CLOSE_PX:g} px*: share of pixels whose facial error is "
        "below that. *Macro error*: expression error over the mean true expression.",
        "**Angle**: mean angular error of the displacements of those of the 29 regions that truly move by more than "
        f"{MOVED_PX:g} px; 90° for a region that was measured still.",
        "**÷ best OpenCV**: over the smallest mean error of any of OpenCV's methods at that noise level; below 1 is "
        "better than all of them.",
        "**ms**: medians over all pairs of wall time, on one core, all methods in turn on each pair. *Live* is one "
        "encoding and one flow, since the anchor frame's encoding is kept; fitting the head is not in it. "
        "*Refined* is asked once an event, not in every frame; its encodings are in its flow.",
        f"**{TRUE_FLOW.capitalize()}** is the truth put through that fit, **{TRUE_FLOW_LIVE}** through the live "
        "pipeline's for engines that tell no head: what is left is the fit's own error, most of `HeadFit`'s the "
        "perspective and the depth that it does not know. "
        f"**{ZERO_FLOW.capitalize()}** says that nothing moved: its error is the mean motion.",
    ]
    if report.smiles:
        parts.append(
            "**Smiles seen**: real photos, neutral and smiling, each cut by its own crop transform: share of people "
            "whose two mouth corners both move up and outward in the expression flow. Whole frames are left out: two "
            "photos have no frame in common. *Never trained on*: those of them that `bench/held_out.txt` names; "
            "MEFlowNet was trained on the very photos of the others of the London set."
        )
    parts.append(
        "**Methods**. Those of OpenCV get grey images, the second one scaled to the first one's mean brightness."
    )
    return ["\n\n".join(parts), "", *(f"- {method.label}: {method.about}" for method in report.methods)]
