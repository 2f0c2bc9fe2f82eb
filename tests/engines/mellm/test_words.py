import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.mellm.words import clean, first_sentence, words_so_far

QUICK = settings(max_examples=200)
WHOLE = "The Chin moved up. Maybe doubt.\nAU17 LAU12 | negative | 0.70"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\x1b[31mred\x1b[0m b", "ared b"),
        ("a\x07\x00\x9b31m\u00a0b", "a31m b"),
        ("Chin\u202e up\u200b", "Chin up"),
        ("<|im_start|>Chin up</s><unk>", "Chin up"),
        ("<think>\nAU1 | none | 0.1\n</think>\n\nChin up", "\n\nChin up"),
        ("a thought begun in the prompt</think>Chin up", "Chin up"),
        ("Chin <think>and never ended", "Chin "),
        ("**Chin** `up`", "Chin up"),
        ("a < b and 3 > 2", "a < b and 3 > 2"),
        ("Mundwinkel 2 µm höher – ja", "Mundwinkel 2 µm höher – ja"),
    ],
)
def test_what_is_no_word_goes(text: str, left: str) -> None:
    assert clean(text) == left


@QUICK
@given(st.text(st.sampled_from("ab \n\x1b[;m3<|>/thinkAU1.0|\x07\u202e"), max_size=60))
def test_nothing_that_steers_a_terminal_is_left_of_any_text(text: str) -> None:
    assert not set(clean(text)) & {"\x1b", "\x07", "\u202e"}


@pytest.mark.parametrize(
    "whole",
    [
        WHOLE,
        WHOLE + "\n",
        WHOLE + ".",
        "The Chin moved up. Maybe doubt.\n\n**AU17, LAU12 | negative | 0.70**",
        "The Chin\nmoved up.\nMaybe doubt.\nnone | none | 0.40",
        "<think>hm\nAU1 | none | 0.1</think>The Chin moved up. Maybe doubt.<|im_end|>\nAU17 | negative | 0.70",
    ],
)
def test_the_words_grow_letter_by_letter_and_never_hold_the_closing_line(whole: str) -> None:
    before = ""
    for count in range(len(whole) + 1):
        words = words_so_far(clean(whole[:count]))
        assert words.startswith(before)
        assert "|" not in words
        before = words
    assert before == "The Chin moved up. Maybe doubt."


def test_a_closing_line_alone_has_no_words() -> None:
    assert words_so_far("AU4 | negative | 0.70") == words_so_far("none | none | 0.9") == ""


@pytest.mark.parametrize("text", ["No region moved", "AUs are absent", "Left Cheek up", "Raised"])
def test_words_that_begin_like_a_closing_line_are_shown_once_they_are_none(text: str) -> None:
    assert words_so_far(text) == text


def test_a_sentence_ends_where_the_text_goes_on() -> None:
    assert first_sentence("Chin up 2.1 px. Then") == "Chin up 2.1 px."
    assert first_sentence("Chin up 2.") == ""
