from collections.abc import Iterator

import pytest
from msgspec import structs

from calib.face import REGIONS
from calib.facs import pattern
from engines.mellm import Answer, Facts, NarratorError
from engines.regions import RegionMotion, octant
from realtime.config import NarrateConfig
from realtime.messages import AnyMessage, Phase, Say, Spot
from realtime.narrate import NarrateNode


def smile() -> tuple[RegionMotion, ...]:
    moved = 0.02 * pattern("AU12")
    return tuple(
        RegionMotion(region.name, u, v, float((u * u + v * v) ** 0.5), 0.03, 45.0, octant(45), 1.0)
        for region, (u, v) in zip(REGIONS, moved, strict=True)
    )


def spot(phase: Phase, spot_id: int = 0) -> Spot:
    return Spot(
        seq=4, face_id=1, t_capture_ns=11, t_media_ns=22, spot_id=spot_id, phase=phase, onset_ns=1, apex_ns=2,
        offset_ns=3, kind="micro", confidence=0.9, magnitude_iod=0.02, iod_px=100.0, regions=smile(),
        noise_iod=(0.004,) * len(REGIONS),
    )  # fmt: skip


def said(node: NarrateNode, message: AnyMessage) -> list[Say]:
    return [out for out in node.step(message) if isinstance(out, Say)]


def test_the_apex_gets_a_first_clause_and_the_end_the_whole() -> None:
    node = NarrateNode(NarrateConfig())
    assert said(node, spot("rising")) == []
    (first,) = said(node, spot("apex"))
    pieces = said(node, spot("closed"))
    final = pieces[-1]
    assert not first.final
    assert [piece.final for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert "".join(piece.text for piece in pieces[:-1]) == final.text
    assert final.text.startswith(first.text)
    assert final.action_units == ("AU12",)
    assert final.label == "positive"
    assert (final.seq, final.face_id, final.t_capture_ns, final.spot_id) == (4, 1, 11, 0)


def test_nothing_is_read_into_speech() -> None:
    (say,) = said(NarrateNode(NarrateConfig()), structs.replace(spot("closed"), movements=5))
    assert say.final
    assert "5 times" in say.text
    assert (say.action_units, say.label) == ((), "none")


def test_a_spot_handed_in_again_is_answered_once() -> None:
    node = NarrateNode(NarrateConfig())
    assert said(node, spot("closed"))
    assert said(node, spot("closed")) == []
    assert said(node, spot("closed", spot_id=1))


def test_a_revoked_spot_is_taken_back_in_words() -> None:
    (say,) = said(NarrateNode(NarrateConfig()), spot("revoked"))
    assert say.final
    assert say.label == "none"


def test_another_narrator_can_speak() -> None:
    class Parrot:
        name = "parrot"

        def narrate(self, facts: Facts) -> Iterator[str | Answer]:
            yield facts.kind
            yield Answer(("AU1",), "surprise", 0.5, facts.kind)

        def notes(self) -> list[str]:
            return []

        def close(self) -> None:
            pass

    final = said(NarrateNode(NarrateConfig(), Parrot()), spot("closed"))[-1]
    assert (final.text, final.action_units) == ("micro", ("AU1",))


def test_an_unknown_narrator_is_named() -> None:
    with pytest.raises(NarratorError, match=r"'homer'.*template"):
        NarrateNode(NarrateConfig("homer"))
