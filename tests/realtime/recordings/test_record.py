import datetime
import errno
import json
import os
import signal
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest
from mcap.reader import make_reader

from realtime.config import CaptureConfig, Config, NarrateConfig, SpotConfig
from realtime.messages import Frame, Spot
from realtime.recordings.journal import JOURNAL, JournalWriter, RecordingError
from realtime.recordings.record import Recorder
from realtime.recordings.sessions import Recording, list_sessions, open_recording
from realtime.ring import Ring
from realtime.schema import message_schema, message_types
from tests.realtime.conftest import HAS_AV
from tests.realtime.messages import frame, one_of_each
from tests.realtime.test_supervisor import LONG_S, start_command

CONFIG = Config(capture=CaptureConfig("phantom"))


def record(base: Path, config: Config = CONFIG) -> Path:
    with Recorder(base, config) as recorder:
        for message in one_of_each():
            recorder.take(message)
    assert recorder.problem == ""
    return recorder.folder


def pixels(ring: Ring, count: int) -> list[Frame]:
    """Frames of noise in a ring: any eight bytes of them are found nowhere else."""
    rng = np.random.default_rng(5)
    shot = []
    for k in range(count):
        ring.put(rng.integers(0, 256, (120, 160, 3), dtype=np.uint8))
        shot.append(frame(k / 30, k, 160, 120))
    return shot


def everything(folder: Path) -> bytes:
    """All that a recording holds, unpacked."""
    data = [file.read_bytes() for file in folder.iterdir() if file.name != JOURNAL]
    with (folder / JOURNAL).open("rb") as stream:
        reader = make_reader(stream)
        data += [json.dumps(page.metadata).encode() for page in reader.iter_metadata()]
        stream.seek(0)
        data += [attachment.data for attachment in reader.iter_attachments()]
        data += [message.data for _, _, message in reader.iter_messages()]
    return b"".join(data)


def test_by_default_no_pixel_is_recorded(tmp_path: Path) -> None:
    ring = Ring.local(8, 160 * 120 * 3)
    with Recorder(tmp_path, CONFIG) as recorder:
        for message in [*pixels(ring, 8), *one_of_each()]:
            recorder.take(message)
    held = everything(recorder.folder)
    assert [file.name for file in recorder.folder.iterdir()] == [JOURNAL]
    for ticket in range(8):
        image = ring.view(ticket)
        assert image is not None
        raw = image.tobytes()
        assert not any(raw[k : k + 8] in held for k in range(0, len(raw), 4001))


def test_the_only_bytes_that_are_recorded_are_points_and_sketches() -> None:
    def blobs(schema: dict[str, Any]) -> set[str]:
        return {name for name, part in schema["properties"].items() if part.get("contentEncoding") == "base64"}

    found = {f"{kind.__name__}.{name}" for kind in message_types() for name in blobs(message_schema(kind))}
    assert found == {"Face.landmarks", "Spot.sketch"}


def test_a_real_session_records_no_pixel_of_the_face(recorded: Recording) -> None:
    """What a spot's sketch shows is the flow: where nothing moved it is white, and no grey of the skin is in it."""
    spots = [spot for spot in recorded.spots().values() if spot.sketch]
    assert spots
    for spot in spots:
        picture = cv2.imdecode(np.frombuffer(spot.sketch, np.uint8), cv2.IMREAD_COLOR)
        assert np.mean(np.all(np.asarray(picture) >= 250, axis=-1)) > 0.5


def test_what_belongs_to_a_session_is_kept_with_it(tmp_path: Path) -> None:
    config = Config(
        CaptureConfig("rtsp://me:secret@camera/1", fps=25.0), spot=SpotConfig(threshold_iod=0.004),
        narrate=NarrateConfig(narrator="http:https://me:secret@models/v1"),
    )  # fmt: skip
    folder = record(tmp_path, config)
    recording = open_recording(folder)
    assert recording.config.spot == config.spot
    assert recording.config.capture.fps == 25.0
    assert recording.config.narrate.narrator == "http:https://models/v1"
    assert (recording.info.source, recording.info.title) == ("rtsp://camera/1", "rtsp://camera/1")
    assert b"secret" not in everything(folder)
    assert recording.versions["numpy"] == np.__version__
    assert abs((recording.info.started - datetime.datetime.now().astimezone()).total_seconds()) < 60
    assert folder.name == recording.info.started.strftime("%Y-%m-%dT%H-%M-%S")


def test_the_calibration_is_kept_with_it(tmp_path: Path) -> None:
    file = tmp_path / "me.toml"
    file.write_text("noise = 1\n")
    folder = record(tmp_path / "s", Config(spot=SpotConfig(calibration=str(file))))
    assert open_recording(folder).calibration == "noise = 1\n"


def test_sessions_that_begin_together_have_a_folder_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> "Stopped":
            return cls(2026, 11, 25, 17, 30, tzinfo=tz or datetime.timezone.utc)

    monkeypatch.setattr(datetime, "datetime", Stopped)
    folders = [record(tmp_path) for _ in range(3)]
    names = ["2026-11-25T17-30-00", "2026-11-25T17-30-00-2", "2026-11-25T17-30-00-3"]
    assert [folder.name for folder in folders] == names
    assert [info.counts.frames for info in list_sessions(tmp_path)] == [1, 1, 1]


