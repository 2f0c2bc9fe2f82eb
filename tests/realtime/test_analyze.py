import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from calib.phantom import PhantomVideo
from engines.runtime import open_engine
from realtime.analyze import RESULTS, analyze, output_names
from realtime.config import AlignConfig, Config, NarrateConfig, SpotConfig, load_config
from realtime.output import OutputError
from realtime.recordings.sessions import Recording
from realtime.source import SourceError
from tests.conftest import SMILE, write_timed, write_video

TEMPLATE = Config(narrate=NarrateConfig(narrator="template"))  # where MELLM cannot run, auto notes that


def test_a_video_becomes_events_and_curves(clip: Path, tmp_path: Path) -> None:
    reached: list[float] = []
    done = analyze(clip, "smile", tmp_path, Config(), reached.append)
    (line,) = (tmp_path / "smile" / "events.jsonl").read_text().splitlines()
    event = json.loads(line)
    assert event["video"] == "smile.mp4"
    assert event["kind"] == "micro"
    assert event["apex_s"] == pytest.approx(SMILE.apex_s, abs=0.1)
    assert event["action_units"] == ["AU12"]
    assert event["narration"]
    tiers = (done.folder / "events.eaf").read_text(encoding="utf-8")
    assert clip.resolve().as_uri() in tiers
    assert "<ANNOTATION_VALUE>AU12</ANNOTATION_VALUE>" in tiers
    assert pq.read_table(done.folder / "motion.parquet").num_rows == 75
    assert done.duration_s == pytest.approx(2.5, abs=0.01)
    summary, how = (done.folder / "summary.txt").read_text().splitlines()
    assert summary == done.summary
    assert re.match(r"Measured by mellm-live \S+ with meflownet\S*, told by (mellm|template); 30 fps, \d+ px betw", how)
    assert how.endswith("; without a calibration. All settings were the defaults.")
    assert done.summary.startswith("Watched 0:02: 1 micro-expression and 0 macro-expressions. Read as 1 positive.")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["smile"]
    assert reached == sorted(reached)


def test_the_settings_that_were_changed_are_told_and_make_the_same_again(tmp_path: Path, smiling: PhantomVideo) -> None:
    video = write_video(tmp_path / "short.mp4", [smiling.frame(k / 30) for k in range(5)])
    config = Config(align=AlignConfig(faces=1), spot=SpotConfig(threshold_iod=0.004, micro_s=0.6))
    done = analyze(video, "short", tmp_path, config, lambda t_s: None)
    _, how = (done.folder / "summary.txt").read_text(encoding="utf-8").splitlines()
    told = how.partition(" Settings other than the defaults: ")[2]
    assert told == "align.faces = 1, spot.threshold_iod = 0.004, spot.micro_s = 0.6."
    (tmp_path / "again.toml").write_text(told.removesuffix(".").replace(", ", "\n"), encoding="utf-8")
    assert load_config(tmp_path / "again.toml") == config


def test_a_recording_is_analysed_beside_its_video(filmed: Recording, tmp_path: Path) -> None:
    done = analyze(filmed.path, "again", tmp_path, Config(), lambda t_s: None)
    assert [event.action_units for event in done.events] == [event.action_units for event in filmed.events()]
    assert (filmed.path / "video.webm").resolve().as_uri() in (done.folder / "events.eaf").read_text(encoding="utf-8")


def test_a_rerun_is_the_same_to_the_byte(clip: Path, tmp_path: Path) -> None:
    runs = []
    lent = open_engine()
    for engine in (None, lent, lent):
        folder = analyze(clip, "smile", tmp_path, Config(), lambda t_s: None, engine).folder
        runs.append([(folder / name).read_bytes() for name in RESULTS])
    lent.close()
    assert runs[0] == runs[1] == runs[2]


def test_a_video_without_a_face_is_refused_and_nothing_written(tmp_path: Path) -> None:
    empty = write_video(tmp_path / "wall.mp4", [np.full((240, 320, 3), 120, np.uint8)] * 20)
    with pytest.raises(SourceError, match=r"wall\.mp4: no face"):
        analyze(empty, "wall", tmp_path / "out", Config(), lambda t_s: None)
    assert not (tmp_path / "out").exists()


def test_no_event_while_the_face_is_away(tmp_path: Path, smiling: PhantomVideo) -> None:
    frames = [smiling.frame(k / 30) for k in range(60)]
    frames += [np.full((480, 640, 3), 120, np.uint8)] * 30
    frames += [smiling.frame(k / 30) for k in range(20)]
    video = write_video(tmp_path / "leaves.mp4", frames)
    done = analyze(video, "leaves", tmp_path, Config(), lambda t_s: None)
    assert len(done.events) == 1
    assert done.events[0].offset_s <= 2.0
    times = pq.read_table(done.folder / "motion.parquet")["time_s"].to_numpy()
    assert not ((times > 2.1) & (times < 2.9)).any()


def test_a_face_too_small_for_small_movements_is_noted(tmp_path: Path, smiling: PhantomVideo) -> None:
    frames = [cv2.resize(smiling.frame(k / 30), (320, 240), interpolation=cv2.INTER_AREA) for k in range(5)]
    (note,) = analyze(write_video(tmp_path / "far.mp4", frames), "far", tmp_path, TEMPLATE, lambda t_s: None).notes
    assert note.startswith("the face is small (5")


def test_a_video_that_breaks_off_is_analysed_and_noted(tmp_path: Path, smiling: PhantomVideo) -> None:
    video = write_video(tmp_path / "cut.mkv", [smiling.frame(k / 30) for k in range(40)])
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    done = analyze(video, "cut", tmp_path, Config(), lambda t_s: None)
    assert done.duration_s < 1.0
    assert [note for note in done.notes if "should be 1.3 s long: damaged or cut short?" in note]


