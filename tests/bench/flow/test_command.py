import os
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from bench.flow import methods, pairs
from bench.flow.command import PAGE, PICTURE, app
from bench.flow.pairs import PairSet
from engines.runtime import ENGINES, EngineError, FlowEngine


def run(*arguments: object) -> int:
    return int(app([str(argument) for argument in arguments], result_action="return_value"))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few pairs, none of them macro, and the fast methods only."""
    every = methods.opencv_methods
    monkeypatch.setattr(methods, "opencv_methods", lambda: [m for m in every() if m.label in ("DIS fast", "zero flow")])
    monkeypatch.setattr(pairs, "SETS", (PairSet("micro", 2.0),))


@pytest.mark.usefixtures("quick")
def test_a_run_writes_a_page_and_a_picture(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> FlowEngine:
        raise EngineError("needs a GPU")

    monkeypatch.setitem(ENGINES, "broken", broken)
    cores = os.sched_getaffinity(0)
    assert run("--pairs", 1, "--engines", "dis,broken", "--out", tmp_path / "new") == 0
    shown = capfd.readouterr().out
    written = (tmp_path / "new" / PAGE).read_text()
    for label in ("dis", "DIS fast", "zero flow", "true flow"):
        assert label in shown
        assert f"| {label} |" in written
    assert "not measured: broken: needs a GPU" in shown
    assert "seed 0" in written
    assert cv2.imread(str(tmp_path / "new" / PICTURE)) is not None
    assert os.sched_getaffinity(0) == cores


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--photos", "nowhere"), "--photos nowhere: no such folder; give a folder of face photos"),
        (("--smiles", "here", "there"), "--smiles there: no such folder"),
        (("--engines", "dsi"), "--engines dsi: no such engine; there are: "),
        (("--pairs", 0), "give at least one pair"),
        (("--held-out", "names.txt"), "there is nothing to choose from; give --photos or --smiles as well"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], arguments: tuple[object, ...], message: str
) -> None:
    assert run(*arguments, "--out", tmp_path / "out") == 2
    out, err = capfd.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert not out


@pytest.mark.usefixtures("quick")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert run("--out", tmp_path / "file") == 2
    assert f"{tmp_path / 'file'}: File exists; choose another --out" in capfd.readouterr().err


@pytest.mark.usefixtures("quick")
def test_ctrl_c_stops_with_a_line_and_status_130(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> Iterator[pairs.Pair]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(pairs, "make_pairs", interrupted)
    assert run("--out", tmp_path) == 130
    assert capfd.readouterr().err.endswith("stopped: nothing was written\n")
    assert not list(tmp_path.iterdir())


def test_the_benches_have_one_front_door(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.cli import app as door

    monkeypatch.setattr(sys, "argv", ["bench"])
    assert door(["flow", "--engines", "dsi"], result_action="return_value") == 2
    assert "no such engine" in capfd.readouterr().err
    assert {"flow", "pipeline"} <= set(door)
