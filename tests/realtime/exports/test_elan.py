import datetime
import xml.etree.ElementTree as ET
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.exports.elan import Note, eaf
from realtime.exports.tables import Event
from tests.realtime.exports.test_tables import event

MADE = datetime.datetime(2026, 11, 25, 17, 30, tzinfo=datetime.timezone.utc)
ORDER = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "CONSTRAINT"]


def check(data: bytes) -> ET.Element:
    """What the schema demands of a file, and ELAN beyond it."""
    root = ET.fromstring(data)
    assert root.tag == "ANNOTATION_DOCUMENT"
    assert {"DATE", "AUTHOR", "VERSION", "FORMAT"} <= set(root.attrib)
    assert datetime.datetime.fromisoformat(root.attrib["DATE"]).tzinfo is not None
    places = [ORDER.index(child.tag) for child in root]
    assert places == sorted(places)
    slots = {slot.attrib["TIME_SLOT_ID"]: int(slot.attrib["TIME_VALUE"]) for slot in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    types = {kind.attrib["LINGUISTIC_TYPE_ID"]: kind for kind in root.iter("LINGUISTIC_TYPE")}
    constraints = {constraint.attrib["STEREOTYPE"] for constraint in root.iter("CONSTRAINT")}
    assert all(kind.attrib.get("CONSTRAINTS", next(iter(constraints))) in constraints for kind in types.values())
    tiers = {tier.attrib["TIER_ID"]: tier for tier in root.iter("TIER")}
    assert len(tiers) == len(list(root.iter("TIER")))
    ids: dict[str, str] = {}
    spans: dict[str, tuple[int, int]] = {}
    for name, tier in tiers.items():
        kind = types[tier.attrib["LINGUISTIC_TYPE_REF"]]
        parent = tier.attrib.get("PARENT_REF")
        assert (parent is not None) == ("CONSTRAINTS" in kind.attrib)
        assert parent is None or parent in tiers
        last = 0
        for annotation in tier:
            (inner,) = annotation
            identity = inner.attrib["ANNOTATION_ID"]
            assert identity not in ids
            ids[identity] = name
            assert [child.tag for child in inner] == ["ANNOTATION_VALUE"]
            if inner.tag == "ALIGNABLE_ANNOTATION":
                assert kind.attrib["TIME_ALIGNABLE"] == "true"
                start, end = slots[inner.attrib["TIME_SLOT_REF1"]], slots[inner.attrib["TIME_SLOT_REF2"]]
                assert last <= start < end
                last, spans[identity] = end, (start, end)
                if parent is not None:
                    inside = [spans[i] for i, at in ids.items() if at == parent]
                    assert any(a <= start and end <= b for a, b in inside)
            else:
                assert kind.attrib["TIME_ALIGNABLE"] == "false"
                assert ids[inner.attrib["ANNOTATION_REF"]] == parent
    assert not set(ids) & set(slots)
    return root


def values(root: ET.Element, tier: str) -> list[str | None]:
    found = root.find(f"TIER[@TIER_ID='{tier}']")
    assert found is not None
    return [value.text for value in found.iter("ANNOTATION_VALUE")]


TIMES = st.floats(0, 60).map(lambda t: round(t, 4))


@st.composite
def events(draw: st.DrawFn) -> Event:
    onset, apex, offset = sorted((draw(TIMES), draw(TIMES), draw(TIMES)))
    return event(
        onset, apex_s=apex, offset_s=offset, face_id=draw(st.integers(0, 2)), movements=draw(st.integers(1, 3)),
        narration=draw(st.text()),
    )  # fmt: skip


notes = st.builds(Note, st.integers(-5, 60_000), st.integers(-5, 60_000), st.text())


@settings(max_examples=150, deadline=None)
@given(st.lists(events(), max_size=12), st.lists(notes, max_size=8))
def test_any_session_makes_a_valid_file(found: list[Event], noted: list[Note]) -> None:
    root = check(eaf(found, noted, MADE))
    tiers = [tier.attrib["TIER_ID"] for tier in root.iter("TIER") if tier.attrib["TIER_ID"].endswith(": expression")]
    assert sum(len(values(root, tier)) for tier in tiers) == len(found)


def test_an_event_has_its_phases_units_and_words() -> None:
    root = check(eaf([event(1.0)], [Note(500, 700, "so")], MADE, "video.webm"))
    assert values(root, "face 1: expression") == ["micro"]
    assert values(root, "face 1: phase") == ["onset–apex", "apex–offset"]
    assert values(root, "face 1: action units") == ["AU4+LAU12"]
    assert values(root, "face 1: label") == ["negative"]
    assert values(root, "face 1: words") == ["Brows down, „so“, 1.0 px."]
    assert values(root, "notes") == ["so"]
    media = root.find("HEADER/MEDIA_DESCRIPTOR")
    assert media is not None
    assert media.attrib["RELATIVE_MEDIA_URL"] == "./video.webm"
    assert [slot.attrib["TIME_VALUE"] for slot in root.iter("TIME_SLOT")][-2:] == ["1300", "1300"]


def test_what_overlaps_gets_tiers_of_its_own() -> None:
    root = check(eaf([event(1.0, offset_s=3.0), event(1.5), event(3.0)], [], MADE))
    assert len(values(root, "face 1: expression")) == 2
    assert len(values(root, "face 1 (2): expression")) == 1


def test_the_session_is_valid(exported: Path) -> None:
    root = check((exported / "session.eaf").read_bytes())
    assert "micro" in values(root, "face 1: expression")
    assert values(root, "notes") == ["asked about <Monday> & Tuesday"]
