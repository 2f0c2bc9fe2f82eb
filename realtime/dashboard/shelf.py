"""The recordings in a folder at a glance, each read again only when it has changed.

A finished one tells what is in it from its last lines, but one that was cut off, or is still being recorded, has to be
read through, which takes longer the longer it is.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from realtime.recordings.journal import JOURNAL
from realtime.recordings.sessions import Recording, SessionInfo, survey

STALE_S = 5.0
"""What is told of a recording that goes on may be so old."""

SHARE = 0.1
"""Reading one that goes on takes no more of the time than this."""


@dataclass(frozen=True)
class _Glance:
    """What was found in a recording when its file had a size (bytes) and a time of change (ns), good until then (s)."""

    stamp: tuple[int, int]
    info: SessionInfo
    until_s: float


class Shelf:
    """See the module. For one caller at a time."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is read yet.

        Args:
            folder: where recordings are; it need not exist yet.
            clock: the time, s.
        """
        self._folder, self._clock = folder, clock
        self._glances: dict[Path, _Glance] = {}

    def survey(self) -> tuple[list[SessionInfo], list[str]]:
        """The recordings, the newest first, and of each that cannot be read, why."""
        before, self._glances = self._glances, {}  # those that have gone are not kept
        return survey(self._folder, partial(self._look, before))

    def _look(self, before: dict[Path, _Glance], path: Path) -> SessionInfo:
        glance = before.get(path)
        file = (path / JOURNAL).stat()
        stamp = file.st_size, file.st_mtime_ns
        if glance is None or glance.stamp != stamp:
            recording = Recording(path)
            now_s = self._clock()
            if glance is None or recording.complete or now_s >= glance.until_s:
                info = recording.info
                read_s = self._clock()
                glance = _Glance(stamp, info, read_s + max(STALE_S, (read_s - now_s) / SHARE))
        self._glances[path] = glance
        return glance.info
