"""`mellm export`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from realtime.commands.options import ERRORS, UsageError, check_folder, note, plain
from realtime.commands.replay import SessionFolder


def export(
    session: SessionFolder,
    *,
    to: Annotated[
        str, Parameter(help="csv, jsonl, parquet, vtt, eaf, html: several with commas; by default all.")
    ] = "",
    out: Annotated[Path | None, Parameter(help="Folder for the files; by default the recording's own.")] = None,
) -> int:
    """Write a recording for other programs and for people.

    The formats:
      csv, jsonl, parquet   tables of events and of every frame's motion
      vtt                   the words as subtitles of the video
      eaf                   tiers for annotators, in ELAN
      html                  a report on one page

    Times count from the beginning of the recording, where its video begins too.

    For example:
      mellm export sessions/2026-11-25T17-30-00
      mellm export sessions/2026-11-25T17-30-00 --to html,eaf --out report
    """
    from realtime.exports.formats import FORMATS
    from realtime.exports.formats import export as write
    from realtime.recordings.sessions import open_recording

    names = [name.strip().lower() for name in to.split(",") if name.strip()] if to else list(FORMATS)
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise UsageError(f"--to {(unknown or [to])[0]}: there are {', '.join(FORMATS)}")
    recording = open_recording(session)
    folder = out if out is not None else recording.path
    check_folder("--out", folder)
    if not recording.info.complete:
        note(ERRORS, f"{session} was cut off or is still being recorded: what it holds so far is exported")
    console = plain()
    with ERRORS.status("reading the recording …"):
        write(recording, names, folder, lambda path: console.print(str(path), soft_wrap=True))
    if recording.damage:
        note(ERRORS, f"{session}: {recording.damage}")
    return 0
