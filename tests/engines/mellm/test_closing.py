import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.facs import Label, in_order
from engines.mellm.closing import (
    LABELS,
    MAX_UNITS,
    AnswerError,
    check_pattern,
    closing_line,
    codes,
    parse_answer,
)


@given(
    st.lists(st.sampled_from(codes()), unique=True, max_size=MAX_UNITS),
    st.sampled_from(LABELS),
    st.integers(0, 100),
)
def test_a_closing_line_is_read_back(units: list[str], label: Label, percent: int) -> None:
    answer = parse_answer("Words. More words.\n" + closing_line(tuple(units), label, percent / 100))
    assert answer.action_units == in_order(units)
    assert (answer.label, answer.confidence) == (label, percent / 100)
    assert answer.narration == "Words. More words."


@pytest.mark.parametrize(
    "text", ["", "Only words.", "Words\nAU4 | angry | 0.5", "Words\nAU99 | none | 0.5", "AU4 | none"]
)
def test_an_answer_without_facts_is_refused(text: str) -> None:
    with pytest.raises(AnswerError):
        parse_answer(text)


def test_another_model_s_form_is_read_by_its_pattern() -> None:
    pattern = r"Emotion: (?P<label>\w+)\nReason: (?P<words>.*)"
    answer = parse_answer("Emotion: Negative\nReason: the brows\nwent down", pattern)
    assert (answer.label, answer.action_units, answer.narration) == ("negative", (), "the brows went down")
    assert answer.confidence == 0.5
    with pytest.raises(AnswerError, match="'happiness' is none of the classes negative, positive"):
        parse_answer("Emotion: happiness\nReason: x", pattern)
    with pytest.raises(AnswerError, match="'high' is no chance"):
        parse_answer("none x high", r"(?P<label>none) (?P<words>x) (?P<chance>.*)")


@pytest.mark.parametrize(
    ("pattern", "says"), [("(", "no regular expression"), ("(?P<words>.*)", r"no group \(\?P<label>"), ("x", "words")]
)
def test_a_pattern_that_reads_nothing_is_refused(pattern: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_pattern(pattern)
