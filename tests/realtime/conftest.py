"""A session of the phantom, recorded once for all tests that read recordings."""

import importlib.util
from pathlib import Path

import pytest

from realtime.config import CaptureConfig, Config
from realtime.record import Recorder
from realtime.sessions import Recording, open_recording
from realtime.supervisor import Session

HAS_AV = importlib.util.find_spec("av") is not None


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """5 s with an event at 2.5 s, a note, and the video where it can be encoded."""
    config = Config(capture=CaptureConfig("phantom", seconds=5.0))
    base = tmp_path_factory.mktemp("sessions")
    noted = False
    with Session(config) as session, Recorder(base, config, session.frames if HAS_AV else None) as recorder:
        for message in session:
            recorder.take(message)
            if not noted and message.t_media_ns > 1_000_000_000:
                noted = session.annotate("asked about <Monday> & Tuesday").text != ""
    assert recorder.problem == ""
    return open_recording(recorder.folder)


@pytest.fixture(scope="session")
def filmed(recorded: Recording) -> Recording:
    """The same, where its video could be recorded."""
    if recorded.video is None:
        pytest.skip("PyAV is not installed")
    return recorded


@pytest.fixture(scope="session")
def exported(recorded: Recording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That session in every format."""
    from realtime.exports import FORMATS, export

    folder = tmp_path_factory.mktemp("exported")
    written = export(recorded, list(FORMATS), folder)
    assert {path.name for path in written} == {path.name for path in folder.iterdir()}
    return folder
