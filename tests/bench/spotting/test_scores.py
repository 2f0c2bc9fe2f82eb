import math
from dataclasses import replace

import pytest

from bench.spotting.found import Found, kind_of
from bench.spotting.scores import REST, judge, pool
from bench.spotting.truth import Span, TrueEvent, Truth

MICRO = TrueEvent("micro", 1.0, 1.2, 1.4, 0.02, ("AU12",))
MACRO = TrueEvent("macro", 3.0, 3.4, 5.0, 0.05, ("AU4",))
SMALL = TrueEvent("micro", 7.0, 7.2, 7.4, 0.006, ("AU15",))
SPEECH = Span("speech", 10.0, 13.0)
TRUTH = Truth(20.0, (MICRO, MACRO, SMALL), (Span("blink", 6.0, 6.25), SPEECH, Span("flicker", 15.0, 18.0)))


def at(onset_s: float, offset_s: float, confidence: float = math.nan, announced_s: float = math.nan) -> Found:
    return Found(onset_s, (onset_s + offset_s) / 2, offset_s, kind_of(offset_s - onset_s), confidence, announced_s)


PERFECT = [at(1.0, 1.4), at(3.0, 5.0), at(7.0, 7.4)]


def test_perfect_is_one() -> None:
    judged = judge(TRUTH, PERFECT)
    assert (judged.f1("micro"), judged.f1("macro"), judged.f1()) == (1.0, 1.0, 1.0)
    assert judged.false_per_minute() == 0.0
    assert judged.mae_s("onset_s") == judged.mae_s("offset_s") == 0.0
    assert judged.mae_s("apex_s") == pytest.approx(0.6 / 3)


def test_what_is_told_of_the_right_ones_is_held_against_the_truth() -> None:
    first, second, third = PERFECT
    told = [
        replace(first, units=("AU12",), magnitude_iod=0.015),
        replace(second, units=("AU1", "LAU4"), magnitude_iod=0.04),
        third,  # not measured
        replace(at(15.0, 15.4), units=("AU9",), magnitude_iod=9.0),  # false: nothing is told of it here
    ]
    judged = judge(TRUTH, told)
    assert judged.units_f1() == pytest.approx(2 / 5)
    assert (judged.magnitude_share(0), judged.magnitude_share(100)) == pytest.approx((0.75, 0.8))
    nothing = judge(TRUTH, PERFECT)
    assert math.isnan(nothing.units_f1())
    assert math.isnan(nothing.magnitude_share(50))


def test_nothing_found_is_zero_and_nothing_at_all_is_unknown() -> None:
    judged = judge(TRUTH, [])
    assert (judged.f1(), judged.recall(), judged.count()) == (0.0, 0.0, (0, 0, 3))
    assert math.isnan(judged.precision())
    assert math.isnan(judge(Truth(10.0, (), ()), []).f1())


def test_overlap_and_kind_decide() -> None:
    # Half of the union is enough for the first; the second is too long to be micro.
    assert judge(TRUTH, [at(1.0, 1.2)]).count("micro") == (1, 0, 1)
    assert judge(TRUTH, [at(1.0, 1.55)]).count("micro") == (0, 0, 2)
    assert judge(TRUTH, [at(1.0, 1.55)]).count("macro") == (0, 1, 1)
    assert judge(TRUTH, [at(3.0, 3.4), at(4.0, 4.4)]).count() == (0, 2, 3)


def test_below_the_floor_nothing_counts() -> None:
    judged = judge(TRUTH, PERFECT, 0.01)
    assert judged.count() == (2, 0, 0)
    # Not even a poor try at it, of either kind.
    assert judge(TRUTH, [at(6.9, 7.1), at(6.8, 7.5)], 0.01).count() == (0, 0, 2)
    assert judge(TRUTH, [at(6.9, 7.1)]).count() == (0, 1, 3)


def test_one_macro_expression_a_stretch_of_speech_is_neither_true_nor_false() -> None:
    assert judge(TRUTH, [*PERFECT, at(10.1, 13.0)]).false == ()
    two = judge(TRUTH, [*PERFECT, at(10.1, 11.0), at(11.2, 12.9)])
    assert two.false == (at(10.1, 11.0),)
    micros = judge(TRUTH, [*PERFECT, at(10.1, 10.4), at(10.6, 10.8), at(11.0, 13.0)])
    assert len(micros.false) == 2
    assert judge(TRUTH, [at(12.5, 16.0)]).false == (at(12.5, 16.0),)


