from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import pytest

from bench.spotting import run
from bench.spotting.command import PAGE, PICTURE, app
from bench.spotting.recording import Recording
from bench.spotting.videos import Video
from engines.runtime import ENGINES, EngineError, FlowEngine
from tests.bench.spotting.performances import recording


def call(*arguments: object) -> int:
    return int(app([str(argument) for argument in arguments], result_action="return_value"))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recordings from curves instead of pictures."""

    def record(video: Video, engines: Sequence[FlowEngine], progress: Callable[[], None]) -> list[Recording]:
        progress()
        made = [recording(fps=video.fps, engine=engine.name) for engine in engines]
        return [Recording(video.key, m.engine, m.fps, m.truth, m.messages, m.spots) for m in made]

    monkeypatch.setattr(run, "record", record)


@pytest.mark.usefixtures("quick")
def test_a_run_writes_a_page_and_a_picture(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> FlowEngine:
        raise EngineError("needs a GPU")

    monkeypatch.setitem(ENGINES, "broken", broken)
    out = tmp_path / "new"
    assert call("--engines", "dis,broken,dis", "--fps", "30,60", "--videos", 1, "--out", out) == 0
    shown = capfd.readouterr().out
    written = (out / PAGE).read_text()
    for label in ("spotter, dis", "plain flow, dis", "local rise, dis"):
        assert label in shown
        assert f"| {label} |" in written
    assert "not measured: broken: needs a GPU" in shown
    assert "`python -m bench spotting --engines dis,broken,dis --fps 30,60 --seconds 60 --videos 1 --seed 0`" in written
    assert cv2.imread(str(out / PICTURE)) is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--photos", "nowhere"), "--photos nowhere: no such folder; give a folder of face photos"),
        (("--engines", "dsi"), "--engines dsi: no such engine; there are: auto, "),
        (("--videos", 0), "give at least one video"),
        (("--seconds", 2), "--seconds 2: a performance needs 5 s at least"),
        (("--seconds", "nan"), "--seconds nan: a performance needs"),
        (("--fps", "30;60"), "--fps 30;60: not numbers; write frame rates with commas between, such as 30,60"),
        (("--fps", "30,5"), "each rate must be 10 to 500 frames a second"),
        (("--fps", "nan"), "each rate must be 10 to 500"),
        (("--held-out", "names.txt"), "there is nothing to choose from; give --photos as well"),
        (("--weights", "nowhere", "--engines", "meflownet"), "is missing: a folder of weights"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], arguments: tuple[object, ...], message: str
) -> None:
    engines = () if "--engines" in arguments else ("--engines", "dis")
    assert call(*arguments, *engines, "--out", tmp_path / "out") == 2
    out, err = capfd.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert not out


@pytest.mark.usefixtures("quick")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert call("--engines", "dis", "--videos", 1, "--out", tmp_path / "file") == 2
    assert f"{tmp_path / 'file'}: File exists; choose another --out" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("kept", "message"), [(False, "stopped: nothing was written; with --motion"), (True, "the same command goes on")]
)
def test_ctrl_c_stops_with_a_line_and_status_130(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kept: bool, message: str
) -> None:
    def interrupted(*_: object) -> list[Recording]:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "record", interrupted)
    motion = ("--motion", tmp_path / "kept") if kept else ()
    assert call("--engines", "dis", "--videos", 1, *motion, "--out", tmp_path) == 130
    err = capfd.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_spotting_stands_at_the_front_door(capfd: pytest.CaptureFixture[str]) -> None:
    from bench.cli import app as door

    assert door(["spotting", "--engines", "dsi"], result_action="return_value") == 2
    assert "no such engine" in capfd.readouterr().err
