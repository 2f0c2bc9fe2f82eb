import itertools

import pytest

from engines.mellm.reader import shipped_reader
from engines.mellm.sighting import Sighting, named_units
from engines.mellm.units import infer_units
from tests.engines.mellm.measured import facts_of


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("a clear chin raiser (AU17) and left cheek raiser (LAU6).", ["AU17", "LAU6"]),
        ("AU 12, au-4 and RAU98", ["AU12", "AU4", "RAU98"]),
        ("in August AUs are one AU each", []),
    ],
)
def test_codes_are_found_however_they_are_written(text: str, codes: list[str]) -> None:
    assert named_units(text) == codes


def test_what_either_of_the_two_finds_is_seen() -> None:
    for codes in itertools.combinations(["AU1", "AU4", "LAU12", "AU17", "RAU6", "AU25", "AU45"], 2):
        facts = facts_of(codes)
        found = [*shipped_reader().units(facts), *(code for code, _ in infer_units(facts.regions, facts.noise_iod))]
        assert found
        assert Sighting(facts).unseen(found) == []


def test_a_side_is_part_of_a_two_sided_unit_but_makes_none() -> None:
    assert Sighting(facts_of(["AU12"])).unseen(["AU12", "LAU12", "RAU12"]) == []
    assert Sighting(facts_of(["LAU12"])).unseen(["AU12", "LAU12", "RAU12"]) == ["AU12", "RAU12"]


def test_what_does_not_exist_is_never_seen() -> None:
    assert Sighting(facts_of(["AU12", "AU17"])).unseen(["AU98", "LAU17", "AU17"]) == ["AU98", "LAU17"]


def test_a_still_face_shows_nothing() -> None:
    assert Sighting(facts_of(["AU12"], floor=1.0)).unseen(["AU12"]) == ["AU12"]
    assert Sighting(facts_of([])).unseen([]) == []
