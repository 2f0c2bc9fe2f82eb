"""Notes on a finished recording: a file of lines beside it, so that the recording itself is never rewritten."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from realtime.messages import Annotation

LONGEST = 10_000
"""Characters of a note."""


def make_note(text: str, t_media_ns: int, until_ns: int = -1, t_capture_ns: int = 0) -> Annotation:
    """A note on a moment of a stream, or on the time until `until_ns`.

    Raises:
        ValueError: no text or too much of it, or a time that cannot be.
    """
    text = text.strip()
    if not 0 < len(text) <= LONGEST:
        raise ValueError(f"a note has 1 to {LONGEST} characters, not {len(text)}")
    if t_media_ns < 0 or -1 < until_ns < t_media_ns:
        raise ValueError("a note's time begins at 0 or later and does not end before it begins")
    return Annotation(seq=-1, t_capture_ns=t_capture_ns, t_media_ns=t_media_ns, text=text, until_ns=max(until_ns, -1))


def add_note(path: Path, note: Annotation) -> None:
    """Append a note to a file of notes.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("a+b") as lines:
        if lines.tell() and not _ends_a_line(lines):
            lines.write(b"\n")  # somebody edited it, or the disk was full in the middle of a note
        lines.write(msgspec.json.encode(note) + b"\n")


def _ends_a_line(file: IO[bytes]) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def read_notes(path: Path) -> Iterator[Annotation]:
    """The notes of a file; lines that are none are passed over, and no file has none."""
    if not path.is_file():
        return
    for line in path.read_bytes().splitlines():
        try:
            yield msgspec.json.decode(line, type=Annotation)
        except msgspec.MsgspecError:
            continue