def test_wrong_folders_are_named(tmp_path: Path) -> None:
    folder = record(tmp_path)
    with pytest.raises(RecordingError, match="is itself a recording; give the folder around it"):
        Recorder(folder, CONFIG)
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordingError, match="is a file"):
        Recorder(tmp_path / "file", CONFIG)
    with pytest.raises(RecordingError, match="cannot make a folder there"):
        Recorder(Path("/proc/no"), CONFIG)


@pytest.mark.parametrize(
    ("error", "said"),
    [(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device"), (LookupError("odd"), "odd")],
)
def test_whatever_ends_the_recording_ends_nothing_else(
    error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[object] = []

    def full(self: JournalWriter, message: object) -> None:
        if len(written) == 3:
            raise error
        written.append(message)
        original(self, message)  # type: ignore[arg-type]

    original = JournalWriter.write
    monkeypatch.setattr(JournalWriter, "write", full)
    with Recorder(tmp_path, CONFIG) as recorder:
        for message in one_of_each():
            recorder.take(message)
    assert f"the recording stopped: {said}" in recorder.problem
    assert len(list(open_recording(recorder.folder).messages())) == 3


def test_without_pyav_recording_video_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(RecordingError, match="pip install av"):
        Recorder(tmp_path / "s", CONFIG, Ring.local(2, 100))
    assert not (tmp_path / "s").exists()


@pytest.mark.skipif(not HAS_AV, reason="PyAV is not installed")
def test_a_recording_begins_with_the_first_frame_that_can_be_filmed(tmp_path: Path) -> None:
    ring = Ring.local(4, 160 * 120 * 3)
    shots = pixels(ring, 10)
    with Recorder(tmp_path, CONFIG, ring) as recorder:
        for message in shots:
            recorder.take(message)
    recording = open_recording(recorder.folder)
    assert [shot.seq for shot in recording.footage()] == [m.seq for m in recording.messages()] == [6, 7, 8, 9]
    assert [shot.t_media_ns for shot in recording.footage()] == [s.t_media_ns - shots[6].t_media_ns for s in shots[6:]]
    assert recorder.unfilmed == 0


@pytest.mark.skipif(not HAS_AV, reason="PyAV is not installed")
def test_frames_that_leave_the_ring_later_are_counted_not_waited_for(tmp_path: Path) -> None:
    ring = Ring.local(4, 160 * 120 * 3)
    shots = pixels(ring, 10)
    with Recorder(tmp_path, CONFIG, ring) as recorder:
        for k in (6, 0, 7):
            recorder.take(shots[k])
    assert (recorder.unfilmed, recorder.misfits) == (1, 0)
    assert [shot.seq for shot in open_recording(recorder.folder).footage()] == [6, 7]


@pytest.mark.skipif(not HAS_AV, reason="PyAV is not installed")
def test_frames_of_another_size_are_counted_apart(tmp_path: Path) -> None:
    ring = Ring.local(4, 160 * 120 * 3)
    shots = pixels(ring, 2)
    ring.put(np.zeros((60, 80, 3), np.uint8))
    with Recorder(tmp_path, CONFIG, ring) as recorder:
        for message in [*shots, frame(0.1, 2, 80, 60)]:
            recorder.take(message)
    assert (recorder.unfilmed, recorder.misfits) == (0, 1)
    recording = open_recording(recorder.folder)
    assert ([shot.seq for shot in recording.footage()], recording.info.counts.frames) == ([0, 1], 3)


def test_a_session_is_recorded_as_it_was_said(recorded: Recording) -> None:
    messages = list(recorded.messages())
    counts = recorded.info.counts
    assert recorded.info.complete
    assert (counts.frames, counts.measured, counts.drops) == (150, 150, 0)
    assert recorded.info.duration_s == pytest.approx(5.0, abs=0.1)
    assert counts.micro + counts.macro == len(recorded.events()) >= 1
    assert [note.text for note in recorded.notes] == ["asked about <Monday> & Tuesday"]
    assert {type(m).__name__ for m in messages} >= {"Frame", "Face", "Motion", "Spot", "Say", "Status", "End"}
    assert sum(isinstance(m, Spot) and m.phase == "closed" for m in messages) == len(recorded.events())


def test_a_killed_session_keeps_what_it_had(tmp_path: Path) -> None:
    process: psutil.Popen = start_command("--record", str(tmp_path))
    for line in process.stdout:
        if b"micro-expression" in line:  # 2.8 s into the performance
            break
    children = process.children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=LONG_S)
    psutil.wait_procs(children, timeout=LONG_S)
    (info,) = list_sessions(tmp_path)
    assert not info.complete
    assert info.counts.measured > 0  # how many depends on the machine
    assert info.counts.last_ns > 1_700_000_000
    assert info.source == "phantom"
