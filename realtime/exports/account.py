"""All that a recording tells, gathered for the exports: events beside the spots they come from, curves, gaps, notes."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from realtime.changes import changes
from realtime.exports.tables import Event, MotionRows, make_event, motion_table
from realtime.messages import Annotation, Gap, Motion, Say, Spot, Status
from realtime.recordings.answers import SUMMARY, Answers
from realtime.recordings.journal import RecordingError
from realtime.recordings.sessions import Recording, SessionInfo


@dataclass(frozen=True)
class Told:
    """An event and the closed spot behind it."""

    event: Event
    spot: Spot


@dataclass(frozen=True)
class Account:
    """A recording, gathered.

    Attributes:
        recording: where it is from.
        info: it at a glance.
        told: its events in order of onset.
        motions: table of every measured frame, in order (`motion_table`).
        gaps: what was not looked at, in order.
        statuses: the last word of every process.
        narrators: who answered.
        notes: the operator's, in order.
        remarks: on the source or the narrator, in order, none twice.
        summary: what happened, in words.
        damage: what could not be read of it; empty if all could.
        settings: those that were not the defaults (`realtime.changes`); None if they are another version's.
        folder: where its exports will lie, if that is known.
    """

    recording: Recording
    info: SessionInfo
    told: tuple[Told, ...]
    motions: "pa.Table"
    gaps: tuple[Gap, ...]
    statuses: dict[str, Status]
    narrators: tuple[str, ...]
    notes: tuple[Annotation, ...]
    remarks: tuple[str, ...]
    summary: str
    damage: str
    settings: tuple[str, ...] | None
    folder: Path | None = None

    @property
    def events(self) -> tuple[Event, ...]:
        """The events without their spots."""
        return tuple(told.event for told in self.told)


def gather(recording: Recording) -> Account:
    """Read a recording through.

    Its summary is of what was recorded: the session's may tell of more.
    """
    answers = Answers()
    info, tables = recording.info, [motion_table([])]
    rows = MotionRows(tables.append)
    gaps: list[Gap] = []
    statuses: dict[str, Status] = {}
    remarks: list[str] = []
    for message in recording.messages(Spot, Say, Motion, Gap, Status):
        answers.take(message)
        if isinstance(message, Motion):
            rows.add(message)
        elif isinstance(message, Gap):
            gaps.append(message)
        elif isinstance(message, Say) and message.spot_id == SUMMARY and not message.final:
            remarks.append(message.text)
        elif isinstance(message, Status):
            statuses[message.process] = message
    rows.flush()
    told = [Told(make_event(recording.path.name, *pair), pair[0]) for pair in answers.pairs]
    return Account(
        recording, info, tuple(sorted(told, key=lambda t: (t.event.onset_s, t.event.face_id, t.event.offset_s))),
        pa.concat_tables(tables), tuple(sorted(gaps, key=lambda gap: gap.t_media_ns)), statuses,
        tuple(sorted({say.narrator for _, say in answers.pairs} - {""})), recording.notes,
        tuple(dict.fromkeys(remarks)), answers.summary(info.duration_s), recording.damage, _settings(recording),
    )  # fmt: skip


def _settings(recording: Recording) -> tuple[str, ...] | None:
    try:
        return changes(recording.config)
    except RecordingError:
        return None
