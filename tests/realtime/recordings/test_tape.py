from pathlib import Path

import pytest

from realtime.config import Config
from realtime.recordings.journal import JournalWriter
from realtime.recordings.tape import Tape
from realtime.supervisor import Session
from tests.realtime.messages import frame


def test_what_became_of_a_recording_is_told_of_that_one_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: JournalWriter, message: object) -> None:
        raise OSError("the disk is full")

    with Tape(Session(Config()), tmp_path) as tape:
        assert (tape.state["last"], tape.state["problem"]) == ("", "")
        tape.start()
        name = tape.folder.name
        tape.take(frame(0.0))
        tape.stop()
        assert (tape.state["last"], tape.state["problem"]) == (name, "")
        with monkeypatch.context() as patch:
            patch.setattr(JournalWriter, "write", full)
            tape.start()
            tape.take(frame(0.0))
            tape.stop()
        assert tape.state["last"] != name
        assert "the disk is full" in tape.state["problem"]
        tape.start()
        assert (tape.state["on"], tape.state["problem"]) == (True, "")
        tape.stop()  # to which no frame came
        assert (tape.state["on"], tape.state["last"], tape.state["problem"]) == (False, "", "")
    assert len(tape.finished) == 2
