import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from calib.phantom import PhantomVideo
from realtime.analyze import Analysis
from realtime.app import run
from realtime.cli import main
from realtime.doctor import Finding
from realtime.exports.tables import make_event
from realtime.recordings.sessions import Recording
from tests.conftest import Command, write_video
from tests.engines.mellm.servers import replying, serving, streaming
from tests.realtime.messages import say, spot


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["live"],
        ["calibrate"],
        ["analyze"],
        ["flow"],
        ["explain"],
        ["doctor"],
        ["replay"],
        ["export"],
        ["schema"],
        ["engine"],
        ["engine", "build"],
    ],
)
def test_help_teaches(mellm: Command, command: list[str]) -> None:
    status, out, _ = mellm(*command, "--help")
    assert status == 0
    assert "Usage: mellm" in out
    assert '[default: ""]' not in out
    assert "[default: 0.0]" not in out
    assert "[default: False]" not in out


@pytest.mark.parametrize(
    ("command", "example"),
    [
        (["live"], "mellm live interview.mp4             a file, at its own speed"),
        (["replay"], "mellm replay sessions --dashboard"),
        (["export"], "mellm export sessions/2026-11-25T17-30-00 --to html,eaf --out report"),
        (["calibrate"], "mellm calibrate 0 --out me.toml"),
        (["analyze"], "mellm analyze interviews/*.mp4 --out results"),
        (["flow"], "mellm flow onset.png apex.png --out flow.npz"),
        (["explain"], "mellm explain onset.png apex.png --json"),
        (["schema"], "mellm schema Spot"),
        (["settings"], "mellm settings > mine.toml"),
        (["engine", "build"], "mellm engine build --precision int8 --batch 8"),
        (["bench", "engines"], "mellm bench engines --json engines.json --html engines.html"),
    ],
)
def test_help_shows_examples(mellm: Command, command: list[str], example: str) -> None:
    _, out, _ = mellm(*command, "--help")
    assert example in out


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("live 0 1", "Not understood: 1. For help: mellm live --help"),
        ("live --opne", "Unknown option: --opne. Did you mean --open? For help: mellm live --help"),
        ("bench flow x", "Not understood: x. For help: mellm bench flow --help"),
    ],
)
def test_what_is_not_understood_is_said_in_one_line_with_where_the_help_is(
    mellm: Command, line: str, says: str
) -> None:
    assert mellm(*line.split()) == (1, "", f"error: {says}\n")


