from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench.spotting import run
from bench.spotting.recording import Recording, load, save
from bench.spotting.run import Plan, measure, weights_digest
from bench.spotting.videos import Video
from calib.phantom import portrait
from engines.runtime import FlowEngine, open_engine
from engines.runtime.weights import MANIFEST
from tests.bench.spotting.performances import recording

PLAN = Plan((60.0, 30.0), 12.0, 2)


class Recorder:
    """Takes the place of the pipeline: a recording of other events, and a list of the videos it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def __call__(self, video: Video, engines: Sequence[FlowEngine], progress: Callable[[], None]) -> list[Recording]:
        self.asked.append((video.name, tuple(engine.name for engine in engines)))
        for _ in range(video.frames):
            progress()
        made = [recording(fps=video.fps, engine=engine.name) for engine in engines]
        return [Recording(video.key, m.engine, m.fps, m.truth, m.messages, m.spots) for m in made]


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(run, "record", recorder)
    return recorder


@pytest.fixture
def engine() -> FlowEngine:
    return open_engine("dis")


def test_every_rate_and_method_is_measured_the_lowest_rate_first(recorder: Recorder, engine: FlowEngine) -> None:
    frames: list[int] = []
    results, examples = measure(PLAN, [portrait()], [engine], frames.append)
    assert [result.fps for result in results] == [30.0] * 3 + [60.0] * 3
    assert [len(result.found) for result in results] == [2] * 6
    assert [(e.engine, e.fps) for e in examples] == [("dis", 30.0)]
    assert len(recorder.asked) == 4
    assert sum(frames) == PLAN.frames == 2 * 12 * (30 + 60)


def test_a_second_run_measures_only_what_is_new(recorder: Recorder, engine: FlowEngine, tmp_path: Path) -> None:
    first = Plan((30.0,), 12.0, 1, 0, tmp_path / "kept")
    before, _ = measure(first, [portrait()], [engine])
    assert len(recorder.asked) == 1
    frames: list[int] = []
    again, _ = measure(first, [portrait()], [engine], frames.append)
    assert len(recorder.asked) == 1
    assert sum(frames) == first.frames
    assert [r.counted.count() for r in again] == [r.counted.count() for r in before]
    measure(Plan((30.0,), 12.0, 2, 0, tmp_path / "kept"), [portrait()], [engine])
    assert [name for name, _ in recorder.asked] == ["30fps-12s-seed0-00", "30fps-12s-seed0-01"]


def test_the_spotter_runs_anew_over_kept_recordings(recorder: Recorder, engine: FlowEngine, tmp_path: Path) -> None:
    plan = Plan((30.0,), 12.0, 1, 0, tmp_path)
    measure(plan, [portrait()], [engine])
    (path,) = tmp_path.iterdir()
    kept = load(path)
    save(Recording(kept.key, kept.engine, kept.fps, kept.truth, kept.messages, (), kept.weights), path)
    results, _ = measure(plan, [portrait()], [engine])
    assert len(recorder.asked) == 1
    assert results[0].counted.recall() == 1.0


def test_a_recording_of_other_weights_or_another_video_is_not_used(
    recorder: Recorder, engine: FlowEngine, tmp_path: Path
) -> None:
    plan = Plan((30.0,), 12.0, 1, 0, tmp_path)
    for change in ({"key": "other"}, {"weights": "other"}):
        measure(plan, [portrait()], [engine])
        (path,) = tmp_path.iterdir()
        kept = load(path)
        fields = {name: getattr(kept, name) for name in kept.__struct_fields__}
        save(Recording(**{**fields, **change}), path)
        asked = len(recorder.asked)
        measure(plan, [portrait()], [engine])
        assert len(recorder.asked) == asked + 1
        assert load(path).key == kept.key


def test_weights_are_told_apart_by_their_manifest(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("{}")
    assert weights_digest("dis", tmp_path) == ""
    assert weights_digest("meflownet", tmp_path) not in ("", weights_digest("meflownet", None))
    assert weights_digest("meflownet", None) == weights_digest("meflownet-int8", None)
