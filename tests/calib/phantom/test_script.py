import math
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from calib.phantom.script import BLINK_S, MICRO_LIMIT_S, Nuisance, PhantomEvent, PhantomScript, demo_script

QUICK = settings(max_examples=60)
SPANS = st.floats(0.05, 1.0)


@st.composite
def events(draw: st.DrawFn) -> PhantomEvent:
    onset, rise, hold, fall = draw(st.floats(0, 10)), draw(SPANS), draw(st.floats(0, 1)), draw(SPANS)
    apex = onset + rise
    return PhantomEvent(onset, apex, apex + hold + fall, (("AU12", 0.02),), hold)


@QUICK
@given(events())
def test_an_expression_starts_and_ends_at_rest_and_peaks_at_its_apex(event: PhantomEvent) -> None:
    assert event.strength(event.onset_s) == 0.0
    assert event.strength(event.offset_s) == 0.0
    assert event.strength(event.apex_s) == pytest.approx(1.0)
    assert event.strength(event.apex_s + event.hold_s) == pytest.approx(1.0)
    assert event.strength(event.onset_s - 1) == event.strength(event.offset_s + 1) == 0.0


@QUICK
@given(events())
def test_it_rises_and_falls_steadily(event: PhantomEvent) -> None:
    steps = [k / 40 for k in range(41)]
    rise = [event.strength(event.onset_s + s * (event.apex_s - event.onset_s)) for s in steps]
    start = event.apex_s + event.hold_s
    fall = [event.strength(start + s * (event.offset_s - start)) for s in steps]
    assert rise == sorted(rise)
    assert fall == sorted(fall, reverse=True)
    assert all(0 <= share <= 1 for share in rise + fall)


@QUICK
@given(events(), st.floats(0, 1))
def test_it_never_jumps(event: PhantomEvent, share: float) -> None:
    t = event.onset_s - 0.1 + share * (event.offset_s - event.onset_s + 0.2)
    fastest = math.pi / 2 / min(event.apex_s - event.onset_s, event.offset_s - event.apex_s - event.hold_s)
    assert abs(event.strength(t + 1e-4) - event.strength(t)) <= fastest * 1e-4 + 1e-9


@QUICK
@given(events())
def test_half_way_up_it_is_half_there(event: PhantomEvent) -> None:
    assert event.strength((event.onset_s + event.apex_s) / 2) == pytest.approx(0.5, abs=1e-6)


@QUICK
@given(st.floats(0, 1000), st.floats(0.05, 3.0))
def test_up_to_half_a_second_is_micro(onset: float, seconds: float) -> None:
    assume(abs(seconds - MICRO_LIMIT_S) > 1e-6)
    event = PhantomEvent(onset, onset + seconds / 2, onset + seconds, ())
    assert event.kind == ("micro" if seconds < MICRO_LIMIT_S else "macro")


@QUICK
@given(st.floats(0, 1000))
def test_half_a_second_itself_is_micro_whatever_the_rounding(onset: float) -> None:
    assert PhantomEvent(onset, onset + 0.2, onset + MICRO_LIMIT_S, ()).kind == "micro"


@pytest.mark.parametrize(
    ("onset", "apex", "offset", "hold"),
    [(1.0, 1.0, 1.5, 0.0), (1.2, 1.0, 1.5, 0.0), (1.0, 1.2, 1.2, 0.0), (1.0, 1.2, 1.1, 0.0), (1.0, 1.2, 1.5, 0.3),
     (1.0, 1.2, 1.5, 0.4), (1.0, 1.2, 1.5, -0.1)],
)  # fmt: skip
def test_times_out_of_order_are_refused(onset: float, apex: float, offset: float, hold: float) -> None:
    with pytest.raises(ValueError, match="does not hold"):
        PhantomEvent(onset, apex, offset, (("AU12", 0.02),), hold)


def test_units_of_one_expression_add_up_or_cancel() -> None:
    def amplitude(*units: tuple[str, float]) -> float:
        return PhantomEvent(1.0, 1.2, 1.5, units).amplitude_iod

    assert amplitude(("AU12", 0.02)) == pytest.approx(0.02, rel=0.01)
    assert amplitude(("LAU12", 0.02), ("RAU12", 0.01)) == pytest.approx(0.02, rel=0.01)
    assert amplitude(("AU9", 0.02), ("AU4", 0.02)) > 0.025
    assert amplitude(("AU1", 0.02), ("AU4", 0.02)) < 0.017
    assert amplitude() == 0.0


