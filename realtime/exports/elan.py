"""Events as tiers for ELAN, the annotation tool of the Max Planck Institute for Psycholinguistics (EAF, format 3.0).

For every face a tier of expressions (micro, macro, speech) with the tiers that hang on it: phases (onset–apex,
apex–offset, or apex–cut off where nobody saw the end), action units, label, confidence, and words; for the operator a
tier of notes. What ELAN cannot have on one tier, annotations that overlap, gets a second set of tiers.

Source of the format: "ELAN Annotation Format, EAF", version 3.0 (2017), and the schema named in every such file.
"""

import datetime
import mimetypes
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from realtime.exports.tables import Event

SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_CONSTRAINTS = {
    "Included_In": "lies within the time of the annotation it hangs on, gaps allowed",
    "Symbolic_Association": "says one thing about the annotation it hangs on",
}
_UNSAFE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 cannot hold


_Timed = TypeVar("_Timed")


@dataclass(frozen=True)
class Note:
    """A note of the operator, times in ms."""

    start_ms: int
    end_ms: int
    text: str


@dataclass
class _Document:
    """Tiers as they are filled; every annotation gets its number and its slots of time."""

    slots: list[int] = field(default_factory=list)
    tiers: list[ET.Element] = field(default_factory=list)
    count: int = 0

    def tier(self, name: str, kind: str, participant: str, parent: str = "") -> ET.Element:
        """A tier, by its linguistic type."""
        attributes = {"TIER_ID": name, "PARTICIPANT": participant, "LINGUISTIC_TYPE_REF": kind}
        if parent:
            attributes["PARENT_REF"] = parent
        self.tiers.append(ET.Element("TIER", attributes))
        return self.tiers[-1]

    def aligned(self, tier: ET.Element, start_ms: int, end_ms: int, text: str) -> str:
        """An annotation from one time to another; its id."""
        ends = [self._slot(start_ms), self._slot(end_ms)]
        identity = self._identity()
        slots = {"ANNOTATION_ID": identity, "TIME_SLOT_REF1": ends[0], "TIME_SLOT_REF2": ends[1]}
        self._add(tier, "ALIGNABLE_ANNOTATION", slots, text)
        return identity

    def referring(self, tier: ET.Element, to: str, text: str) -> None:
        """An annotation of another annotation."""
        self._add(tier, "REF_ANNOTATION", {"ANNOTATION_ID": self._identity(), "ANNOTATION_REF": to}, text)

    def _add(self, tier: ET.Element, kind: str, attributes: dict[str, str], text: str) -> None:
        annotation = ET.SubElement(ET.SubElement(tier, "ANNOTATION"), kind, attributes)
        ET.SubElement(annotation, "ANNOTATION_VALUE").text = _UNSAFE.sub("\ufffd", text)

    def _slot(self, t_ms: int) -> str:
        self.slots.append(t_ms)
        return f"ts{len(self.slots)}"

    def _identity(self) -> str:
        self.count += 1
        return f"a{self.count}"


def eaf(
    events: Sequence[Event], notes: Sequence[Note], made: datetime.datetime, video: Path | None = None,
    folder: Path | None = None,
) -> bytes:  # fmt: skip
    """The file of some events and notes.

    Args:
        events: times from the beginning of the video.
        notes: likewise.
        made: when the session was recorded.
        video: that was watched, if there is one.
        folder: where the file will lie; if that is not known, it looks for the video beside itself, wherever it is.
    """
    document = _Document()
    for face_id in sorted({event.face_id for event in events}):
        layers = _layers([event for event in events if event.face_id == face_id], lambda event: _times(event)[::2])
        for number, layer in enumerate(layers, 1):
            _face(document, f"face {face_id}", number, layer)
    for number, row in enumerate(_layers(notes, _span), 1):
        tier = document.tier(_numbered("notes", number), "note", "operator")
        for note in row:
            document.aligned(tier, *_span(note), note.text)
    return _serialise(document, made, video, folder)


def _numbered(name: str, number: int) -> str:
    """The name of the first set of tiers, and of those beside it."""
    return name if number == 1 else f"{name} ({number})"


