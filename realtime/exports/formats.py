"""A recording in other programs' formats: one table of what there is, and what each writes.

Times in every file count from the beginning of the recording, which is also where its video begins.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from realtime.exports.account import Account, gather
from realtime.exports.elan import Note, eaf
from realtime.exports.report import report
from realtime.exports.subtitles import Cue, cut, event_cues, reading_s, webvtt
from realtime.exports.tables import (
    write_events_csv,
    write_events_jsonl,
    write_events_parquet,
    write_rows,
)
from realtime.recordings.journal import RecordingError
from realtime.recordings.sessions import Recording

_MOMENT_S = 0.5
"""A note on a moment is so long where it has to be seen and clicked."""


@dataclass(frozen=True)
class Format:
    """A row of the table.

    Attributes:
        files: names of what it writes.
        what: for whom or what it is.
        write: writes them, in that order.
    """

    files: tuple[str, ...]
    what: str
    write: Callable[[Account, tuple[Path, ...]], None]


def _csv(account: Account, paths: tuple[Path, ...]) -> None:
    write_events_csv(account.events, paths[0])
    write_rows(account.motions, paths[1])


def _jsonl(account: Account, paths: tuple[Path, ...]) -> None:
    write_events_jsonl(account.events, paths[0])
    write_rows(account.motions, paths[1])


def _parquet(account: Account, paths: tuple[Path, ...]) -> None:
    import pyarrow.parquet as pq

    write_events_parquet(account.events, paths[0])
    pq.write_table(account.motions, paths[1])


def _vtt(account: Account, paths: tuple[Path, ...]) -> None:
    length_s = account.info.duration_s
    cues = event_cues(account.events, length_s)
    for note in account.notes:
        start_s = note.t_media_ns / 1e9
        end_s = max(note.end_ns / 1e9, start_s + reading_s(note.text))
        cues.append(Cue(start_s, cut(start_s, end_s, length_s), "", note.text, "Operator"))
    # A cue of the summary would stand on the last events' words, and is too long to be read in passing.
    paths[0].write_text(webvtt(cues, account.summary), encoding="utf-8")


def _eaf(account: Account, paths: tuple[Path, ...]) -> None:
    notes = []
    for note in account.notes:
        start_s = note.t_media_ns / 1e9
        end_s = note.end_ns / 1e9 if note.end_ns > note.t_media_ns else start_s + _MOMENT_S
        notes.append(Note(round(1000 * start_s), round(1000 * end_s), note.text))
    made, video = account.info.started, account.recording.video
    paths[0].write_bytes(eaf(account.events, notes, made, video, account.folder))


def _html(account: Account, paths: tuple[Path, ...]) -> None:
    paths[0].write_text(report(account), encoding="utf-8")


FORMATS: dict[str, Format] = {
    "csv": Format(("events.csv", "motion.csv"), "tables for spreadsheets", _csv),
    "jsonl": Format(("events.jsonl", "motion.jsonl"), "tables, a JSON object a line", _jsonl),
    "parquet": Format(("events.parquet", "motion.parquet"), "tables for pandas, R, DuckDB", _parquet),
    "vtt": Format(("video.vtt",), "the words as subtitles of the video", _vtt),
    "eaf": Format(("session.eaf",), "tiers for annotators, in ELAN", _eaf),
    "html": Format(("report.html",), "a page for people, which needs no other file", _html),
}


def export(
    recording: Recording, names: list[str], folder: Path, done: Callable[[Path], None] | None = None, *,
    carried: bool = False,
) -> list[Path]:  # fmt: skip
    """Write a recording in some formats; each file appears whole or not at all, and replaces one of its name.

    Args:
        recording: to export.
        names: of formats, from `FORMATS`.
        folder: where the files go; it is made if need be.
        done: called with every file that has been written.
        carried: whether the files will be carried elsewhere: then none of them names a folder of this machine.

    Returns:
        The files.

    Raises:
        RecordingError: no such format.
        OSError: a file cannot be written.
    """
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise RecordingError(f"no export {unknown[0]!r}; there are: {', '.join(FORMATS)}")
    account = dataclasses.replace(gather(recording), folder=None if carried else folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in dict.fromkeys(names):
        form = FORMATS[name]
        partial = tuple(folder / f".{file}.part{Path(file).suffix}" for file in form.files)
        try:
            form.write(account, partial)
            for path, file in zip(partial, form.files, strict=True):
                path.replace(folder / file)
                written.append(folder / file)
                if done is not None:
                    done(folder / file)
        finally:
            for path in partial:
                path.unlink(missing_ok=True)
    return written
