"""What is said of a recording when a session is over."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from realtime.commands.live import _recorded
from realtime.config import Config
from realtime.recordings.record import Recorder
from tests.realtime.messages import frame


@pytest.mark.parametrize(
    ("unfilmed", "misfits", "said"),
    [
        (0, 0, ""),
        (1, 0, "note: the video lacks 1 frame: it could not be encoded as fast as frames came\n"),
        (0, 2, "note: the video lacks 2 frames: of another size than its first\n"),
    ],
)
def test_why_frames_are_not_in_the_video_is_told(tmp_path: Path, unfilmed: int, misfits: int, said: str) -> None:
    with Recorder(tmp_path, Config()) as recorder:
        recorder.take(frame(0.0))
    recorder.unfilmed, recorder.misfits = unfilmed, misfits
    told = io.StringIO()
    assert _recorded(Console(file=told), recorder, failed=False) == 0
    assert told.getvalue().startswith(f"{said}recorded 0.0 MB in {recorder.folder}")
