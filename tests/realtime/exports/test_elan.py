import datetime
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.exports.elan import Note, eaf
from realtime.exports.tables import Event
from realtime.messages import KIND_NAMES
from tests.realtime.exports.test_tables import event

MADE = datetime.datetime(2026, 11, 25, 17, 30, tzinfo=datetime.timezone.utc)
ORDER = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "CONSTRAINT"]

_ID = re.compile(r"[A-Za-z_][\w.-]*")  # xs:ID
_TEXT = re.compile(r".*", re.DOTALL)
_BOOLEAN = re.compile(r"true|false")
_WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")  # xs:dateTime
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"
# Source: "ELAN Annotation Format, EAF", version 3.0 (2017): each element, the attributes that it must and may have,
# with their types, and its children in their order. Of what may be there, what this program writes.
MUST = {
    "ANNOTATION_DOCUMENT": {"AUTHOR": _TEXT, "DATE": _WHEN, "VERSION": re.compile(r"3\.0")},
    "HEADER": {},
    "MEDIA_DESCRIPTOR": {"MEDIA_URL": re.compile(r"\S+"), "MIME_TYPE": re.compile(r"[\w.+-]+/[\w.+-]+")},
    "PROPERTY": {},
    "TIME_ORDER": {},
    "TIME_SLOT": {"TIME_SLOT_ID": _ID},
    "TIER": {"TIER_ID": _TEXT, "LINGUISTIC_TYPE_REF": _TEXT},
    "ANNOTATION": {},
    "ALIGNABLE_ANNOTATION": {"ANNOTATION_ID": _ID, "TIME_SLOT_REF1": _ID, "TIME_SLOT_REF2": _ID},
    "REF_ANNOTATION": {"ANNOTATION_ID": _ID, "ANNOTATION_REF": _ID},
    "ANNOTATION_VALUE": {},
    "LINGUISTIC_TYPE": {"LINGUISTIC_TYPE_ID": _TEXT},
    "CONSTRAINT": {
        "STEREOTYPE": re.compile("Time_Subdivision|Symbolic_Subdivision|Symbolic_Association|Included_In"),
    },
}  # fmt: skip
MAY = {
    "ANNOTATION_DOCUMENT": {"FORMAT": re.compile(r"3\.0"), _XSI: re.compile(r"http://\S+/EAFv3\.0\.xsd")},
    "HEADER": {"MEDIA_FILE": _TEXT, "TIME_UNITS": re.compile("milliseconds")},
    "MEDIA_DESCRIPTOR": {"RELATIVE_MEDIA_URL": re.compile(r"\./\S+")},
    "PROPERTY": {"NAME": _TEXT},
    "TIME_SLOT": {"TIME_VALUE": re.compile(r"\d{1,9}")},  # xs:unsignedInt
    "TIER": {"PARTICIPANT": _TEXT, "PARENT_REF": _TEXT},
    "LINGUISTIC_TYPE": {"TIME_ALIGNABLE": _BOOLEAN, "GRAPHIC_REFERENCES": _BOOLEAN, "CONSTRAINTS": _TEXT},
    "CONSTRAINT": {"DESCRIPTION": _TEXT},
}
CHILDREN = {
    "ANNOTATION_DOCUMENT": ORDER, "HEADER": ["MEDIA_DESCRIPTOR", "PROPERTY"], "TIME_ORDER": ["TIME_SLOT"],
    "TIER": ["ANNOTATION"], "ANNOTATION": ["ALIGNABLE_ANNOTATION", "REF_ANNOTATION"],
    "ALIGNABLE_ANNOTATION": ["ANNOTATION_VALUE"], "REF_ANNOTATION": ["ANNOTATION_VALUE"],
}  # fmt: skip


def check_structure(root: ET.Element) -> None:
    """Elements, their order, and their attributes with their types."""
    for element in root.iter():
        must, may = MUST[element.tag], MAY.get(element.tag, {})
        assert set(must) <= set(element.attrib) <= {*must, *may}, element.tag
        for name, value in element.attrib.items():
            assert {**must, **may}[name].fullmatch(value), (element.tag, name, value)
        places = [CHILDREN.get(element.tag, []).index(child.tag) for child in element]
        assert places == sorted(places)
    assert [len(root.findall(name)) for name in ("HEADER", "TIME_ORDER")] == [1, 1]