def test_unknown_units_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="AU3 is not in the table"):
        PhantomEvent(1.0, 1.2, 1.5, (("AU12", 0.02), ("AU3", 0.02)))


@QUICK
@given(st.floats(0, 100), st.floats(0, 1))
def test_eyes_close_for_the_length_of_a_blink_only(start: float, share: float) -> None:
    script = PhantomScript(blinks_s=(start,))
    assert script.closure(start - 1e-3) == script.closure(start + BLINK_S + 1e-3) == 0.0
    assert 0 <= script.closure(start + share * BLINK_S) <= 1


def test_a_blink_shuts_faster_than_it_opens() -> None:
    script = PhantomScript(blinks_s=(2.0,))
    course = [script.closure(2.0 + k / 90 * BLINK_S) for k in range(91)]
    assert course[30] == pytest.approx(1.0)
    assert course[:31] == sorted(course[:31])
    assert course[30:] == sorted(course[30:], reverse=True)
    assert max(abs(b - a) for a, b in pairwise(course)) < 0.1


def test_every_blink_of_a_script_is_made() -> None:
    script = PhantomScript(blinks_s=(1.0, 4.0))
    assert [script.closure(t + BLINK_S / 3) > 0.9 for t in (1.0, 2.5, 4.0)] == [True, False, True]


@QUICK
@given(st.floats(0, 60), st.integers(0, 1000))
def test_a_demo_fits_into_its_duration_without_overlaps(seconds: float, seed: int) -> None:
    script = demo_script(seconds, seed)
    assert all(event.onset_s >= 2.5 and event.offset_s <= seconds for event in script.events)
    assert all(a.offset_s + 1 < b.onset_s for a, b in pairwise(script.events))


@QUICK
@given(st.floats(0, 60), st.integers(0, 1000))
def test_a_demo_blinks_only_between_expressions(seconds: float, seed: int) -> None:
    script = demo_script(seconds, seed)
    spans = [(event.onset_s, event.offset_s) for event in script.events]
    assert all(0 <= start <= seconds - BLINK_S + 1e-9 for start in script.blinks_s)
    assert not [(b, s) for b in script.blinks_s for s in spans if b < s[1] and b + BLINK_S > s[0]]


@QUICK
@given(st.integers(0, 1000))
def test_a_demo_keeps_to_its_sizes(seed: int) -> None:
    script = demo_script(60.0, seed)
    assert len(script.events) >= 12
    for event in script.events:
        low, high = (0.015, 0.03) if event.kind == "micro" else (0.04, 0.08)
        assert event.units
        assert all(low <= amplitude <= high for _, amplitude in event.units)
        length = event.offset_s - event.onset_s
        assert 0.3 - 1e-9 <= length <= 0.5 if event.kind == "micro" else 0.9 <= length <= 2.0


@QUICK
@given(st.integers(0, 1000))
def test_every_fourth_expression_of_a_demo_is_macro(seed: int) -> None:
    kinds = [event.kind for event in demo_script(60.0, seed).events]
    macros = [k for k, kind in enumerate(kinds) if kind == "macro"]
    assert macros
    assert all(b - a == 4 for a, b in pairwise(macros))


@QUICK
@given(st.integers(0, 1000))
def test_the_same_seed_makes_the_same_demo(seed: int) -> None:
    assert demo_script(30.0, seed) == demo_script(30.0, seed)
    assert demo_script(30.0, seed) != demo_script(30.0, seed + 1)


def test_a_longer_demo_begins_like_the_shorter() -> None:
    short, long = demo_script(15.0, 3).events, demo_script(40.0, 3).events
    assert 0 < len(short) < len(long)
    assert long[: len(short)] == short


def test_a_demo_takes_the_nuisance_it_is_given() -> None:
    assert demo_script(10.0, nuisance=Nuisance(noise=0.0)).nuisance == Nuisance(noise=0.0)
    assert demo_script(10.0).nuisance == Nuisance()
