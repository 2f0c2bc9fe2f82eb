"""Words as subtitles: WebVTT, as W3C's "WebVTT: The Web Video Text Tracks Format" has it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from realtime.exports.tables import Event
from realtime.messages import KIND_NAMES

READING_CPS = 17.0
"""Characters a second that a viewer of subtitles reads."""

SHORTEST_S, LONGEST_S = 2.0, 8.0


@dataclass(frozen=True)
class Cue:
    """A text for a while, times in s; `heading` stands above it in bold, `speaker` is who it is about."""

    start_s: float
    end_s: float
    heading: str
    text: str
    speaker: str = ""


def event_cues(events: Sequence[Event], length_s: float) -> list[Cue]:
    """A cue an event of a recording of some length: from its onset for as long as it lasts or takes to read.

    It ends where the next one begins, or the recording ends, unless that follows at once.
    """
    ordered = sorted(events, key=lambda event: event.onset_s)
    several = len({event.face_id for event in ordered}) > 1
    cues = []
    for event, after in zip_longest(ordered, ordered[1:]):
        label = "" if event.label == "none" else event.label
        heading = " · ".join(part for part in (KIND_NAMES[event.kind], " ".join(event.action_units), label) if part)
        end_s = max(event.offset_s, event.onset_s + reading_s(heading + event.narration))
        end_s = cut(event.onset_s, end_s, after.onset_s if after is not None else length_s)
        cues.append(Cue(event.onset_s, end_s, heading, event.narration, f"Face {event.face_id}" if several else ""))
    return cues


def cut(start_s: float, end_s: float, next_s: float) -> float:
    """When a cue ends for the sake of what is next: not before a glance can have read it, even if they overlap."""
    return min(end_s, max(next_s, start_s + SHORTEST_S))


def reading_s(text: str) -> float:
    """How long a text stays, s."""
    return min(max(len(text) / READING_CPS, SHORTEST_S), LONGEST_S)


def webvtt(cues: Sequence[Cue], comment: str = "") -> str:
    """The file of some cues, in order of time; those before the video's beginning are cut or left out.

    Args:
        cues: in any order.
        comment: what the file tells of the whole, which no player shows.
    """
    blocks = ["WEBVTT", f"NOTE {_escape(comment)}"] if comment.strip() else ["WEBVTT"]
    shown = sorted((cue for cue in cues if cue.end_s > 0), key=lambda cue: (cue.start_s, cue.end_s))
    for number, cue in enumerate(shown, 1):
        start_s = max(cue.start_s, 0.0)
        end_s = max(cue.end_s, start_s + 0.001)
        lines = [f"<b>{_escape(cue.heading)}</b>"] if cue.heading else []
        if cue.text.strip():
            lines.append(_escape(cue.text))
        if cue.speaker:
            lines[0] = f"<v {_escape(cue.speaker)}>{lines[0]}"
        blocks.append("\n".join([str(number), f"{_time(start_s)} --> {_time(end_s)}", *lines]))
    return "\n\n".join(blocks) + "\n"


def _time(t_s: float) -> str:
    ms = round(t_s * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def _escape(text: str) -> str:
    """On one line, and nothing in it is a tag or an arrow."""
    text = re.sub(r"\s+", " ", text).strip()
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