def check(data: bytes) -> ET.Element:
    """What the schema demands of a file, and ELAN beyond it."""
    root = ET.fromstring(data)
    assert root.tag == "ANNOTATION_DOCUMENT"
    check_structure(root)
    assert datetime.datetime.fromisoformat(root.attrib["DATE"]).tzinfo is not None
    slots = {slot.attrib["TIME_SLOT_ID"]: int(slot.attrib["TIME_VALUE"]) for slot in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    assert len(slots) == len(list(root.iter("TIME_SLOT")))
    types = {kind.attrib["LINGUISTIC_TYPE_ID"]: kind for kind in root.iter("LINGUISTIC_TYPE")}
    assert len(types) == len(list(root.iter("LINGUISTIC_TYPE")))
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
        assert parent is None or types[tiers[parent].attrib["LINGUISTIC_TYPE_REF"]].attrib["TIME_ALIGNABLE"] == "true"
        last, told_of = 0, set()
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
                assert inner.attrib["ANNOTATION_REF"] not in told_of  # a symbolic association is one to one
                told_of.add(inner.attrib["ANNOTATION_REF"])
    assert not set(ids) & set(slots)
    used = {
        inner.attrib[end] for inner in root.iter("ALIGNABLE_ANNOTATION") for end in ("TIME_SLOT_REF1", "TIME_SLOT_REF2")
    }
    assert used == set(slots)
    last_id = root.findtext("HEADER/PROPERTY[@NAME='lastUsedAnnotationId']")
    assert last_id == str(max((int(identity[1:]) for identity in ids), default=0))
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
        onset, apex_s=apex, offset_s=offset, face_id=draw(st.integers(1, 3)),
        kind=draw(st.sampled_from(list(KIND_NAMES))), narration=draw(st.text()),
    )  # fmt: skip


notes = st.builds(Note, st.integers(-5, 60_000), st.integers(-5, 60_000), st.text())


@settings(max_examples=150)
@given(st.lists(events(), max_size=12), st.lists(notes, max_size=8))
def test_any_session_makes_a_valid_file(found: list[Event], noted: list[Note]) -> None:
    root = check(eaf(found, noted, MADE))
    tiers = [tier.attrib["TIER_ID"] for tier in root.iter("TIER") if tier.attrib["TIER_ID"].endswith(": expression")]
    assert sum(len(values(root, tier)) for tier in tiers) == len(found)
    rows = [tier.attrib["TIER_ID"] for tier in root.iter("TIER") if tier.attrib["LINGUISTIC_TYPE_REF"] == "note"]
    assert sum(len(values(root, row)) for row in rows) == len(noted)


def test_an_event_has_its_phases_units_and_words() -> None:
    sure = event(1.0, confidence=0.9963)
    root = check(eaf([sure], [Note(500, 700, "so")], MADE, Path("/a/b/video.webm"), Path("/a/b")))
    assert values(root, "face 1: expression") == ["micro"]
    assert values(root, "face 1: phase") == ["onset–apex", "apex–offset"]
    assert values(root, "face 1: action units") == ["AU4+LAU12"]
    assert values(root, "face 1: label") == ["negative"]
    assert values(root, "face 1: confidence") == ["0.9963"]
    assert values(root, "face 1: words") == ["Brows down, „so“, 1.0 px."]
    assert values(root, "notes") == ["so"]
    media = root.find("HEADER/MEDIA_DESCRIPTOR")
    assert media is not None
    assert (media.attrib["MEDIA_URL"], media.attrib["RELATIVE_MEDIA_URL"]) == ("file:///a/b/video.webm", "./video.webm")
    assert [slot.attrib["TIME_VALUE"] for slot in root.iter("TIME_SLOT")][-2:] == ["1300", "1300"]


def test_what_overlaps_gets_tiers_of_its_own() -> None:
    root = check(eaf([event(1.0, offset_s=3.0), event(1.5), event(3.0)], [], MADE))
    assert len(values(root, "face 1: expression")) == 2
    assert len(values(root, "face 1 (2): expression")) == 1
    assert {tier.attrib["PARTICIPANT"] for tier in root.iter("TIER")} == {"face 1"}


def test_a_phase_whose_end_nobody_saw_does_not_lead_to_an_offset() -> None:
    root = check(eaf([event(1.0, cut_off=True)], [], MADE))
    assert values(root, "face 1: phase") == ["onset–apex", "apex–cut off"]


def test_notes_that_overlap_keep_their_ends() -> None:
    root = check(eaf([], [Note(0, 60_000, "interview"), Note(10_000, 10_500, "cough")], MADE))
    assert (values(root, "notes"), values(root, "notes (2)")) == (["interview"], ["cough"])
    assert {slot.attrib["TIME_VALUE"] for slot in root.iter("TIME_SLOT")} == {"0", "60000", "10000", "10500"}


def test_a_file_that_is_carried_away_looks_beside_itself_and_names_no_folder() -> None:
    media = check(eaf([], [], MADE, Path("/a/b/video.webm"))).find("HEADER/MEDIA_DESCRIPTOR")
    assert media is not None
    assert media.attrib["MEDIA_URL"] == media.attrib["RELATIVE_MEDIA_URL"] == "./video.webm"


def test_a_file_elsewhere_still_finds_the_video() -> None:
    root = check(eaf([], [], MADE, Path("/a/b/video.webm"), Path("/a/report")))
    media = root.find("HEADER/MEDIA_DESCRIPTOR")
    assert media is not None
    assert media.attrib["RELATIVE_MEDIA_URL"] == "./../b/video.webm"


def test_the_session_is_valid(exported: Path) -> None:
    root = check((exported / "session.eaf").read_bytes())
    assert "micro" in values(root, "face 1: expression")
    assert values(root, "notes") == ["asked about <Monday> & Tuesday"]
