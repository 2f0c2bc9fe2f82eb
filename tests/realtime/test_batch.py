import dataclasses
import multiprocessing
import os
import shutil
import signal
import threading
from contextlib import closing
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from engines.runtime import EngineError
from realtime.analyze import Analysis
from realtime.batch import Batch, analyze_all
from realtime.config import Config, FlowConfig, NarrateConfig
from realtime.source import SourceError
from tests.engines.mellm.servers import Request, serving

QUICK = Config(flow=FlowConfig(engine="dis"), narrate=NarrateConfig(narrator="template"))


def silent(number: int, t_s: float) -> None:
    """Nobody listens."""


def batch(out: Path, *videos: Path, config: Config = QUICK) -> Batch:
    return Batch(videos, tuple(f"{k}" for k in range(len(videos))), out, config)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_side_by_side_gives_what_one_after_another_gives_and_a_bad_video_stops_no_good_one(
    clip: Path, tmp_path: Path
) -> None:
    bad, copy = tmp_path / "bad.mp4", tmp_path / "copy.mp4"
    bad.write_text("this is text")
    shutil.copy2(clip, copy)
    heard: set[int] = set()
    for jobs in (1, 2):
        out = tmp_path / f"by{jobs}" / "results"
        outcomes = dict(analyze_all(batch(out, bad, clip, copy), jobs, lambda number, t_s: heard.add(number)))
        assert sorted(outcomes) == [0, 1, 2]
        assert isinstance(outcomes[0], SourceError)
        assert all(isinstance(outcomes[number], Analysis) for number in (1, 2))
        assert heard == {1, 2}
        heard.clear()
    one, two = (files(tmp_path / f"by{jobs}") for jobs in (1, 2))
    assert one.keys() == two.keys()
    for name in one:
        if not name.endswith(".eaf"):  # which names its own folder
            assert one[name] == two[name], name


def test_what_is_stopped_leaves_nothing_and_no_process(clip: Path, tmp_path: Path) -> None:
    def stop(number: int, t_s: float) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out" / "deeper"
    with pytest.raises(KeyboardInterrupt):
        dict(analyze_all(batch(out, clip, clip), 2, stop))
    assert list(tmp_path.iterdir()) == []
    assert multiprocessing.active_children() == []


def test_what_is_stopped_again_and_again_while_it_starts_leaves_nothing_and_no_process(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()

    def answer(request: Request) -> None:
        """As a narrator's server that is busy: who waits for it hears nothing else."""
        if not asked.is_set():
            asked.set()
            os.kill(os.getpid(), signal.SIGINT)
        request.server.release.wait()  # type: ignore[attr-defined]

    def once_more(process: SpawnProcess, timeout: float | None = None) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        join(process, timeout)

    join = SpawnProcess.join
    monkeypatch.setattr(SpawnProcess, "join", once_more)
    monkeypatch.setattr("realtime.batch._STOP_S", 0.1)
    with serving(answer) as server:
        config = dataclasses.replace(QUICK, narrate=NarrateConfig(narrator=f"http:{server.address}"))
        with pytest.raises(KeyboardInterrupt):
            dict(analyze_all(batch(tmp_path / "out", clip, clip, config=config), 2, silent))
    assert list(tmp_path.iterdir()) == []
    assert multiprocessing.active_children() == []


def test_a_process_that_dies_costs_its_video_only(clip: Path, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill(number: int, t_s: float) -> None:
        if not killed:
            killed.append(number)
            multiprocessing.active_children()[0].kill()

    with closing(analyze_all(batch(tmp_path / "out", clip, clip, clip), 2, kill)) as work:
        outcomes = dict(work)
    assert sorted(outcomes) == [0, 1, 2]
    (dead,) = (outcome for outcome in outcomes.values() if not isinstance(outcome, Analysis))
    assert "killed by signal 9" in str(dead)


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_engine_that_cannot_be_had_ends_it(clip: Path, tmp_path: Path, jobs: int) -> None:
    with pytest.raises(EngineError, match="no flow engine 'none'"):
        dict(analyze_all(batch(tmp_path / "out", clip, clip, config=Config(flow=FlowConfig("none"))), jobs, silent))
    assert not (tmp_path / "out").exists()