def test_false_events_at_rest_are_put_down_to_what_fits_best() -> None:
    spurious = [at(6.05, 6.3), at(15.5, 15.8), at(19.0, 19.3), at(4.9, 5.2), at(10.2, 10.4)]
    judged = judge(TRUTH, [*PERFECT, *spurious])
    assert [cause for _, cause in judged.at_rest] == ["blink", "flicker", REST, "speech"]
    assert len(judged.false) == 5
    resting = 20 - 0.4 - 2.0 - 0.4
    assert judged.false_per_minute() == pytest.approx(4 / resting * 60)
    assert judged.blamed("blink") == 1.0
    assert math.isnan(judged.blamed("nod"))


def test_what_is_taken_back_is_counted_and_is_no_false_event() -> None:
    back = [
        Found(onset_s, onset_s + 0.1, onset_s + 0.1, "micro", 0.9, onset_s + 0.2, taken_back=True)
        for onset_s in (10.5, 11.0, 19.0, 1.1)
    ]
    judged = judge(TRUTH, [*PERFECT, *back])
    assert (judged.count(), judged.false_per_minute()) == ((3, 0, 0), 0.0)
    # The last one was told while an expression was under way.
    assert judged.taken_back_per_minute() == pytest.approx(3 / TRUTH.resting_s * 60)
    assert (judged.blamed_back("speech"), judged.blamed("speech")) == (2.0, 0.0)
    both = pool([judged, judge(TRUTH, PERFECT)])
    assert both.taken_back_per_minute() == pytest.approx(judged.taken_back_per_minute() / 2)


def test_who_tells_nothing_before_the_end_takes_nothing_back() -> None:
    assert math.isnan(judge(TRUTH, PERFECT).taken_back_per_minute())
    assert judge(TRUTH, [at(1.0, 1.4, announced_s=1.28)]).taken_back_per_minute() == 0.0


def test_a_short_distractor_is_blamed_before_a_long_one_around_it() -> None:
    truth = Truth(20.0, (), (Span("flicker", 1.0, 5.0), Span("blink", 2.0, 2.25)))
    judged = judge(truth, [at(2.0, 2.3), at(3.0, 3.3)])
    assert [cause for _, cause in judged.at_rest] == ["blink", "flicker"]


def test_recall_by_size() -> None:
    judged = judge(TRUTH, [at(1.0, 1.4)])
    assert judged.recall_within("micro", 0.01, 0.03) == 1.0
    assert judged.recall_within("micro", 0.005, 0.01) == 0.0
    assert judged.number_within("micro", 0.005, 0.03) == 2
    assert math.isnan(judged.recall_within("macro", 0.005, 0.01))


def test_delays_are_those_of_the_announced() -> None:
    found = [at(1.0, 1.4, announced_s=1.28), at(3.0, 5.0, announced_s=3.5), at(7.0, 7.4)]
    judged = judge(TRUTH, found)
    assert judged.delay_s(50) == pytest.approx(0.09)
    assert judged.delay_s(100) == pytest.approx(0.1)
    assert math.isnan(judge(TRUTH, [at(7.0, 7.4)]).delay_s(50))


def test_confidence_is_held_against_being_right() -> None:
    judged = judge(TRUTH, [at(1.0, 1.4, 0.9), at(3.0, 5.0, 0.95), at(19.0, 19.3, 0.92), at(18.5, 18.8, 0.4)])
    share, number = judged.share_right(0.9, 1.0)
    assert number == 3
    assert share == pytest.approx(2 / 3)
    assert judged.share_right(0.0, 0.5) == (0.0, 1)
    assert judged.share_right(0.5, 0.9)[1] == 0


def test_counts_are_pooled_before_any_ratio() -> None:
    good, bad = judge(TRUTH, PERFECT), judge(TRUTH, [at(19.0, 19.3)])
    both = pool([good, bad])
    assert both.count() == (3, 1, 3)
    assert both.f1() == pytest.approx(6 / 10)
    assert both.resting_s == pytest.approx(2 * TRUTH.resting_s)
    assert (both.distractors or {})["speech"] == 2
