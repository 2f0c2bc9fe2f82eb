import math
from collections.abc import Iterator, Sequence

import pytest

from bench.narration.cases import Case
from bench.narration.guesser import Guesser
from bench.narration.scores import Scores, Spoken, ask
from bench.narration.table import Report, page, summary_tables
from calib.facs import Label
from engines.mellm import Answer, Facts
from engines.mellm.instruct.annotations import AnnotatedSet
from tests.engines.mellm.measured import facts_of


def spoken(
    kind: str, units: tuple[str, ...], said: tuple[str, ...], counts: tuple[int, int, int] = (0, 0, 0),
    label: Label = "none", text: str = "", narrator: str = "",
) -> Spoken:  # fmt: skip
    case = Case(kind, facts_of(units), units, counts)  # type: ignore[arg-type]
    return Spoken(case, Answer(said, label, 0.8, text, narrator), 10.0, 20.0, 3)


def test_units_are_counted_over_all_cases_and_sides_count() -> None:
    scores = Scores((
        spoken("units", ("AU4", "AU7"), ("AU4",)), spoken("units", ("LAU12",), ("RAU12", "AU45")),
        spoken("still", (), ("AU1",)),
    ))  # fmt: skip
    assert scores.unit_f1() == pytest.approx(2 * 1 / (3 + 3))
    assert scores.unit_f1(sides=False) == pytest.approx(2 * 2 / (3 + 3))
    assert math.isnan(Scores(()).unit_f1())


def test_classes_are_weighed_by_their_annotations() -> None:
    scores = Scores((
        spoken("true", ("AU4",), (), (90, 10, 0), "negative"), spoken("true", ("AU12",), (), (0, 10, 0), "positive"),
        spoken("true", ("AU5",), (), (0, 0, 10), "none"),
    ))  # fmt: skip
    assert scores.confusion().tolist() == [[90, 0, 0, 0], [10, 10, 0, 0], [0, 0, 0, 10]]
    assert scores.uar() == pytest.approx((1 + 0.5 + 0) / 3)
    assert scores.uf1() == pytest.approx((180 / 190 + 20 / 30 + 0) / 3)
    pictures = Scores((spoken("units", ("AU4",), (), (90, 10, 0), "negative"),))
    assert pictures.confusion().sum() == pytest.approx(1)


def test_faithfulness_counts_claims_that_were_measured() -> None:
    one = spoken("units", ("AU17",), ("AU17",), text="Chin up 2.0 px; Left Cheek down; Lower Lip Center down")
    assert Scores((one,)).faithfulness() == pytest.approx(1 / 3)


def test_who_is_checked_before_being_heard_has_no_faithfulness_to_measure() -> None:
    one = spoken("units", ("AU17",), ("AU17",), text="Chin up 2.0 px")
    report = Report({"model": Scores((one,), checked=True), "template": Scores((one,))}, {}, ())
    pictures = summary_tables(report)[1]
    column = pictures.columns.index("faithfulness")
    assert [row[column] for row in pictures.rows] == ["–", "1.0000"]
    assert "by construction" in page(report)
    assert math.isnan(Scores((one,), checked=True).of(("units",)).faithfulness())


def test_an_alarm_is_a_unit_or_a_class_where_nothing_happened() -> None:
    scores = Scores((
        spoken("still", (), ()), spoken("head", (), ("AU4",)), spoken("blink", (), ("AU45",)),
        spoken("blink", (), ("LAU45",)),
        spoken("blink", (), (), label="negative"), spoken("units", ("AU4",), ("AU4",)),
    ))  # fmt: skip
    assert scores.false_alarms() == pytest.approx(2 / 5)
    assert scores.of(("blink",)).false_alarms() == pytest.approx(1 / 3)


class Slow:
    name = "slow"

    def narrate(self, facts: Facts) -> Iterator[str | Answer]:
        yield ""
        yield "one "
        yield "two"
        yield Answer((), "none", 1.0, "one two")

    def notes(self) -> Sequence[str]:
        return ()

    def close(self) -> None:
        pass


def test_a_first_word_is_the_first_that_is_not_empty() -> None:
    one = ask(Slow(), Case("still", facts_of([])))
    assert one.pieces == 2
    assert 0 <= one.first_ms <= one.whole_ms
    assert one.answer.narration == "one two"


def test_the_guesser_says_what_is_commonest() -> None:
    guesser = Guesser([AnnotatedSet(("AU4",), (9, 1, 0, 3)), AnnotatedSet(("AU12",), (0, 6, 0, 0))])
    one = ask(guesser, Case("still", facts_of([])))
    assert (one.answer.action_units, one.answer.label) == (("AU4",), "negative")


def test_the_page_has_every_narrator_and_what_is_missing() -> None:
    one = spoken("units", ("AU4",), ("AU4",), (3, 1, 0), "negative", "Left Inner Eyebrow down", "template")
    report = Report({"a": Scores((one,)), "b": Scores((one,))}, {"c": "no file"}, (("date", "today"),))
    text = page(report)
    assert len(summary_tables(report)) == 3
    assert "| a |" in text
    assert "c: no file" in text
    assert "0.80 → 0.75 (1)" in text
    assert "100.0%" in text  # every answer was another narrator's
