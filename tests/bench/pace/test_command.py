import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.cli import app
from bench.pace import alone, course, reel
from bench.pace.results import Case, Outcome, Pace, Spread, read_report, to_json
from bench.pace.trial import Plan, Trial, settings_of
from realtime.config import AlignConfig, Config
from realtime.supervisor import SessionError
from tests.bench.pace.reports import outcome, pipeline, soak
from tests.conftest import Command


def call(*arguments: object) -> int:
    return int(app([str(argument) for argument in arguments], result_action="return_value"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where reels go; it must be gone afterwards."""
    made = tmp_path / "reels"

    def fresh() -> Path:
        made.mkdir()
        return made

    monkeypatch.setattr(reel, "reel_folder", fresh)
    monkeypatch.setattr(reel, "LENGTH_S", 0.2)
    return made


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, folder: Path) -> dict[str, Callable[[Case], Outcome]]:
    """Runs are made up by `runs["of"]`."""
    how = {"of": lambda case: outcome(case)}

    def run(self: Trial, progress: Callable[[float], None]) -> Outcome:
        assert self.reel.path.is_file()
        progress(1.0)
        return how["of"](self.case)

    monkeypatch.setattr(Trial, "run", run)
    return how


def test_a_session_is_measured_from_end_to_end(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(course, "Plan", lambda config, seconds, **more: Plan(config, seconds, warm_s=0.4, look_s=0.1))
    json, html = tmp_path / "out.json", tmp_path / "out.html"
    files = ("--json", json, "--html", html)
    status = call("pipeline", "--fps", 8, "--seconds", 3, "--size", "320x240", "--engine", "dis", "--no-highest",
                  "--no-peers", "--pages", 1, *files)  # fmt: skip
    out, err = capfd.readouterr()
    assert (status, err) == (0, "")
    (found,) = read_report(json).outcomes
    counts = found.counts
    assert found.engine == "dis"
    assert 23 <= counts.captured <= 25
    assert counts.captured == counts.measured + counts.skipped + counts.faceless
    assert counts.measured > 0
    assert found.latency["Motion"].n == counts.motions
    assert found.latency["Frame"].p50 <= found.latency["Face"].p50 <= found.latency["Motion"].p50
    assert set(found.usage) == {"capture", "align", "perceive", "narrate", "supervisor", "page"}
    (seen,) = found.seen
    assert min(seen.curves_fps, seen.pictures_fps, seen.megabits) > 0
    assert all(usage.memory_mb > 5 for usage in found.usage.values())
    assert f"written: {json} and {html}" in out
    assert "320×240, 1 face, dis, 1 page open" in html.read_text()
    assert not folder.exists()


def test_every_case_is_run_and_its_highest_rate_searched(
    runs: dict[str, Callable[[Case], Outcome]], tmp_path: Path
) -> None:
    tried: list[Case] = []

    def limited(case: Case) -> Outcome:
        tried.append(case)
        # One face can be followed at 50 frames a second, two at half of that.
        return outcome(case, skipped=0 if case.fps * case.faces <= 50 else 10)

    runs["of"] = limited
    status = call("pipeline", "--fps", "10,30", "--faces", "1,2", "--size", "320x240", "--engine", "dis", "--seconds",
                  2, "--no-peers", "--json", tmp_path / "out.json")  # fmt: skip
    report = read_report(tmp_path / "out.json")
    assert status == 0
    assert [(o.case.faces, o.case.fps) for o in report.outcomes] == [(1, 10), (1, 30), (2, 10), (2, 30)]
    assert tried[:4] == [o.case for o in report.outcomes]
    assert [ceiling.scene for ceiling in report.ceilings] == ["320×240, 1 face, dis", "320×240, 2 faces, dis"]
    assert report.ceilings[0].fps == pytest.approx(50, rel=0.05)
    assert report.ceilings[1].fps == pytest.approx(25, rel=0.05)
    assert report.ceilings[0].tried[0] == (30.0, True)


def test_a_run_that_fails_is_named_and_the_others_go_on(
    runs: dict[str, Callable[[Case], Outcome]], capfd: pytest.CaptureFixture[str]
) -> None:
    def partly(case: Case) -> Outcome:
        if case.engine == "auto":
            raise SessionError("align cannot start")
        return outcome(case)

    runs["of"] = partly
    common = ("pipeline", "--size", "320x240", "--fps", 10, "--no-peers", "--most-fps", 10)
    assert call(*common, "--engine", "auto,dis") == 0
    out = capfd.readouterr().out
    assert "not measured: 320×240, 1 face, auto, 10 fps: align cannot start" in out
    assert "10 or more" in out
    assert call(*common, "--engine", "auto") == 1
    assert "nothing was measured, nothing was written" in capfd.readouterr().err


def test_pieces_alone_are_timed_and_what_is_missing_is_said(
    runs: dict[str, Callable[[Case], Outcome]], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def made_up(work: Callable[..., Pace], *arguments: object) -> Pace:
        if work is alone.py_feat:
            raise alone.MissingError("not installed")
        if work is alone.analysis:
            return Pace(f"analyze, {arguments[1]}", "a file", Spread.of([10.0]), 100.0, "3.33 × real time")
        name = "MediaPipe alone" if work is alone.mediapipe_alone else f"flow alone, {arguments[1]}"
        return Pace(name, "it, 320×240, 1 face", Spread.of([5.0]), 200.0)

    monkeypatch.setattr(course, "apart", made_up)
    runs["of"] = lambda case: outcome(case)
    assert call("pipeline", "--size", "320x240", "--fps", 10, "--engine", "auto", "--no-highest") == 0
    out = capfd.readouterr().out
    assert "capture → Motion 15.0 ms; MediaPipe alone 5.0 ms and flow alone 5.0 ms make 10.0 ms: 1.50 times" in out
    assert "not measured: py-feat: not installed" in out
    assert "a file, 3.33 × real time" in out


def test_ctrl_c_keeps_what_was_finished(
    runs: dict[str, Callable[[Case], Outcome]], tmp_path: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def stopped(case: Case) -> Outcome:
        if case.fps > 10:
            raise KeyboardInterrupt
        return outcome(case)

    runs["of"] = stopped
    common = ("pipeline", "--size", "320x240", "--engine", "dis", "--json", tmp_path / "out.json", "--fps")
    assert call(*common, "10,20,30") == 130
    assert "stopped: after 1 of 3 runs; what was finished is above" in capfd.readouterr().err
    report = read_report(tmp_path / "out.json")
    assert (len(report.outcomes), report.stopped) == (1, "after 1 of 3 runs")
    assert not folder.exists()
    (tmp_path / "out.json").unlink()
    assert call(*common, "20") == 130
    assert "stopped: nothing was measured, nothing was written" in capfd.readouterr().err
    assert not (tmp_path / "out.json").exists()


def test_a_soak_that_is_stopped_keeps_its_windows(
    monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(self: Trial, progress: Callable[[float], None]) -> Outcome:
        assert (self.plan.seconds, self.plan.window_s) == (600, 10)
        raise KeyboardInterrupt

    monkeypatch.setattr(Trial, "run", interrupted)
    monkeypatch.setattr(Trial, "outcome", lambda self: soak().outcomes[0])
    monkeypatch.setattr(reel, "LENGTH_S", 0.2)
    files = ("--json", tmp_path / "out.json", "--html", tmp_path / "out.html")
    assert call("soak", "--minutes", 10, "--size", "320x240", *files) == 130
    out, err = capfd.readouterr()
    assert "stopped: after 0.5 of 10 minutes" in err
    assert "own memory of all" in out
    assert len(read_report(tmp_path / "out.json").outcomes[0].windows) == 20
    assert "Own memory over the run" in (tmp_path / "out.html").read_text()


def test_what_is_over_budget_is_said_and_fails_nothing(
    runs: dict[str, Callable[[Case], Outcome]], capfd: pytest.CaptureFixture[str]
) -> None:
    common = ("pipeline", "--fps", 60, "--engine", "dis", "--no-highest", "--no-peers")
    runs["of"] = lambda case: outcome(case, by=0.5)
    assert call(*common) == 0
    assert "budgets are kept; the tightest: " in capfd.readouterr().out
    runs["of"] = lambda case: outcome(case, by=4.0)
    assert call(*common) == 0
    out = capfd.readouterr().out
    assert "capture → Motion, p95" in out
    assert "of 22 budgets are exceeded" in out


def test_two_reports_are_compared(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.json").write_bytes(to_json(pipeline()))
    (tmp_path / "b.json").write_bytes(to_json(pipeline(by=2.0)))
    assert call("--compare", tmp_path / "a.json", tmp_path / "b.json") == 0
    out = capfd.readouterr().out
    assert "2.00" in out
    assert "worse" in out
    assert "frames a second" not in out
    assert call("--compare", tmp_path / "a.json", tmp_path / "b.json", "--everything") == 0
    assert "frames a second" in capfd.readouterr().out
    assert call("--compare", tmp_path / "a.json", tmp_path / "none.json") == 2
    assert "none.json: No such file" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("pipeline", "--fps", "fast"), "--fps fast: write numbers with commas between"),
        (("pipeline", "--size", "big"), "--size big: write it like 640x480,1280x720"),
        (("pipeline", "--faces", "9"), "--faces 9: each must be 1 to 8"),
        (("pipeline", "--engine", "dsi"), "--engine dsi: no flow engine 'dsi'"),
        (("pipeline", "--seconds", "0"), "--seconds 0: it must be 1 to 86400 s"),
        (("pipeline", "--tolerate", "0.9"), "--tolerate 0.9: it must be 0 to 0.5"),
        (("pipeline", "--json", "nowhere/out.json"), "there is no folder nowhere"),
        (("pipeline", "--budgets", "none.toml"), "cannot read none.toml"),
        (("pipeline", "--config", "none.toml"), "none.toml"),
        (("soak", "--minutes", "0"), "--minutes 0: it must be 0.1"),
        (("soak", "--engine", "dsi"), "--engine dsi"),
        (("soak", "--html", "nowhere/out.html"), "there is no folder nowhere"),
        (("engines", "--engines", "dsi"), "--engines dsi: no flow engine 'dsi'"),
        (("engines", "--batch", "0"), "--batch 0: each must be 1 to 64"),
        (("engines", "--weights", "nowhere"), "nowhere/meflownet.json is missing"),
    ],
)
def test_wrong_input_is_one_line_and_status_2_at_once(
    arguments: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert call(*arguments) == 2
    out, err = capfd.readouterr()
    assert says in err
    assert err.count("\n") == 1
    assert not out
    assert list(tmp_path.iterdir()) == []


def test_faces_that_would_be_too_small_are_refused(capfd: pytest.CaptureFixture[str], folder: Path) -> None:
    assert call("pipeline", "--faces", 8) == 2
    assert "8 faces in 640×480: they would be too small to be found" in capfd.readouterr().err
    assert not folder.exists()


def test_a_case_becomes_the_settings_of_a_session() -> None:
    plan = Plan(Config(align=AlignConfig(faces=2)), 10.0, warm_s=2.0)
    case = Case(100.0, 1280, 720, 3, "dis")
    settings = settings_of(case, "reel.npy", 48.0, plan)
    capture = settings.capture
    assert (capture.source, capture.fps, capture.loop_fps, capture.seconds) == ("reel.npy", 100.0, 48.0, 12.0)
    assert (settings.align.faces, settings.flow.engine) == (3, "dis")
    one = settings_of(dataclasses.replace(case, faces=1), "reel.npy", 48.0, plan)
    assert one.align.faces == 2  # as the settings say


def test_the_command_stands_in_mellm(mellm: Command) -> None:
    status, out, _ = mellm("bench", "--help")
    assert status == 0
    assert "Usage: mellm bench" in out
    for name in ("engines", "pipeline", "soak", "flow", "spotting", "narration", "--compare"):
        assert name in out
    status, out, _ = mellm("bench")
    status, out, _ = mellm("bench")
    assert (status, "pipeline" in out, "--compare" in out) == (0, True, True)
    status, out, _ = mellm("bench", "pipeline", "--help")
    assert (status, "Usage: mellm bench pipeline" in out) == (0, True)
    assert mellm("bench", "pipeline", "--fps", "fast")[0] == 2


def test_without_the_benchmarks_mellm_says_so(mellm: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from realtime.app import app

    spec = app._commands["bench"]
    monkeypatch.setattr(spec, "_resolved", None)
    monkeypatch.setitem(sys.modules, "bench.cli", None)
    status, _, err = mellm("bench", "pipeline")
    assert status == 1
    assert "the benchmarks cannot be loaded" in err
    assert err.count("\n") == 1
    status, out, _ = mellm("--help")
    assert (status, "bench" in out) == (0, True)
