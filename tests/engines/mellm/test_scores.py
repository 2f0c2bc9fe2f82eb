import pytest

from engines.mellm.scores import Scores, score

SMILE, FROWN = "A smile.\nAU12 AU6 | positive | 0.90", "A frown.\nAU4 | negative | 0.70"
STILL, GASP = "Nothing.\nnone | none | 0.95", "A gasp.\nAU1 AU2 | surprise | 0.60"


def test_the_same_answers_score_full() -> None:
    answers = [SMILE, FROWN, STILL, GASP]
    assert score(answers, answers) == Scores(4, 1.0, 1.0, 1.0, 1.0)


def test_each_score_counts_what_it_says() -> None:
    found = score(["A smile.\nAU12 AU1 | positive | 0.90", "not closed", SMILE, STILL], [SMILE, FROWN, FROWN, STILL])
    assert found is not None
    assert (found.answers, found.closed) == (4, 0.75)
    # One unit right of 2 + 2 named and 2 + 1 + 1 wanted.
    assert found.unit_f1 == pytest.approx(2 * 1 / (4 + 4))
    # Positive: one right, two given, one true; negative: none; none: full; surprise is not wanted at all.
    assert found.uf1 == pytest.approx((2 / 3 + 0 + 1) / 3)
    assert found.uar == pytest.approx((1 + 0 + 1) / 3)


def test_answers_whose_truth_cannot_be_read_do_not_count() -> None:
    assert score([SMILE], ["no facts here"]) is None
    assert score([], []) is None
    found = score([SMILE, SMILE], ["no facts here", SMILE])
    assert found == Scores(1, 1.0, 1.0, 1.0, 1.0)


def test_nothing_named_where_nothing_is_to_be_named_is_right() -> None:
    assert score([STILL], [STILL]) == Scores(1, 1.0, 1.0, 1.0, 1.0)
    found = score([FROWN], [STILL])
    assert found is not None
    assert found.unit_f1 == 0
