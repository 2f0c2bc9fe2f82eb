"""A recording as a page reads it."""

import json
from pathlib import Path

from realtime.config import Config
from realtime.dashboard.script import write_script
from realtime.recordings.record import Recorder
from realtime.recordings.sessions import open_recording
from tests.realtime.messages import frame, say, spot


def test_what_is_to_be_known_of_the_source_is_told_and_the_summary_once(tmp_path: Path) -> None:
    with Recorder(tmp_path, Config()) as recorder:
        for message in (
            frame(0.0), spot(1), say(1, "Chin ", final=False), say(1),
            say(-1, "it ends after 2.0 s", 2.0, final=False), say(-1, "Watched 0:09.", 2.0),
        ):  # fmt: skip
            recorder.take(message)
    rows = [json.loads(line) for line in write_script(open_recording(recorder.folder))]
    assert [row["type"] for row in rows] == ["spot", "say", "remark", "say"]
    assert rows[2] == {"type": "remark", "t": 2.0, "text": "it ends after 2.0 s"}
    assert rows[3]["id"] == -1
    assert "Watched 0:00: 1 micro-expression" in rows[3]["text"]
