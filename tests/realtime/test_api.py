import subprocess
import sys
from pathlib import Path

import pytest

import realtime
from realtime.calibration import CalibrationError
from realtime.config import Config, ConfigError, SpotConfig
from realtime.messages import Motion
from tests.conftest import Command


def test_importing_it_loads_nothing() -> None:
    script = "import sys, realtime; print(sorted({'numpy', 'cv2', 'msgspec', 'zmq'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("name", realtime.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(realtime, name) is not None


def test_the_version_is_that_of_the_command(mellm: Command) -> None:
    assert mellm("--version") == (0, f"{realtime.__version__}\n", "")


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'sessionn'"):
        _ = realtime.sessionn


def test_a_session_gives_events_and_records_them(tmp_path: Path) -> None:
    with realtime.Session("phantom", seconds=3.5, record=tmp_path) as session:
        session.annotate("before", 0.0)
        events = list(session)  # on a busy machine perhaps none
        session.annotate("after", 0.1)
    assert session.problem == ""
    (info,) = realtime.list_sessions(tmp_path)
    assert info.path == session.folder
    assert info.counts.frames > 0
    recording = realtime.open_recording(info.path)
    assert [(e.onset_s, e.narration) for e in recording.events()] == [(e.onset_s, e.narration) for e in events]
    assert [note.text for note in recording.notes] == ["before", "after"]


def test_a_session_that_has_ended_gives_nothing_more_and_can_be_begun_anew() -> None:
    session = realtime.Session("phantom", seconds=0.5, engine="dis", narrator="template")
    for _ in range(2):
        with session:
            messages = list(session.messages())
            assert list(session.messages()) == []
        assert any(isinstance(m, Motion) and m.t_media_ns < 1e8 for m in messages)


def test_a_session_that_does_not_run_or_runs_already_says_so() -> None:
    session = realtime.Session("phantom", seconds=0.5, engine="dis", narrator="template")
    for _ in range(2):  # before, and afterwards
        with pytest.raises(realtime.SessionError, match="does not run"):
            list(session)
        with pytest.raises(realtime.SessionError, match="does not run"):
            session.annotate("nobody would hear of it")
        with session, pytest.raises(realtime.SessionError, match="runs already"), session:
            pass


def test_settings_are_changed_where_given(tmp_path: Path) -> None:
    base = Config(spot=SpotConfig(threshold_iod=0.005))
    session = realtime.Session(0, config=base, fps=50.0, faces=1, engine="dis", narrator="template")
    config = session.config
    assert (config.capture.source, config.capture.fps, config.align.faces) == ("0", 50.0, 1)
    assert (config.flow.engine, config.narrate.narrator, config.spot) == ("dis", "template", base.spot)


def test_wrong_arguments_are_said_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="record=FOLDER"):
        realtime.Session("phantom", record_video=True)
    with pytest.raises(CalibrationError, match="nothing"):
        realtime.Session("phantom", calibration=tmp_path / "nothing.toml")
    with pytest.raises(ConfigError, match=r"capture\.source is empty: name a webcam"):
        realtime.Session("")


def test_a_pair_is_explained(pair: tuple[Path, Path]) -> None:
    found = realtime.explain(*pair)
    assert found.action_units == ("AU12",)
    assert found.label == "positive"
    assert len(found.regions) == 29
    assert 50 < found.iod_px < 200
