"""Recordings as they lie in a folder: which there are, and what is in one."""

import datetime
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from realtime.config import Config, ConfigError, config_from
from realtime.exports.tables import Event, in_order, make_event
from realtime.messages import Annotation, AnyMessage, Say, Spot, shifted
from realtime.recordings.answers import Answers
from realtime.recordings.journal import JOURNAL, NOTES, VIDEO, Footage, JournalReader, RecordingError
from realtime.recordings.notes import add_note, make_note, read_notes
from realtime.recordings.tally import COUNTED, Counts, Tally
from realtime.sources import source_title


@dataclass(frozen=True)
class SessionInfo:
    """A recording at a glance.

    Attributes:
        path: its folder.
        started: wall-clock time when the recording began.
        source: what was watched, as it was given.
        title: the same as a person calls it.
        counts: the session in numbers.
        program: version of mellm-live that recorded it.
        has_video: whether the frames were recorded too.
        size_bytes: of all its files.
        complete: whether it was finished; if not, it is still being written, or was cut off and holds all but its last
            second.
    """

    path: Path
    started: datetime.datetime
    source: str
    title: str
    counts: Counts
    program: str
    has_video: bool
    size_bytes: int
    complete: bool

    @property
    def duration_s(self) -> float:
        """Length of the stream that was recorded, s."""
        return self.counts.duration_s


class Recording:
    """One recording, opened for reading. Nothing in it is ever changed, but notes can be added beside it.

    All its times count from its beginning, where its video begins too, though it may have begun in the middle of a
    session. What reaches into it from before has times below 0.

    Attributes:
        path: its folder.
    """

    def __init__(self, path: Path) -> None:
        """Use `open_recording`."""
        self.path = path
        self._reader = JournalReader(path / JOURNAL)

    @cached_property
    def info(self) -> SessionInfo:
        """See `SessionInfo`."""
        return _info(self.path, self._reader, self._counts, self.complete)

    @property
    def complete(self) -> bool:
        """Whether it was finished (`SessionInfo.complete`), which its last lines tell at once."""
        return bool(self._tail)

    @cached_property
    def _tail(self) -> dict[str, str]:
        return self._reader.read_tail()

    @cached_property
    def _counts(self) -> Counts:
        """The session in numbers; messages are read only if the recording does not say so itself."""
        try:
            return msgspec.json.decode(self._tail.get("counts", ""), type=Counts)
        except msgspec.MsgspecError:
            tally = Tally()
            for message in self._reader.entries({kind.__name__ for kind in COUNTED}):
                if not isinstance(message, Footage):
                    tally.note(message)
            return tally.counts

    @property
    def _zero_ns(self) -> int:
        """The time of the session's stream at which it begins, from which times in its files count."""
        return max(self._counts.first_ns, 0)

    @property
    def video(self) -> Path | None:
        """The video's file, which begins where it does; None if only messages were recorded."""
        path = self.path / VIDEO
        return path if path.is_file() and path.stat().st_size else None

    @cached_property
    def config(self) -> Config:
        """The settings of the session.

        Raises:
            RecordingError: they are not those of this version.
        """
        try:
            return config_from(json.loads(self._reader.head.get("config", "{}")), str(self.path / JOURNAL))
        except (ConfigError, ValueError) as error:
            raise RecordingError(f"{self.path}: its settings are not of this version: {error}") from error

    @property
    def calibration(self) -> str:
        """The text of the calibration that was in use; empty if there was none."""
        return self._reader.head.get("calibration", "")

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the packages that recorded it."""
        return dict(_json(self._reader.head.get("versions", "")))

    def messages(self, *kinds: type[AnyMessage]) -> Iterator[AnyMessage]:
        """Its messages in the order in which they were said; only some kinds, if they are named, which is faster.

        Reads from the file as it goes. Notes made afterwards are not among them: see `notes`.
        """
        for entry in self._reader.entries({kind.__name__ for kind in kinds}):
            if not isinstance(entry, Footage):
                yield shifted(entry, -self._zero_ns)

    def events(self) -> tuple[Event, ...]:
        """Its events with their final words, in order of onset."""
        return collect_events(self.messages(Spot, Say), self.path.name)

    def spots(self) -> dict[int, Spot]:
        """The closed spots by their number."""
        return {s.spot_id: s for s in self.messages(Spot) if isinstance(s, Spot) and s.phase == "closed"}

    @property
    def notes(self) -> tuple[Annotation, ...]:
        """The operator's notes in order of time: those made during the session and those added since."""
        live = [m for m in self.messages(Annotation) if isinstance(m, Annotation)]
        since = [shifted(note, -self._zero_ns) for note in read_notes(self.path / NOTES)]
        return tuple(sorted((*live, *since), key=lambda note: note.t_media_ns))

    def annotate(self, text: str, t_media_ns: int, until_ns: int = -1) -> Annotation:
        """Note something about a moment, or the time until `until_ns`; it is kept beside the recording.

        Raises:
            ValueError: no text, or a time that cannot be.
            OSError: it cannot be written.
        """
        note = make_note(text, t_media_ns, until_ns)
        add_note(self.path / NOTES, shifted(note, self._zero_ns))
        return note

    @property
    def damage(self) -> str:
        """What could not be read when its messages were last read to their end; empty if all could."""
        return self._reader.damage

    def footage(self) -> tuple[Footage, ...]:
        """The frames of its video in order."""
        shots = self._reader.entries({Footage.__name__})
        return tuple(shifted(shot, -self._zero_ns) for shot in shots if isinstance(shot, Footage))


