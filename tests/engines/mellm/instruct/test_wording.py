import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.facs import in_order
from engines.mellm.claims import claims, false_claims
from engines.mellm.closing import codes, parse_answer
from engines.mellm.instruct.wording import Reading, chance_in_steps, main_regions, write_answer
from engines.mellm.prompt import MANNERS
from tests.engines.mellm.measured import facts_of

manners = st.integers(0, MANNERS - 1)


@given(st.lists(st.sampled_from(codes()), min_size=1, max_size=4, unique=True), st.floats(0.005, 0.06), manners)
def test_an_answer_is_faithful_and_closes_with_its_reading(units: list[str], strength: float, manner: int) -> None:
    facts = facts_of(units, strength)
    reading = Reading(tuple(units), "negative", 0.75)
    text = write_answer(facts, reading, manner)
    answer = parse_answer(text)
    assert (answer.action_units, answer.label, answer.confidence) == (in_order(units), "negative", 0.75)
    assert false_claims(answer.narration, facts) == []
    assert bool(claims(answer.narration)) == bool(facts.moving)
    assert "  " not in text
    assert answer.narration.endswith(".")
    for code in units:
        if facts.moving:
            assert f"({code})" in answer.narration


@given(manners)
def test_nothing_a_blink_and_a_muddle_are_said_to_be_such(manner: int) -> None:
    nothing = write_answer(facts_of([]), Reading((), "none", 0.95), manner)
    blink = write_answer(facts_of(["AU45"]), Reading(("AU45",), "none", 0.95), manner)
    muddle = write_answer(facts_of(["AU4", "AU12"]), Reading((), "none", 0.5, muddle=True), manner)
    assert "express" in nothing
    assert "AU45" in blink
    assert "express" in blink
    assert any(word in muddle for word in ("mbiguous", "open"))
    assert "action unit" in muddle
    assert len({nothing, blink, muddle}) == 3


@given(manners)
def test_an_unsure_answer_says_so(manner: int) -> None:
    facts = facts_of(["AU14"])
    unsure = write_answer(facts, Reading(("AU14",), "negative", 0.45), manner).lower()
    sure = write_answer(facts, Reading(("AU14",), "negative", 0.85), manner).lower()
    doubt = ("open", "ambiguous", "several", "unclear", "hint")
    assert any(word in unsure for word in doubt)
    assert not any(word in sure for word in doubt)
    assert "45%" in unsure
    assert "85%" in sure


def test_manners_put_the_same_differently() -> None:
    facts = facts_of(["AU4"])
    assert len({write_answer(facts, Reading(("AU4",), "negative", 0.8), m) for m in range(MANNERS)}) == MANNERS


def test_sizes_are_named_by_the_strongest_main_region() -> None:
    for strength, word in ((0.006, "slight"), (0.015, "clear"), (0.05, "strong")):
        assert word in write_answer(facts_of(["AU4"], strength), Reading(("AU4",), "negative", 0.8), 0)


@pytest.mark.parametrize(
    ("code", "region"), [("AU12", "Left Mouth Corner"), ("LAU12", "Right Mouth Corner"), ("AU17", "Chin")]
)
def test_a_unit_shows_in_its_main_regions(code: str, region: str) -> None:
    assert region in main_regions(code)


@given(st.floats(-0.1, 1.1))
def test_chances_come_in_steps(chance: float) -> None:
    step = chance_in_steps(chance)
    assert 0 <= step <= 1
    assert abs(step - min(max(chance, 0), 1)) <= 0.0251
    assert round(20 * step) == pytest.approx(20 * step)
