"""The language model that ships."""

from collections.abc import Iterator

import pytest

pytest.importorskip("llama_cpp")

from engines.mellm import Answer, Narrator, open_narrator
from engines.mellm.claims import claims, false_claims
from engines.mellm.registry import SHIPPED
from tests.engines.mellm.measured import facts_of


@pytest.fixture(scope="module")
def narrator() -> Iterator[Narrator]:
    assert SHIPPED.exists()
    narrator = open_narrator("mellm")
    yield narrator
    narrator.close()


def answer(narrator: Narrator, codes: list[str], strength: float = 0.02) -> Answer:
    pieces = list(narrator.narrate(facts_of(codes, strength)))
    assert isinstance(pieces[-1], Answer)
    assert pieces[-1].narrator == "mellm"
    return pieces[-1]


@pytest.mark.parametrize(
    ("codes", "label"),
    [(["AU4"], "negative"), (["AU12"], "positive"), (["AU6", "AU12"], "positive"), (["AU1", "AU2"], "surprise"),
     (["AU4", "AU7"], "negative"), (["AU1", "AU2", "AU5"], "surprise"), (["AU9"], "negative"), (["AU17"], "negative")],
)  # fmt: skip
def test_plain_movements_are_read_and_said(narrator: Narrator, codes: list[str], label: str) -> None:
    said = answer(narrator, codes)
    assert set(said.action_units) == set(codes)
    assert said.label == label
    assert claims(said.narration)
    assert false_claims(said.narration, facts_of(codes)) == []
    for code in codes:
        assert f"({code})" in said.narration


def test_sides_are_the_subjects(narrator: Narrator) -> None:
    assert answer(narrator, ["LAU12"]).action_units == ("LAU12",)
    assert answer(narrator, ["RAU12"]).action_units == ("RAU12",)
    assert "Right Mouth Corner" in answer(narrator, ["LAU12"]).narration


def test_a_still_face_and_a_blink_are_no_expression(narrator: Narrator) -> None:
    for codes in ([], ["AU45"]):
        said = answer(narrator, codes, 0.03)
        assert said.label == "none"
        assert not [code for code in said.action_units if code != "AU45"]
        assert "xpression" in said.narration