def collect_events(messages: Iterator[AnyMessage] | Sequence[AnyMessage], name: str) -> tuple[Event, ...]:
    """The events in some messages, in order of onset.

    Args:
        messages: of a session.
        name: what their `video` is called.
    """
    answers = Answers()
    for message in messages:
        answers.take(message)
    return tuple(in_order([make_event(name, *pair) for pair in answers.pairs]))


def open_recording(path: str | Path) -> Recording:
    """Open a recording.

    Args:
        path: its folder, or the `session.mcap` in it.

    Raises:
        RecordingError: there is none, or it is foreign, or of a newer version.
    """
    path = Path(path)
    folder = path.parent if path.name == JOURNAL and not path.is_dir() else path
    if not folder.is_dir():
        raise RecordingError(f"{path}: no such recording" if not path.exists() else f"{path}: not a recording's folder")
    if not (folder / JOURNAL).is_file():
        inside = sorted(entry.parent.name for entry in folder.glob(f"*/{JOURNAL}"))
        hint = f"; it holds {len(inside)} of them, the last is {folder / inside[-1]}" if inside else ""
        raise RecordingError(f"{folder}: not a recording itself, there is no {JOURNAL} in it{hint}")
    return Recording(folder)


def list_sessions(folder: str | Path) -> list[SessionInfo]:
    """The recordings in a folder, the newest first; what cannot be read as one is left out.

    Finished ones are told from their last lines; one that was cut off is read through.

    Raises:
        RecordingError: there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise RecordingError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}")
    return survey(folder)[0]


def _glance(path: Path) -> SessionInfo:
    return Recording(path).info


def survey(folder: Path, look: Callable[[Path], SessionInfo] = _glance) -> tuple[list[SessionInfo], list[str]]:
    """The same, and of each that cannot be read, why; nothing in a folder that has yet to be made.

    Args:
        folder: where recordings are.
        look: reads one, given its folder; it may raise what `Recording` raises, and OSError.
    """
    found, unreadable = [], []
    for path in sorted(folder.glob(f"*/{JOURNAL}")):
        try:
            found.append(look(path.parent))
        except (RecordingError, OSError) as error:
            if path.exists():  # else it has been removed meanwhile, as that of a cancelled analysis
                why = f"{path}: cannot be read: {error.strerror or error}" if isinstance(error, OSError) else str(error)
                unreadable.append(why)
    return sorted(found, key=lambda info: (info.started, info.path.name), reverse=True), unreadable


def _info(path: Path, reader: JournalReader, counts: Counts, complete: bool) -> SessionInfo:
    try:
        started = datetime.datetime.fromisoformat(reader.head.get("started", ""))
    except ValueError as error:
        raise RecordingError(f"{path / JOURNAL}: does not say when it began: not a whole recording") from error
    size = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    program = _json(reader.head.get("versions", "")).get("mellm-live", "")
    has_video = (path / VIDEO).is_file()
    source = reader.head.get("source", "")
    title = reader.head.get("title", "") or source_title(source)
    return SessionInfo(path, started, source, title, counts, program, has_video, size, complete)


def _json(text: str) -> dict[str, str]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