def test_the_terminal_breaks_the_paragraphs_of_a_help_and_leaves_its_tables(
    mellm: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    _, out, _ = mellm("analyze", "--help")
    assert "one that fails over an event has the template narrator answer for it, and a note says so.\n" in out
    _, out, _ = mellm("export", "--help")
    assert "  vtt                   the words as subtitles of the video\n" in out


@pytest.mark.parametrize("command", ["schema", "settings"])
def test_whoever_reads_the_output_may_stop_early(command: str) -> None:
    """As head does: that is no error."""
    running = subprocess.Popen(
        [sys.executable, "-m", "realtime.cli", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert running.stdout is not None
    running.stdout.close()
    assert running.stderr is not None
    assert running.stderr.read() == b""
    running.stderr.close()
    assert running.wait() == 0


@pytest.mark.parametrize("ignored", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_that_was_to_be_ignored_is(ignored: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """As nohup has it."""
    found: list[object] = []

    def status() -> int:
        found.append(signal.getsignal(ignored))
        return 0

    monkeypatch.setattr("realtime.app._status", status)
    before = {polite: signal.signal(polite, signal.SIG_DFL) for polite in (signal.SIGHUP, signal.SIGTERM)}
    try:
        signal.signal(ignored, signal.SIG_IGN)
        with pytest.raises(SystemExit):
            run()
        other = signal.SIGTERM if ignored == signal.SIGHUP else signal.SIGHUP
        assert signal.getsignal(other) is signal.default_int_handler
    finally:
        for polite, handler in before.items():
            signal.signal(polite, handler)
    assert found == [signal.SIG_IGN]


def test_an_output_that_lacks_letters_gets_their_numbers() -> None:
    command = [sys.executable, "-m", "realtime.cli", "schema", "Spot"]
    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=False)
    assert done.stderr == b""
    assert "confidence: 0–1." in json.loads(done.stdout)["description"]


def test_a_session_on_a_file_shows_events_words_and_the_closing_table(mellm: Command, clip: Path) -> None:
    status, out, err = mellm("live", clip, "--verbose")
    assert status == 0
    assert re.search(r"^listen at ipc://\S+ and ipc://\S+$", out, re.MULTILINE)  # on a line: it is to be copied
    assert "micro-expression" in out
    assert "AU12" in out
    assert "p95 ms" in out
    assert err == ""


def test_a_source_that_breaks_off_has_its_session_summed_up_and_kept(
    mellm: Command, smiling: PhantomVideo, tmp_path: Path
) -> None:
    frames, sessions = tmp_path / "frames", tmp_path / "sessions"
    frames.mkdir()
    for k in range(20):
        cv2.imwrite(str(frames / f"{k}.png"), smiling.frame(k / 30))
    (frames / "20.png").write_text("no picture")
    status, out, err = mellm("live", frames, "--record", sessions)
    assert status == 1
    noted, said = err.splitlines()
    assert noted == f"note: {frames}: 30 fps assumed; give the true rate with --fps"
    assert said == f"error: {frames / '20.png'}: not an image that OpenCV can read"
    assert "p95 ms" in out
    assert "Watched 0:01" in out
    (folder,) = sessions.iterdir()
    assert f"MB in {folder}" in out


def test_a_video_of_one_frame_has_no_rate_that_could_be_too_slow(
    mellm: Command, smiling: PhantomVideo, tmp_path: Path
) -> None:
    video = write_video(tmp_path / "one.mp4", [smiling.frame(0.0)])
    status, out, err = mellm("analyze", video, "--out", tmp_path / "out", "--narrator", "template")
    assert status == 0
    assert "one.mp4: 0 micro, 0 macro in 0.0 s" in out + err
    assert "note" not in out + err


def test_a_session_without_a_frame_leaves_no_recording_and_opens_no_page(mellm: Command, tmp_path: Path) -> None:
    status, out, err = mellm("live", tmp_path / "nothing.mp4", "--record", tmp_path, "--dashboard", "--port", 0)
    assert status == 1
    assert "nothing.mp4: no such file" in err
    assert "the page is at" not in out
    assert list(tmp_path.iterdir()) == []


def test_videos_are_analysed_and_the_bad_one_does_not_stop_the_good(mellm: Command, clip: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_text("this is text")
    status, out, err = mellm("analyze", bad, clip, "--out", tmp_path / "out")
    assert status == 1
    assert "bad.mp4: not a video" in err
    assert "1 micro, 0 macro" in out + err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["events.csv", "smile"]
    (row,) = csv.DictReader((tmp_path / "out" / "events.csv").read_text().splitlines())
    assert row["video"] == str(clip)


@pytest.mark.parametrize(
    ("source", "rate", "noted"),
    [("frames", [], True), ("frames", ["--fps", "200"], False), ("stack.npy", [], True), ("session", [], False),
     ("clip.mp4", [], False)],
)  # fmt: skip
def test_the_rate_of_mere_frames_is_not_assumed_in_silence_and_every_kind_is_counted(
    mellm: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str, rate: list[str], noted: bool
) -> None:
    for folder in ("frames", "session"):
        (tmp_path / folder).mkdir()
    for file in ("session/session.mcap", "stack.npy", "clip.mp4"):
        (tmp_path / file).touch()
    events = tuple(
        make_event("a", spot(k, kind=kind), say(k)) for k, kind in enumerate(("micro", "speech", "micro", "speech"))
    )
    done = Analysis(tmp_path / "out" / "a", events, 1, 2.5, 30.0)
    monkeypatch.setattr("realtime.batch.analyze", lambda *_: done)
    status, out, err = mellm("analyze", tmp_path / source, "--out", tmp_path / "out", *rate)
    assert status == 0
    assert "2 micro, 0 macro, 2 speech in 2.5 s" in out + err
    assert ("30 fps assumed; give the true rate with --fps" in out + err) is noted


def test_a_rate_below_one_is_told_as_it_is(mellm: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    monkeypatch.setattr("realtime.batch.analyze", lambda *_: Analysis(tmp_path / "a", (), 1, 178.0, 0.5))
    _, out, err = mellm("analyze", tmp_path / "frames", "--out", tmp_path / "out", "--fps", "0.5")
    assert "frames has 0.5 fps: micro-expressions fall between its frames" in out + err


def test_a_rate_is_refused_for_what_tells_its_own_times_and_noted_beside_what_does_not(
    mellm: Command, tmp_path: Path
) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "a.mp4").write_text("this is text")
    said = f"--fps 200: {tmp_path / 'a.mp4'} tells its own times; if they are wrong, give its frames in a folder"
    status, _, err = mellm("analyze", tmp_path / "a.mp4", "--out", tmp_path / "out", "--fps", "200")
    assert (status, err) == (1, f"error: {said}\n")
    _, _, err = mellm("analyze", tmp_path / "a.mp4", tmp_path / "frames", "--out", tmp_path / "out", "--fps", "200")
    assert f"note: {said}" in err.splitlines()


def test_a_video_given_twice_is_analysed_once_and_what_failed_is_counted(
    mellm: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.mp4").write_text("this is text")
    status, _, err = mellm("analyze", "a.mp4", "b.mp4", tmp_path / "a.mp4", "--out", "out", "--jobs", "1")
    assert status == 1
    noted, *failed, counted = err.splitlines()
    assert noted == f"note: {tmp_path / 'a.mp4'}: given twice, also as a.mp4; it is analysed once"
    assert len(failed) == 2
    assert counted == "error: 2 of 2 videos could not be analysed"


def test_a_table_with_events_of_other_videos_is_not_replaced(
    mellm: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def analyse(video: Path, name: str, out: Path, *_: object) -> Analysis:
        out.mkdir(exist_ok=True)
        return Analysis(out / name, (make_event(video.name, spot(1, kind="micro"), say(1)),), 1, 2.5, 30.0)

    def analysed(*names: str) -> tuple[int, list[str], str]:
        status, _, err = mellm("analyze", *names, "--out", "out", "--jobs", "1")
        with table.open(encoding="utf-8") as rows:
            return status, [row["video"] for row in csv.DictReader(rows)], err

    monkeypatch.setattr("realtime.batch.analyze", analyse)
    monkeypatch.chdir(tmp_path)
    table = Path("out/events.csv")
    for folder in ("a", "b"):
        Path(folder).mkdir()
        for name in ("x.mp4", "y.mp4"):
            (Path(folder) / name).touch()
    assert analysed("a/x.mp4", "a/y.mp4")[:2] == (0, ["a/x.mp4", "a/y.mp4"])
    for others in (("b/x.mp4", "b/y.mp4"), ("a/y.mp4", "b/y.mp4")):
        assert analysed(*others) == (
            1, ["a/x.mp4", "a/y.mp4"],
            "error: out/events.csv: holds events of a/x.mp4, too; give that as well, or choose another --out\n",
        )  # fmt: skip
    status, rows, _ = analysed("./a/x.mp4", "a/y.mp4", "b/y.mp4")  # those and more
    assert (status, rows) == (0, ["a/x.mp4", "a/y.mp4", "b/y.mp4"])
    table.write_text("subject,mood\n1,fine\n")
    status, _, err = mellm("analyze", "a/x.mp4", "a/y.mp4", "--out", "out")
    assert (status, table.read_text()) == (1, "subject,mood\n1,fine\n")
    assert "is no table of events that was written here; choose another --out" in err


def test_what_was_done_before_a_stop_is_in_the_table(
    mellm: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def analyse(video: Path, name: str, out: Path, *_: object) -> Analysis:
        if video.name == "b.mp4":
            raise KeyboardInterrupt
        out.mkdir()
        return Analysis(out / name, (make_event(video.name, spot(1, kind="micro"), say(1)),), 1, 2.5, 30.0)

    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).touch()
    monkeypatch.setattr("realtime.batch.analyze", analyse)
    status, _, err = mellm("analyze", tmp_path / "a.mp4", tmp_path / "b.mp4", "--out", tmp_path / "out", "--jobs", "1")
    assert status == 130
    assert err.splitlines()[-1] == "error: stopped: 1 of 2 videos are done"
    (row,) = csv.DictReader((tmp_path / "out" / "events.csv").read_text().splitlines())
    assert row["video"] == str(tmp_path / "a.mp4")


def test_a_pair_is_explained_as_json(mellm: Command, pair: tuple[Path, Path]) -> None:
    status, out, _ = mellm("explain", *pair, "--json")
    (line,) = out.splitlines()
    answer = json.loads(line)
    assert status == 0
    assert list(answer) == ["onset", "apex", "iod_px", "regions", "action_units", "label", "confidence", "narration"]
    assert answer["action_units"] == ["AU12"]
    assert answer["label"] == "positive"
    assert len(answer["regions"]) == 29
    assert 0 <= answer["confidence"] <= 1


def test_a_table_of_pairs_gives_a_line_each_in_order(mellm: Command, pair: tuple[Path, Path], tmp_path: Path) -> None:
    onset, apex = pair
    table = tmp_path / "pairs.csv"
    table.write_text(f"onset,apex\n{onset},{apex}\n{onset},missing.png\n{onset},{onset}\n")
    status, out, err = mellm("explain", "--pairs", table, "--json", "--narrator", "template")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 1
    assert err == f"error: {table}: line 3: missing.png: no such image\n"
    assert [line["apex"] for line in lines] == [str(apex), "missing.png", str(onset)]
    assert "error" in lines[1]
    assert lines[2]["label"] == "none"


def test_a_pair_is_explained_for_people(mellm: Command, pair: tuple[Path, Path]) -> None:
    status, out, _ = mellm("explain", *pair)
    assert status == 0
    assert "AU12: positive" in out
    assert "Mouth Corner" in out
    assert re.search(r"\nand \d+ more regions, by less\n", out)


def test_of_a_face_that_kept_still_no_region_is_listed(mellm: Command, pair: tuple[Path, Path]) -> None:
    status, out, _ = mellm("explain", pair[0], pair[0])
    assert status == 0
    assert "no region moved by 0.01 px" in " ".join(out.split())
    assert "0.00" not in out


def test_a_model_behind_a_server_explains_and_the_template_where_it_fails(
    mellm: Command, pair: tuple[Path, Path]
) -> None:
    words = "Left Mouth Corner moved up and left.\nAU12 | positive | 0.85"
    with serving(streaming(*(words[k : k + 5] for k in range(0, len(words), 5)))) as server:
        status, out, err = mellm("explain", *pair, "--narrator", server.address)
    assert (status, err) == (0, "")
    assert "AU12: positive (85%)\nLeft Mouth Corner moved up and left.\n" in out
    with serving(replying(200, "<html>")) as server:
        status, out, err = mellm("explain", *pair, "--json", "--narrator", f"http:{server.address}")
    assert status == 0
    assert json.loads(out)["action_units"] == ["AU12"]
    assert err.startswith("note: the narrator http:127.0.0.1:")
    assert "which is no completion; where this happens the template narrator speaks instead" in err


def test_flow_is_written_for_one_and_for_many(mellm: Command, pair: tuple[Path, Path], tmp_path: Path) -> None:
    (settings := tmp_path / "settings.toml").write_text('[narrate]\nnarrator = "gguf:none.gguf"\n')
    status, _, err = mellm("flow", *pair, "--out", tmp_path / "f.npz", "--config", settings)
    assert (status, err) == (0, f"{pair[0]} → {pair[1]}: {tmp_path / 'f.npz'}\n")  # a narrator is not asked for
    table = tmp_path / "pairs.csv"
    table.write_text(f"onset,apex\n{pair[0]},{pair[1]}\n")
    status, _, _ = mellm("flow", "--pairs", table, "--out", tmp_path / "many")
    assert status == 0
    (many,) = (tmp_path / "many").glob("*.npz")
    with np.load(tmp_path / "f.npz") as one, np.load(many) as other:
        assert np.array_equal(one["facial"], other["facial"], equal_nan=True)


def test_videos_are_not_analysed_where_a_file_is_in_the_way(mellm: Command, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    said = (1, "", f"error: --out {tmp_path / 'taken'}: is a file; give a folder\n")
    assert mellm("analyze", clip, "--out", tmp_path / "taken" / "results") == said


@pytest.mark.parametrize("out", ["taken.txt", "taken.txt/many"])
def test_flow_is_not_measured_where_a_file_is_in_the_way(
    mellm: Command, pair: tuple[Path, Path], tmp_path: Path, out: str
) -> None:
    taken, table = tmp_path / "taken.txt", tmp_path / "pairs.csv"
    taken.write_text("mine")
    table.write_text(f"onset,apex\n{pair[0]},{pair[1]}\n")
    said = (1, "", f"error: --out {taken}: is a file; give a folder\n")
    assert mellm("flow", "--pairs", table, "--out", tmp_path / out) == said
    assert mellm("flow", *pair, "--out", tmp_path / "taken.txt" / "f.npz") == said


def test_a_session_in_which_no_face_was_seen_says_so(mellm: Command, tmp_path: Path) -> None:
    wall = [np.full((120, 160, 3), 99, np.uint8)] * 10
    status, out, err = mellm("live", write_video(tmp_path / "wall.mp4", wall))
    assert (status, err) == (0, "")
    assert out.endswith("note: no face was seen, so nothing was measured\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["live", "nothing.mp4"], "nothing.mp4: no such file"),
        (["live", "97"], "no camera 97"),
        (["live", "phantom", "--size", "big"], "640x480"),
        (["live", "phantom", "--engine", "magic"], "no flow engine 'magic'; there are: auto, "),
        (["live", "phantom", "--narrator", "homer"], "no narrator 'homer'"),
        (["live", "phantom", "--faces", "0"], 'Invalid value "0" for --faces. It must be more than 0.'),
        (["live", "phantom", "--fps", "nan"], 'Invalid value "nan" for --fps. It must be 0 to 1000 fps.'),
        (["live", "phantom", "--fps", "1e9"], "for --fps. It must be 0 to 1000 fps."),
        (["live", "phantom", "--seconds", "-3"], 'Invalid value "-3.0" for --seconds. It must be 0 or more.'),
        (["live", "phantom", "--seconds", "inf"], "for --seconds. It must be 0 or more, and finite."),
        (["live", "phantom", "--seed", "-1"], "for --seed. It must be 0 or more."),
        (["live", "phantom", "--dashboard", "--port", "99999"], "for --port. It must be 0 to 65535."),
        (["live", ""], "an argument is empty: say what, or leave it out"),
        (["live", "phantom", "--record", ""], "--record is empty: say what, or leave it out"),
        (["analyze", "a.mp4", "--out="], "--out is empty: say what, or leave it out"),
        (["analyze", "a.mp4", "--out", "out", "--fps", "1e9"], "for --fps. It must be 0 to 1000 fps."),
        (["live", "phantom", "--size", "9x9"], "it must be 32 to 8192 px"),
        (["live", "[/x] :smile: [dQw4].mp4"], "[/x] :smile: [dQw4].mp4: no such file"),
        (
            ["analyze", "phantom", "--out", "out"],
            "phantom: analyze takes what is recorded; to watch this, use mellm live",
        ),
        (["live", "phantom", "--record-video"], "--record-video: say where, with --record FOLDER"),
        (["replay", "nowhere"], "nowhere: no such recording"),
        (["replay", "nowhere", "--speed", "0"], "--speed 0: it must be more than 0"),
        (["live", "phantom", "--no-video"], "--no-video: only with --dashboard"),
        (["live", "phantom", "--port", "0"], "--port: only with --dashboard"),
        (["replay", "nowhere", "--host", "::1"], "--host: only with --dashboard"),
        (["replay", "nowhere", "--engine", "dis"], "--engine: only with --headless"),
        (["replay", "nowhere", "--tolerance", "0"], "--tolerance: only with --headless"),
        (["replay", "nowhere", "--headless", "--tolerance", "-3"], "--tolerance -3: it must be 0 or more"),
        (["replay", "nowhere", "--messages"], "--messages: only with --headless"),
        (
            ["replay", "nowhere", "--messages", "--headless", "--narrator", "template"],
            "--narrator: nothing is measured",
        ),
        (["replay", "nowhere", "--speed", "2", "--headless"], "--speed: not with --headless"),
        (["replay", "nowhere", "--headless", "--dashboard"], "--headless: not with --dashboard"),
        (["export", "nowhere"], "nowhere: no such recording"),
        (["export", "nowhere", "--to", "docx"], "--to docx: there are csv, jsonl, parquet, vtt, eaf, html"),
        (["export", "nowhere", "--to", ""], "--to is empty: say what, or leave it out"),
        (["export", "nowhere", "--to", ","], "--to ,: there are csv, jsonl"),
        (["schema", "Spit"], "no message 'Spit'; there are: Annotation, End, "),
        (["live", "phantom", "--config", "none.toml"], "none.toml"),
        (["live", "phantom", "--calibration", "none.toml"], "cannot read the calibration none.toml"),
        (["analyze", "a.mp4", "--out", "out", "--calibration", "none.toml"], "cannot read the calibration none.toml"),
        (["calibrate", "nothing.mp4"], "nothing.mp4: no such file"),
        (["calibrate", "97"], "no camera 97"),
        (["calibrate", "phantom", "--out", "me.txt"], "--out me.txt: must end in .toml"),
        (["calibrate", "phantom", "--seconds", "1"], "--seconds 1: a rest is 3 to 60 s long"),
        (["live", "phantom", "--narrator", "http:localhost:8080"], "'localhost:8080' is no http or https address"),
        (["explain", "a.png", "b.png", "--narrator", "gguf:none.gguf"], "none.gguf: no such file"),
        (["explain"], "give two pictures"),
        (["explain", "a.png", "b.png"], "a.png: no such image"),
        (["flow", "a.png", "b.png", "--out", "f.txt"], "must end in .npz"),
        (["analyze", "nothing.mp4", "--out", "out"], "nothing.mp4: no such file"),
    ],
)
def test_bad_input_is_one_clear_line(
    mellm: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = mellm(*arguments)
    assert status != 0
    assert "Summary" not in out  # of a session that never began
    assert says in err
    assert len(err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_typo_in_the_settings_is_named_with_the_right_key(mellm: Command, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[align]\nface = 1\n")
    status, _, err = mellm("live", "phantom", "--config", config)
    assert status == 1
    assert "unknown setting 'align.face'; did you mean 'align.faces'?" in err


def test_a_calibration_is_measured_saved_and_used(mellm: Command, clip: Path, tmp_path: Path) -> None:
    config, me = tmp_path / "c.toml", tmp_path / "I myself.toml"
    config.write_text("[calibrate]\npasses = 1\n")
    status, out, err = mellm("calibrate", "phantom", "--seconds", "3", "--engine", "dis", "--config", config,
                             "--out", me)  # fmt: skip
    assert (status, err) == (0, "")
    for words in ("the phantom rests for 3 s", "640×480 at 30.0 fps", "no flicker", "Noise at rest: ",
                  "Smallest movement found nine times in ten: ", "nine in ten is told from 1 known",
                  f"Use it: mellm live phantom --calibration '{me}'\n"):  # fmt: skip
        assert words in out
    status, out, err = mellm("analyze", clip, "--out", tmp_path / "out", "--calibration", me)
    assert status == 0
    assert "1 micro, 0 macro" in out + err
    assert "the calibration was made with the flow engine dis, this run measures with meflownet" in out + err


def test_a_performance_is_not_calibrated_on(mellm: Command, clip: Path, tmp_path: Path) -> None:
    status, _, err = mellm("calibrate", clip, "--out", tmp_path / "me.toml")
    assert status == 1
    assert "only 2.5 s with a face (75 frames): a rest must be 3 s long at least" in err
    assert list(tmp_path.iterdir()) == []


def test_a_calibration_replaces_nothing_but_a_calibration(mellm: Command, tmp_path: Path) -> None:
    other = tmp_path / "settings.toml"
    other.write_text("[align]\nfaces = 1\n")
    status, _, err = mellm("calibrate", "phantom", "--out", other)
    assert status == 1
    assert "settings.toml: holds something that is no calibration; choose another" in err
    assert other.read_text() == "[align]\nfaces = 1\n"


def test_a_remedy_stands_on_one_line_to_be_copied(mellm: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    remedy = f"sudo apt-get install {' '.join(['libegl1'] * 20)}"
    monkeypatch.setattr("realtime.doctor.examine", lambda: [Finding("libraries", "missing", "some", remedy)])
    status, out, _ = mellm("doctor")
    assert status == 1
    assert f"→ {remedy}\n" in out


def test_the_doctor_reports(mellm: Command) -> None:
    status, out, _ = mellm("doctor")
    assert status == 0
    assert "flow engine dis" in out


def test_an_unknown_command_is_refused(mellm: Command) -> None:
    status, _, _ = mellm("dance")
    assert status != 0


def test_a_session_is_recorded_shown_again_and_exported(mellm: Command, clip: Path, tmp_path: Path) -> None:
    status, out, err = mellm("live", clip, "--record", tmp_path)
    assert (status, err) == (0, "")
    (folder,) = tmp_path.iterdir()
    assert f"recording to {folder} (no pixels)" in out
    assert f"MB in {folder}: see mellm replay, mellm export" in out
    told = [line for line in out.splitlines() if "-expression  " in line or " gap: " in line]
    status, _, err = mellm("replay", folder, "--headless", "--engine", "dis")
    assert status == 1
    assert err == f"error: --engine: {folder} was recorded without its video, so nothing can be measured anew\n"
    status, out, err = mellm("replay", folder, "--headless")
    assert (status, err) == (0, "")
    assert [line for line in out.splitlines() if line in told] == told
    assert "nothing is measured anew" in out
    assert "Watched " in out
    status, out, err = mellm("export", folder, "--to", "csv,vtt", "--out", tmp_path / "out")
    assert (status, err) == (0, "")
    names = ["events.csv", "motion.csv", "video.vtt"]
    assert out.split() == [str(tmp_path / "out" / name) for name in names]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names


def test_a_filmed_session_is_measured_anew(mellm: Command, filmed: Recording) -> None:
    status, out, err = mellm("replay", filmed.path, "--headless", "--tolerance", "67")
    assert (status, err) == (0, "")
    assert "0 missing, 0 new: the same (tolerance 67 ms)" in out
    status, out, _ = mellm("replay", filmed.path, "--headless", "--engine", "dis", "--tolerance", "0.001")
    assert status == 1
    assert "they differ" in out


def test_a_video_that_is_cut_short_is_said_before_its_events_are_missed(
    mellm: Command, filmed: Recording, tmp_path: Path
) -> None:
    cut = tmp_path / "cut"
    shutil.copytree(filmed.path, cut)
    whole = (cut / "video.webm").read_bytes()
    (cut / "video.webm").write_bytes(whole[: len(whole) // 3])
    status, out, _ = mellm("replay", cut, "--headless", "--engine", "dis")
    assert status == 1
    assert "damaged or cut short" in out
    assert "instead of 5.0 s" in out


def test_the_schema_of_a_message_is_printed(mellm: Command) -> None:
    status, out, _ = mellm("schema", "Spot")
    assert status == 0
    assert json.loads(out)["properties"]["phase"]["type"] == "string"
    status, out, _ = mellm("schema")
    assert len(json.loads(out)["oneOf"]) == 10


def test_what_is_stopped_while_it_is_loaded_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Loading:
        def __getattr__(self, name: str) -> None:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "realtime.app", Loading())
    with pytest.raises(SystemExit, match="130"):
        main()


LOADING = """
import signal, sys

class Loading:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "cv2":
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                raise ImportError("what native libraries make of it") from None

sys.meta_path.insert(0, Loading)
from realtime.cli import main
main()
"""


def test_what_is_stopped_while_native_libraries_are_loaded_says_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", LOADING, "settings"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
