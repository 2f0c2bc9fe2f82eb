"""A session of the phantom, recorded once for all tests that read recordings."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from realtime.capture import CaptureNode
from realtime.chain import run_stages
from realtime.config import CaptureConfig, Config
from realtime.messages import Face, Frame, Status
from realtime.nodes import PROCESSES, Head, Node, Resume, Rings, ring_sizes
from realtime.recordings.notes import make_note
from realtime.recordings.record import Recorder
from realtime.recordings.sessions import Recording, open_recording
from realtime.ring import Ring

HAS_AV = importlib.util.find_spec("av") is not None


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """5 s without loss, with an event at 2.5 s, a note, and the video where it can be encoded."""
    config = Config(capture=CaptureConfig("phantom", seconds=5.0, paced=False))
    base = tmp_path_factory.mktemp("sessions")
    size, crop = ring_sizes(config)
    rings = Rings(Ring.local(200, 640 * 480 * 3), Ring.local(crop.slots, crop.slot_bytes))  # holds every frame
    assert size.slots < 200
    stages: list[list[Node | Head]] = [[CaptureNode(config.capture, rings.frames)]]
    with Recorder(base, config, rings.frames if HAS_AV else None) as recorder:
        for spec in PROCESSES[1:]:
            stages.append(list(spec.make(config, rings, Resume())))
        for message in run_stages(stages):
            at: dict[str, Any] = {
                "seq": message.seq,
                "t_capture_ns": message.t_capture_ns,
                "t_media_ns": message.t_media_ns,
            }
            if isinstance(message, Face):
                recorder.take(Frame(width=640, height=480, **at))
            recorder.take(message)
        recorder.take(make_note("asked about <Monday> & Tuesday", 1_000_000_000))
        recorder.take(Status(process="perceive", state="ended", handled=150, p50_ms=12.5, p95_ms=20.0, **at))
    for stage in stages:
        for node in stage:
            node.close()
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
    from realtime.exports.formats import FORMATS, export

    folder = tmp_path_factory.mktemp("exported")
    written = export(recorded, list(FORMATS), folder)
    assert {path.name for path in written} == {path.name for path in folder.iterdir()}
    return folder
