import threading
from pathlib import Path

import pytest

from engines.runtime import EngineError
from realtime.chain import run_chain
from realtime.config import AlignConfig, CaptureConfig, Config, FlowConfig
from realtime.messages import End, Face, Motion, Say, Spot
from realtime.source import SourceError


def config(clip: Path) -> Config:
    return Config(CaptureConfig(source=str(clip), paced=False), AlignConfig(faces=1))


def test_nothing_is_lost_and_nothing_comes_twice(clip: Path) -> None:
    messages = list(run_chain(config(clip)))
    for kind in (Face, Motion):
        assert [m.seq for m in messages if isinstance(m, kind)] == list(range(75))
    assert [type(m) for m in messages].count(End) == 1
    (spot,) = [m for m in messages if isinstance(m, Spot) and m.phase == "closed"]
    words, summary = (m for m in messages if isinstance(m, Say) and m.final)
    assert words.spot_id == spot.spot_id
    assert words.action_units == ("AU12",)
    assert summary.spot_id == -1
    assert summary.text.startswith("Watched 0:02: 1 micro-expression and 0 macro-expressions.")
    assert summary is messages[-2]


def test_two_runs_say_the_same(clip: Path) -> None:
    first, second = (
        [m for m in run_chain(config(clip)) if isinstance(m, Spot) and m.phase == "closed"] for _ in range(2)
    )
    assert [(s.onset_ns, s.apex_ns, s.offset_ns, s.regions) for s in first] == [
        (s.onset_ns, s.apex_ns, s.offset_ns, s.regions) for s in second
    ]


def test_leaving_early_stops_the_threads(clip: Path) -> None:
    before = threading.active_count()
    chain = run_chain(config(clip))
    assert isinstance(next(chain), Face)
    chain.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_what_breaks_off_ends_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"no picture")
    *_, end = run_chain(Config(CaptureConfig(source=str(tmp_path), paced=False)))
    assert isinstance(end, End)
    assert "0.png" in end.error


def test_what_cannot_be_made_is_raised(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        next(run_chain(Config(CaptureConfig(source=str(tmp_path / "none.mp4")))))
    with pytest.raises(EngineError, match="'magic'"):
        next(run_chain(Config(CaptureConfig(source=str(clip)), flow=FlowConfig(engine="magic"))))
