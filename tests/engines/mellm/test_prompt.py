import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.mellm.prompt import MANNERS, STILL, PromptError, fill, house_prompt, instruction, movement_lines
from tests.engines.mellm.measured import facts_of


def test_a_line_a_region_that_moved_the_strongest_first() -> None:
    facts = facts_of(["LAU12"], strength=0.1, iod_px=200.0)
    lines = movement_lines(facts).splitlines()
    assert lines[0] == "Right Mouth Corner up-right 40° 20 px 10%"
    assert len(lines) == len(facts.moving)
    assert movement_lines(facts_of([])) == STILL


@given(st.floats(0.004, 0.2), st.floats(20, 600))
def test_numbers_are_short_whatever_is_measured(strength: float, iod_px: float) -> None:
    for line in movement_lines(facts_of(["AU4"], strength, iod_px=iod_px)).splitlines():
        length, unit, share = line.rsplit(" ", 2)[0].rsplit(" ", 1)[1], *line.rsplit(" ", 2)[1:]
        assert unit == "px"
        assert share.endswith("%")
        assert len(length) <= 3
        assert len(share) <= 4


def test_the_same_facts_choose_the_same_manner_and_others_another() -> None:
    manners = {house_prompt(facts_of(["AU4"], s / 1000)).splitlines()[-1] for s in range(5, 60)}
    assert manners == {f"={k}" for k in range(MANNERS)}
    assert house_prompt(facts_of(["AU4"])) == house_prompt(facts_of(["AU4"]))


def test_the_instruction_tells_the_movements_and_the_form_of_the_answer() -> None:
    text = fill(instruction(), facts_of(["AU4"]))
    assert "Left Inner Eyebrow down-right" in text
    assert "RAU12" in text
    assert "{" not in text


@pytest.mark.parametrize("template", ["{movements} {faces}", "no place", "{movements} {0}", "{movements} {"])
def test_a_template_with_a_wrong_place_is_refused(template: str) -> None:
    with pytest.raises(PromptError, match=r"place|prompt"):
        fill(template, facts_of([]))