def _face(document: _Document, whose: str, number: int, events: Sequence[Event]) -> None:
    """A set of tiers of a face."""
    name = _numbered(whose, number)
    root = f"{name}: expression"
    tiers = {"expression": document.tier(root, "expression", whose)}
    for part, kind in (("phase", "phase"), *((p, "fact") for p in ("action units", "label", "confidence", "words"))):
        tiers[part] = document.tier(f"{name}: {part}", kind, whose, root)
    for event in events:
        start, apex, end = _times(event)
        whole = document.aligned(tiers["expression"], start, end, event.kind)
        if start < apex:
            document.aligned(tiers["phase"], start, apex, "onset–apex")
        if apex < end:
            document.aligned(tiers["phase"], apex, end, "apex–cut off" if event.cut_off else "apex–offset")
        document.referring(tiers["action units"], whole, "+".join(event.action_units))
        document.referring(tiers["label"], whole, event.label)
        document.referring(tiers["confidence"], whole, f"{event.confidence:.4f}")  # of 0.9963, 1.00 would be certain
        document.referring(tiers["words"], whole, event.narration)


def _span(note: Note) -> tuple[int, int]:
    """A note's time, ms, of a length."""
    return max(note.start_ms, 0), max(note.end_ms, note.start_ms + 1, 1)


def _times(event: Event) -> tuple[int, int, int]:
    """Onset, apex and offset in ms, in this order and not all the same."""
    start = max(round(event.onset_s * 1000), 0)
    end = max(round(event.offset_s * 1000), start + 1)
    return start, min(max(round(event.apex_s * 1000), start), end), end


def _layers(items: Sequence[_Timed], times: Callable[[_Timed], tuple[int, int]]) -> list[list[_Timed]]:
    """Things with times sorted into as few rows as can be, none overlapping in its row."""
    layers: list[list[_Timed]] = []
    for item in sorted(items, key=times):
        start = times(item)[0]
        row = next((layer for layer in layers if times(layer[-1])[1] <= start), None)
        if row is None:
            layers.append([item])
        else:
            row.append(item)
    return layers


def _serialise(document: _Document, made: datetime.datetime, video: Path | None, folder: Path | None) -> bytes:
    root = ET.Element(
        "ANNOTATION_DOCUMENT",
        {"AUTHOR": "mellm-live", "DATE": made.isoformat(timespec="seconds"), "FORMAT": "3.0", "VERSION": "3.0",
         "xmlns:xsi": _XSI, "xsi:noNamespaceSchemaLocation": SCHEMA},
    )  # fmt: skip
    header = ET.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if video is not None:
        way = f"./{video.name if folder is None else os.path.relpath(video.resolve(), folder.resolve())}"
        url = way if folder is None else video.resolve().as_uri()
        kind = mimetypes.guess_type(video.name)[0] or "video/*"
        media = {"MEDIA_URL": url, "RELATIVE_MEDIA_URL": way, "MIME_TYPE": kind}
        ET.SubElement(header, "MEDIA_DESCRIPTOR", media)
    ET.SubElement(header, "PROPERTY", {"NAME": "lastUsedAnnotationId"}).text = str(document.count)
    times = ET.SubElement(root, "TIME_ORDER")
    # ELAN numbers its slots in order of time.
    order = sorted(range(len(document.slots)), key=lambda k: document.slots[k])
    renamed = {f"ts{k + 1}": f"ts{place + 1}" for place, k in enumerate(order)}
    for place, k in enumerate(order):
        ET.SubElement(times, "TIME_SLOT", {"TIME_SLOT_ID": f"ts{place + 1}", "TIME_VALUE": str(document.slots[k])})
    for tier in document.tiers:
        for annotation in tier.iter("ALIGNABLE_ANNOTATION"):
            for end in ("TIME_SLOT_REF1", "TIME_SLOT_REF2"):
                annotation.set(end, renamed[annotation.get(end, "")])
        root.append(tier)
    for name, alignable, constraint in (
        ("expression", True, ""), ("phase", True, "Included_In"), ("fact", False, "Symbolic_Association"),
        ("note", True, ""),
    ):  # fmt: skip
        attributes = {
            "LINGUISTIC_TYPE_ID": name,
            "TIME_ALIGNABLE": str(alignable).lower(),
            "GRAPHIC_REFERENCES": "false",
        }
        if constraint:
            attributes["CONSTRAINTS"] = constraint
        ET.SubElement(root, "LINGUISTIC_TYPE", attributes)
    for name, description in _CONSTRAINTS.items():
        ET.SubElement(root, "CONSTRAINT", {"STEREOTYPE": name, "DESCRIPTION": description})
    ET.indent(root, "    ")
    return bytes(ET.tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"
