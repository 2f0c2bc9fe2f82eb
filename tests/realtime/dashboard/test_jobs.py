"""What runs in an analysis's process, here in this one."""

import errno
import os
from collections.abc import Iterator
from itertools import count
from multiprocessing import Pipe
from pathlib import Path

import pytest

from realtime.config import Config
from realtime.dashboard import jobs
from realtime.messages import AnyMessage
from realtime.recordings.journal import JournalWriter, RecordingError
from tests.realtime.served import frame


def test_it_ends_at_once_when_the_disk_is_full_and_leaves_nothing(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: JournalWriter, message: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def endless(*_: object) -> Iterator[AnyMessage]:
        yield from map(frame, count())

    monkeypatch.setattr(JournalWriter, "write", full)
    monkeypatch.setattr(jobs, "_messages", endless)
    with pytest.raises(RecordingError, match="the recording stopped: No space left on device"):
        jobs._analyse(clip, "a.mp4", tmp_path, Config(), Pipe()[0], lambda: False)
    assert not list(tmp_path.iterdir())
