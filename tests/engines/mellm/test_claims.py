import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calib.face import REGION_NAMES
from engines.mellm.answer import Facts
from engines.mellm.claims import Claim, claims, false_claims, settled
from engines.mellm.template import TemplateNarrator
from engines.regions import OCTANTS, RegionMotion
from tests.engines.mellm.measured import facts_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Left Cheek up by 1.2 px.", [("Left Cheek", "up", 1.2)]),
        ("The Chin moved up: 1.7 px, 1.5% of it. 80% sure.", [("Chin", "up", 1.7, 1.5)]),
        (
            "Left Cheek and Right Cheek 12 px up, Chin down 3%",
            [("Left Cheek", "up", 12.0), ("Right Cheek", "up", 12.0), ("Chin", "down", None, 3.0)],
        ),
        ("Left Cheek and Right Cheek moved up.", [("Left Cheek", "up"), ("Right Cheek", "up")]),
        ("The left mouth corner went up and to the left.", [("Left Mouth Corner", "up-left")]),
        ("Chin. Up we go.", [("Chin", "")]),
        ("Upper Lip Right Side down-right; Chin moved", [("Upper Lip Right Side", "down-right"), ("Chin", "")]),
        ("Left Upper Eyelid Left Side 1.2 px down", [("Left Upper Eyelid Left Side", "down", 1.2)]),
        ("a strong chin raiser (AU17) and left cheek raiser (LAU6)", []),
        ("nothing moved, neither up nor down", []),
    ],
)
def test_what_a_text_claims(text: str, found: list[tuple[str, str, float, float]]) -> None:
    assert claims(text) == [Claim(*one) for one in found]


@given(st.lists(st.tuples(st.sampled_from(REGION_NAMES), st.sampled_from(OCTANTS)), max_size=6))
def test_every_region_and_direction_is_read_as_it_was_written(moved: list[tuple[str, str]]) -> None:
    text = "; ".join(f"{name} {way} 1.0 px (1.0% of eye distance)" for name, way in moved)
    assert claims(text) == [Claim(name, way, 1.0, 1.0) for name, way in moved]


def motion(degrees: float, mean: float = 0.02) -> RegionMotion:
    return RegionMotion("Chin", 0.0, 0.0, mean, mean, degrees, OCTANTS[round(degrees / 45) % 8], 1.0)


@given(st.floats(0, 359), st.sampled_from(OCTANTS))
def test_a_claim_may_be_half_a_right_angle_off(degrees: float, way: str) -> None:
    away = abs((degrees - 45 * OCTANTS.index(way) + 180) % 360 - 180)
    found = false_claims(f"Chin {way}", Facts((motion(degrees),), (0.003,), 100.0))
    assert bool(found) == (away > 45)


@pytest.mark.parametrize(
    ("text", "true"),
    [("by 2.0 px", True), ("by 2.1 px", True), ("by 2.3 px", False), ("by 20 px", False), ("by 2.0%", True),
     ("by 1.6%", False), ("2.0 px, 2.0%", True), ("2.0 px, 4.0%", False)],
)  # fmt: skip
def test_an_amount_must_be_the_measured_one(text: str, true: bool) -> None:
    assert (false_claims(f"Chin up {text}", Facts((motion(90.0),), (0.003,), 100.0)) == []) == true


def test_a_still_region_did_not_move() -> None:
    facts = Facts((motion(90.0, 0.001),), (0.003,), 100.0)
    assert false_claims("The Chin moved.", facts) == [Claim("Chin", "")]
    assert false_claims("Nothing moved.", facts) == []


def test_the_template_claims_nothing_false() -> None:
    narrator = TemplateNarrator()
    for codes in itertools.combinations(["AU4", "LAU12", "AU17", "RAU6", "AU25"], 2):
        facts = facts_of(codes)
        text = "".join(piece for piece in narrator.narrate(facts) if isinstance(piece, str))
        assert claims(text)
        assert false_claims(text, facts) == []


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("A smile, perhaps", "A smile, perhaps"),
        ("The Left Cheek moved up by 1.", "The "),
        ("The Left Cheek moved up by 1.2 px. A", "The Left Cheek moved up by 1.2 px. A"),
        ("The Left Cheek moved up by 1.2 px, the Chin", "The Left Cheek moved up by 1.2 px, the "),
        ("Left Cheek and Right Cheek", ""),
        ("It is so. Upper Li", "It is so. "),
        ("It is so. Left", "It is so. "),
        ("It is left", "It is "),
        ("It is (AU1", "It is ("),
        ("It is LAU", "It is "),
        ("It is AU12.", "It is AU12."),
        ("It is left alone", "It is left alone"),
    ],
)
def test_a_claim_is_settled_once_its_clause_has_ended(text: str, whole: str) -> None:
    assert settled(text) == whole


def test_whatever_is_settled_stays_and_claims_what_it_claimed() -> None:
    narrator = TemplateNarrator()
    for codes in itertools.combinations(["AU4", "LAU12", "AU17", "RAU6", "AU25"], 2):
        text = "".join(piece for piece in narrator.narrate(facts_of(codes)) if isinstance(piece, str)) + " And"
        before = ""
        for count in range(len(text) + 1):
            now = settled(text[:count])
            assert claims(now) == claims(text)[: len(claims(now))]
            before = max(before, now, key=len)
        assert before == text
