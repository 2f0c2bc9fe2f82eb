"""What the narration benchmark found, as tables for the terminal and as a page of Markdown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.flow.table import Column, Table, make_table, to_markdown
from bench.narration.cases import APART_S, FLOOR_IOD, NOTHING, SIZES_IOD, Kind
from bench.narration.scores import Scores, Spoken

_EDGES = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)
_EXAMPLES = 3


@dataclass(frozen=True)
class Report:
    """A whole run.

    Attributes:
        scores: narrator → all that it said.
        missing: narrators that could not be opened, and why.
        facts: what and where it ran: (name, value).
    """

    scores: Mapping[str, Scores]
    missing: Mapping[str, str]
    facts: tuple[tuple[str, str], ...]

    def count(self, *kinds: Kind) -> int:
        """How many cases of some kinds there were."""
        return len(next(iter(self.scores.values())).of(kinds).spoken)


def summary_tables(report: Report) -> list[Table]:
    """All tables of numbers."""
    labels = tuple(report.scores)
    true = {name: scores.of(("true",)) for name, scores in report.scores.items()}
    seen = {name: scores.of(("units",)) for name, scores in report.scores.items()}
    quiet = {name: scores.of(NOTHING) for name, scores in report.scores.items()}
    every = report.scores
    said = {name: scores.of(("units", *NOTHING)) for name, scores in report.scores.items()}
    return [
        make_table(
            f"From true statistics ({report.count('true')} annotated sets, weighted by their counts)", labels,
            [
                Column("class UF1", ".3f", lambda n: true[n].uf1(), True),
                Column("class UAR", ".3f", lambda n: true[n].uar(), True),
                Column("AU F1", ".3f", lambda n: true[n].unit_f1(), True),
            ],
        ),
        make_table(
            f"From pictures ({report.count('units')} expressions, {report.count(*NOTHING)} times nothing)", labels,
            [
                Column("AU F1", ".3f", lambda n: seen[n].unit_f1(), True),
                Column("AU F1, any side", ".3f", lambda n: seen[n].unit_f1(sides=False), True),
                Column("class UF1", ".3f", lambda n: seen[n].uf1(), True),
                Column("class UAR", ".3f", lambda n: seen[n].uar(), True),
                Column("faithfulness", ".4f", lambda n: every[n].faithfulness(), True),
                Column("false alarms", ".1%", lambda n: quiet[n].false_alarms()),
                *(Column(kind, ".1%", _alarms(report, kind)) for kind in NOTHING),
                Column("answers replaced", ".1%", lambda n: every[n].replaced(n)),
            ],
        ),
        make_table(
            "Latency on one thread", labels,
            [
                Column("first word ms p50", ".1f", lambda n: said[n].first_ms(50)),
                Column("p95", ".1f", lambda n: said[n].first_ms(95)),
                Column("whole answer ms p50", ".1f", lambda n: said[n].whole_ms(50)),
                Column("p95", ".1f", lambda n: said[n].whole_ms(95)),
                Column("p99", ".1f", lambda n: said[n].whole_ms(99)),
            ],
        ),
    ]  # fmt: skip


def _alarms(report: Report, kind: Kind) -> Callable[[str], float]:
    return lambda name: report.scores[name].of((kind,)).false_alarms()


def confidence_table(report: Report) -> str:
    """How often a class was the annotated one, by the confidence it was given with, as Markdown."""
    lines = ["### Confidence and truth (pictures)", "", "| narrator | confidence → annotated so |", "|---|---|"]
    for name, scores in report.scores.items():
        rows = scores.of(("units",)).calibration(_EDGES)
        cells = ", ".join(f"{told:.2f} → {right:.2f} ({weight:.0f})" for told, right, weight in rows)
        lines.append(f"| {name} | {cells or '–'} |")
    return "\n".join(lines)


def examples(report: Report) -> str:
    """Some answers in full."""
    lines = ["### Some answers", ""]
    for name, scores in report.scores.items():
        kinds: tuple[Kind, ...] = ("units", "blink", "head")
        for kind, count in zip(kinds, (_EXAMPLES, 1, 1), strict=True):
            for one in scores.of((kind,)).spoken[:count]:
                lines += [f"- **{name}**, truth {_truth(one)}: {one.answer.narration} → {_closing(one)}"]
    return "\n".join(lines)


def _truth(one: Spoken) -> str:
    return "+".join(one.case.units) if one.case.units else one.case.kind


def _closing(one: Spoken) -> str:
    answer = one.answer
    return f"{' '.join(answer.action_units) or 'no unit'}, {answer.label}, {answer.confidence:.2f}"


def page(report: Report) -> str:
    """The whole page."""
    parts = ["# Narration", "", *(f"- {name}: {value}" for name, value in report.facts), ""]
    for table in summary_tables(report):
        parts += [to_markdown(table), ""]
    parts += [confidence_table(report), "", examples(report), "", _definitions()]
    for name, reason in report.missing.items():
        parts.append(f"\nNot measured: {name}: {reason}")
    return "\n".join(parts) + "\n"


def _definitions() -> str:
    low, high = SIZES_IOD
    return f"""### How it was measured

- **True statistics**: the movements of `calib.facs` for an annotated set, 0.02 IOD, without any error; the answer's
  class against the annotated one. UF1 and UAR are means over negative, positive and surprise (MEGC).
- **Pictures**: two frames of 640×480 rendered by the phantom, {APART_S[0]:g}–{APART_S[1]:g} s apart, head swaying,
  units of {low:g}–{high:g} IOD each, gain ±3 %, sensor noise σ 0.7, 2 or 4; MediaPipe, the flow engine, the 29 regions,
  then the narrator; threshold {FLOOR_IOD:g} IOD. The action units are sets that were held out of training with
  their annotations and mirror images, drawn by the root of their frequency; a class counts by the share of its set's
  annotations. MELLM and its reader met none of them (`engines/weights/mellm.md`).
- **AU F1** is counted over all cases, with sides: a unit on the wrong side is wrong. Blinks are not counted.
- **Nothing**: a still face, a head that sways at twice the usual width, a blink caught while the lids move. A false
  alarm names an action unit other than the blink, or a class.
- **Faithfulness**: share of the claimed region movements that were measured above the threshold with the claimed
  direction (± 45°), over all cases. Of a language model it is 1 by construction, and therefore no number: no answer of
  its is heard that claims anything else. Answers replaced: those that were not let through, or came too late; the
  template spoke in their place.
- **Latency**: from the facts to the first piece of text and to the end, pictures only."""
