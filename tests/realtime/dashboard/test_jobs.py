"""What runs in an analysis's process, here in this one."""

import errno
import os
from collections.abc import Iterator
from itertools import count
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import pytest

from realtime.config import CaptureConfig, Config
from realtime.dashboard import jobs
from realtime.messages import AnyMessage, Say
from realtime.recordings.journal import JOURNAL, JournalWriter, RecordingError
from realtime.recordings.sessions import open_recording
from tests.realtime.messages import say
from tests.realtime.served import frame, motion


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


def test_what_is_to_be_known_of_a_video_comes_with_its_result(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = say(-1, "it ends after 0.0 s", final=False)
    monkeypatch.setattr(jobs, "_messages", lambda *_: iter([frame(0), motion(0, 1), cut, say(-1, "Watched 0:00.")]))
    done = jobs._analyse(clip, "a.mp4", tmp_path, Config(), Pipe()[0], lambda: False)
    assert done.remarks == ("it ends after 0.0 s",)
    assert (tmp_path / done.name / JOURNAL).is_file()


@pytest.mark.parametrize(("name", "fps", "said"), [("a.npy", 0.0, 1), ("a.npy", 200.0, 0), ("a.mp4", 0.0, 0)])
def test_of_frames_that_tell_no_time_it_is_told_which_rate_was_assumed(
    name: str, fps: float, said: int, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = tmp_path / name
    if name.endswith(".npy"):
        np.save(video, np.zeros((2, 64, 64, 3), np.uint8))
    else:
        video.symlink_to(clip)
    monkeypatch.setattr(jobs, "_messages", lambda *_: iter([frame(0), motion(0, 1)]))
    config = Config(capture=CaptureConfig(fps=fps))
    done = jobs._analyse(video, name, tmp_path / "sessions", config, Pipe()[0], lambda: False)
    assert done.remarks == ("30 fps assumed; give the true rate with --fps of mellm analyze",) * said
    recorded = open_recording(tmp_path / "sessions" / done.name).messages(Say)
    assert tuple(say.text for say in recorded if isinstance(say, Say)) == done.remarks  # also where it is opened
