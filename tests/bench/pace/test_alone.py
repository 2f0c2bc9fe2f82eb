import os
import sys
import types
from pathlib import Path

import pytest

from bench.pace.alone import MissingError, a_second, analysis, apart, flow_alone, mediapipe_alone, py_feat, timed
from bench.pace.reel import Reel, make_reel
from bench.pace.results import Pace, Spread
from engines.runtime import EngineError


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Reel:
    return make_reel(tmp_path_factory.mktemp("reel"), 320, 240, 1, 1.0)


class Ticker:
    """A clock that work moves on."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_known_work_takes_what_it_takes() -> None:
    clock = Ticker()
    rounds: list[int] = []

    def work(k: int) -> None:
        rounds.append(k)
        clock.now_s += 0.010 if k < 5 or k % 2 else 0.030  # the first five are warm-up

    times = timed(work, 2.0, warm=5, least=3, clock=clock)
    assert rounds == list(range(len(times) + 5))
    assert sorted({round(ms) for ms in times}) == [10, 30]
    assert 2000 - 1e-6 <= sum(times) < 2040
    assert a_second(times) == pytest.approx(50, rel=0.02)
    assert a_second(times, pieces=4) == pytest.approx(200, rel=0.02)


def test_slow_work_is_done_often_enough() -> None:
    clock = Ticker()

    def work(_: int) -> None:
        clock.now_s += 100.0

    assert timed(work, 1.0, warm=0, least=3, clock=clock) == [100_000.0] * 3


def test_pieces_are_timed_on_the_reel(small: Reel) -> None:
    mesh = mediapipe_alone(small, 0.01)
    flow = flow_alone(small, "dis", 0.01)
    assert (mesh.what, flow.what) == ("mesh points, 320×240, 1 face", "encoding and flow, 320×240, 1 face")
    for pace in (mesh, flow):
        assert pace.ms.n >= 20
        assert 0 < pace.ms.p50 <= pace.ms.p95 <= pace.ms.p99 <= pace.ms.most
        assert 1000 / pace.ms.most <= pace.fps


def test_an_analysis_is_timed_from_frame_to_frame(small: Reel) -> None:
    pace = analysis(small, "dis", 0.5)
    assert (pace.name, pace.what) == ("analyze, dis", "30 fps file, 320×240, 1 face")
    assert pace.ms.n == 45 - 10 - 1
    assert pace.note == f"{pace.fps / 30:.2f} × real time"
    with pytest.raises(EngineError, match="'magic'"):
        analysis(small, "magic", 0.0)


def here(name: str) -> Pace:
    return Pace(name, str(os.getpid()), Spread.of([1.0]), 1000.0)


def missing() -> Pace:
    raise EngineError("the driver is too old")


def dies() -> Pace:
    os._exit(7)


def test_work_is_done_in_a_process_of_its_own() -> None:
    found = apart(here, "it")
    assert found.name == "it"
    assert int(found.what) != os.getpid()


def test_what_fails_there_is_said_here() -> None:
    with pytest.raises(MissingError, match="the driver is too old"):
        apart(missing)
    with pytest.raises(MissingError, match="ended with status 7"):
        apart(dies)


def test_py_feat_is_asked_for_where_it_is_not_installed(small: Reel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "feat", None)
    with pytest.raises(MissingError, match="not installed"):
        py_feat(small)


def test_py_feat_gets_the_frames_as_pictures(small: Reel, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Detector:
        def __init__(self, device: str) -> None:
            assert device == "cpu"

        def detect(self, inputs: list[str], data_type: str) -> None:
            assert data_type == "image"
            if len(seen) == 6:
                raise RuntimeError("out of ideas")
            seen.extend(path for path in inputs if Path(path).is_file())

    module = types.ModuleType("feat")
    module.Detector = Detector  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "feat", module)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "9.9")
    pace = py_feat(small, 0.0)
    assert (pace.name, pace.ms.n, len(seen)) == ("py-feat 9.9", 3, 4)
    with pytest.raises(MissingError, match=r"version 9\.9 does not work here: out of ideas"):
        py_feat(small, 0.0)