def test_where_a_video_has_no_picture_is_noted_once_and_no_event_reaches_across(
    tmp_path: Path, smiling: PhantomVideo
) -> None:
    times_s = [k / 30 for k in range(75) if not SMILE.apex_s < k / 30 < SMILE.apex_s + 0.8]
    video = write_timed(tmp_path / "hole.mkv", {round(1000 * t_s): smiling.frame(min(t_s, 1.2)) for t_s in times_s})
    done = analyze(video, "hole", tmp_path, TEMPLATE, lambda t_s: None)
    assert done.notes == ("nothing was seen for 0.80 s, the video has no picture there: 1.20–2.00 s",)
    assert (done.folder / "summary.txt").read_text(encoding="utf-8").splitlines()[2] == (
        "Nothing was seen for 0.80 s, the video has no picture there: 1.20–2.00 s."
    )
    assert not [event for event in done.events if event.onset_s < 1.21 and event.offset_s > 1.21]


def test_of_many_holes_the_first_are_told_and_how_long_they_are_together(tmp_path: Path, resting: PhantomVideo) -> None:
    times_ms = [1000 * k + t_ms for k in range(8) for t_ms in (0, 33, 67)]
    video = write_timed(tmp_path / "holes.mkv", dict.fromkeys(times_ms, resting.frame(0.0)))
    (note,) = analyze(video, "holes", tmp_path, TEMPLATE, lambda t_s: None).notes
    assert note.startswith("nothing was seen for 6.53 s, the video has no picture there: 0.07–1.00 s, 1.07–2.00 s, ")
    assert note.endswith("4.07–5.00 s and 2 more")


@pytest.mark.parametrize("fps", [5.0, 240.0])
def test_slow_and_fast_videos_work(tmp_path: Path, smiling: PhantomVideo, fps: float) -> None:
    frames = [smiling.frame(0.8 + k / fps) for k in range(round(min(1.0, 240 / fps) * fps))]
    video = write_video(tmp_path / "speed.mp4", frames, fps)
    done = analyze(video, "speed", tmp_path, Config(), lambda t_s: None)
    assert pq.read_table(done.folder / "motion.parquet").num_rows == len(frames)
    assert done.fps == pytest.approx(fps, rel=0.01)
    assert fps < 15 or any(event.kind == "micro" for event in done.events)


def test_a_full_disk_is_one_line_and_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    command = f'ulimit -f 8; exec "{sys.executable}" -m realtime.cli analyze "{clip}" --out "{tmp_path}/out"'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert f"cannot write or read {tmp_path}/out/smile: " in done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("out", ["/proc/nowhere", "taken.txt/results"])
def test_an_output_that_cannot_be_written_is_said_before_any_work(clip: Path, tmp_path: Path, out: str) -> None:
    (tmp_path / "taken.txt").write_text("mine")
    reached: list[float] = []
    with pytest.raises(OSError, match=r"No such file|Not a directory"):
        analyze(clip, "smile", tmp_path / out, Config(), reached.append)
    assert reached == []


@pytest.mark.parametrize(
    ("videos", "names"),
    [
        (["a/x.mp4", "a/x.mov", "b/y.mp4", "b/x.mp4"], ["x.mp4", "x.mov", "y", "x"]),
        (["a/x.mp4", "b/x.mov", "c/a-x.mp4"], ["here-a-x", "b-x", "c-a-x"]),
        (["s1/EP01", "s2/EP01", "t/s1/EP01"], ["here-s1-EP01", "s2-EP01", "t-s1-EP01"]),
        ([".", ".."], ["here", "above"]),
    ],
)
def test_videos_of_the_same_name_get_folders_that_tell_them_apart_in_whatever_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, videos: list[str], names: list[str]
) -> None:
    here = tmp_path / "above" / "here"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    assert output_names([Path(video) for video in videos]) == names
    assert output_names([Path(video) for video in reversed(videos)]) == names[::-1]


def test_results_of_another_video_are_not_overwritten(clip: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "smile.mp4"
    other.parent.mkdir()
    other.write_bytes(clip.read_bytes())
    folder = analyze(clip, "smile", tmp_path, Config(), lambda t_s: None).folder
    before = (folder / "events.eaf").read_bytes()
    with pytest.raises(OutputError, match=f"holds the results of {clip.resolve()}; choose another --out"):
        analyze(other, "smile", tmp_path, Config(), lambda t_s: None)
    (folder / "video.txt").unlink()
    with pytest.raises(OutputError, match="holds the results of a video that it does not name"):
        analyze(clip, "smile", tmp_path, Config(), lambda t_s: None)
    assert (folder / "events.eaf").read_bytes() == before


@pytest.mark.parametrize("name", ["phantom", "0", "/dev/video97", "http://127.0.0.1:9/"])
def test_what_is_live_is_not_analysed(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="analyze takes what is recorded; to watch this, use mellm live"):
        analyze(Path(name), "live", tmp_path, Config(), lambda t_s: None)


def test_a_folder_called_like_a_camera_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "97").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="97: no images in this folder"):
        analyze(Path("97"), "97", tmp_path / "out", Config(), lambda t_s: None)


def test_what_is_not_ours_is_never_touched(clip: Path, tmp_path: Path) -> None:
    own = tmp_path / "smile"
    own.mkdir()
    (own / "diary.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds other files, such as diary\.txt"):
        analyze(clip, "smile", tmp_path, Config(), lambda t_s: None)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="is a file"):
        analyze(clip, "file", tmp_path, Config(), lambda t_s: None)
    assert (own / "diary.txt").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "smile"]
