"""What a whole session comes to, in words: how long, how much of what, when, and what recurred."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from calib.facs import Label
from realtime.messages import KIND_NAMES, Kind, Say, Spot

_TIMELINE = 8
_RECURRING = 3
_LED = 2  # regions that count as leading a movement


@dataclass(frozen=True)
class Moment:
    """An event that has been answered, in as much as the recap needs it.

    Attributes:
        face_id: whose it was.
        at_ns: its apex, in the stream's time; its onset if that is unknown.
        kind: of the event.
        magnitude_iod: how large it was.
        regions: those that moved most.
        action_units, label, confidence: what was said of it.
    """

    face_id: int
    at_ns: int
    kind: Kind
    magnitude_iod: float
    regions: tuple[str, ...]
    action_units: tuple[str, ...]
    label: Label
    confidence: float


def moment(spot: Spot, say: Say) -> Moment:
    """What remains of a closed event and the final words about it."""
    clear = [
        r
        for r, noise in zip(spot.regions, spot.noise_iod, strict=True)
        if r.mean_iod > noise and r.direction != "unclear"
    ]
    led = sorted(clear, key=lambda r: -r.mean_iod)[:_LED]
    return Moment(
        spot.face_id, spot.apex_ns if spot.apex_ns != -1 else spot.onset_ns, spot.kind or "macro",
        spot.magnitude_iod, tuple(r.name for r in led), say.action_units, say.label, say.confidence,
    )  # fmt: skip


def recap(moments: Sequence[Moment], revoked: int, seconds: float) -> str:
    """A session's summary: one paragraph, the same for the same moments in whatever order.

    Args:
        moments: its answered events.
        revoked: how many events were taken back.
        seconds: how long it was.
    """
    ordered = sorted(moments, key=lambda m: (m.at_ns, m.face_id, m.magnitude_iod))
    shown = [m for m in ordered if m.kind != "speech"]
    parts = [f"Watched {clock(round(seconds))}: {_counts(ordered)}{_taken_back(revoked)}."]
    if shown:
        parts.append(f"{_classes(shown)}.")
        parts.append(_timeline(shown, several=len({m.face_id for m in ordered}) > 1))
        parts += _recurring(shown)
    return " ".join(parts)


def clock(seconds: float) -> str:
    """A time as m:ss, or h:mm:ss; -0:01 is before a recording began."""
    minutes, rest = divmod(abs(int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if seconds <= -1 else ""
    return f"{sign}{hours}:{minutes:02d}:{rest:02d}" if hours else f"{sign}{minutes}:{rest:02d}"


def counted(count: int, noun: str) -> str:
    """A number and its noun, e.g. "1 frame", "2 frames"."""
    return f"{count} {noun_of(count, noun)}"


def noun_of(count: int, noun: str) -> str:
    """A noun beside its number."""
    return noun if count == 1 else f"{noun}s"


def _counts(moments: Sequence[Moment]) -> str:
    if not moments:
        return "no expression seen"
    kinds = Counter(m.kind for m in moments)
    parts = [counted(kinds[kind], KIND_NAMES[kind]) for kind in ("micro", "macro")]
    if kinds["speech"]:
        words = "stretch" if kinds["speech"] == 1 else "stretches"
        parts.append(f"{kinds['speech']} {words} of speech")
    return _listed(parts)


def _taken_back(revoked: int) -> str:
    return f"; {counted(revoked, 'movement')} {'was' if revoked == 1 else 'were'} taken back" if revoked else ""


def _classes(moments: Sequence[Moment]) -> str:
    named: Counter[str] = Counter(m.label for m in moments)
    parts = [f"{count} {label}" for label, count in _most(named) if label != "none"]
    if named["none"]:
        parts.append(f"{named['none']} without a class")
    return f"Read as {_listed(parts)}"


def _timeline(moments: Sequence[Moment], several: bool) -> str:
    kept = sorted(moments, key=lambda m: (-m.magnitude_iod, m.at_ns))[:_TIMELINE]
    lines = []
    for one in sorted(kept, key=lambda m: (m.at_ns, m.face_id)):
        whose = f" face {one.face_id}" if several else ""
        units = " ".join(one.action_units) or "no unit"
        lines.append(f"{clock(one.at_ns / 1e9)}{whose} {one.kind} {units} {one.label} {one.confidence:.0%}")
    head = f"The {len(kept)} strongest" if len(moments) > len(kept) else "Timeline"
    return f"{head}: {'; '.join(lines)}."


def _recurring(moments: Sequence[Moment]) -> list[str]:
    units = Counter(unit for m in moments for unit in m.action_units)
    regions = Counter(region for m in moments for region in m.regions)
    parts = []
    for counts, verb in ((units, "Recurring"), (regions, "Moving most")):
        often = [f"{name} {count} times" for name, count in _most(counts)[:_RECURRING] if count > 1]
        if often:
            parts.append(f"{verb}: {', '.join(often)}.")
    return parts


def _most(counts: "Counter[str]") -> list[tuple[str, int]]:
    """The most frequent first; equals by name."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
