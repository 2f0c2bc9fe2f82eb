import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from calib.phantom import PhantomVideo
from engines.runtime import EngineError
from realtime.chain import run_chain, run_stages
from realtime.config import AlignConfig, CaptureConfig, Config, FlowConfig, SpotConfig
from realtime.event import EventNode
from realtime.flow import FlowNode
from realtime.messages import AnyMessage, End, Face, Gap, Lost, Motion, Say, Spot
from realtime.nodes import Ahead
from realtime.ring import Ring
from realtime.source import SourceError
from tests.realtime.frames import CROPS, Careful, Kind, Script, Take, Ticks, Together, takes
from tests.realtime.messages import spot


def config(clip: Path) -> Config:
    return Config(CaptureConfig(source=str(clip), paced=False), AlignConfig(faces=1))


def running() -> set[str]:
    """The chain's threads that work."""
    return {thread.name for thread in threading.enumerate()} & {"capture", "align", "perceive"}


def test_nothing_is_lost_and_nothing_comes_twice(clip: Path) -> None:
    messages = list(run_chain(config(clip)))
    for kind in (Face, Motion):
        assert [m.seq for m in messages if isinstance(m, kind)] == list(range(75))
    assert [type(m) for m in messages].count(End) == 1
    (spot,) = [m for m in messages if isinstance(m, Spot) and m.phase == "closed"]
    words, summary = (m for m in messages if isinstance(m, Say) and m.final)
    assert words.spot_id == spot.spot_id == 1
    assert words.action_units == ("AU12",)
    assert summary.spot_id == -1
    assert summary.text.startswith("Watched 0:02: 1 micro-expression and 0 macro-expressions.")
    assert summary is messages[-2]


class Gappy(Ticks):
    """Gives a gap, then the end."""

    def __init__(self, gap: Gap) -> None:
        super().__init__(0)
        self._gap = gap

    def step(self, message: None) -> Iterator[AnyMessage]:
        yield self._gap
        yield from super().step(message)


def test_a_hole_in_the_source_is_told_and_frames_that_are_skipped_end_the_run() -> None:
    hole = Gap(seq=1, t_capture_ns=0, t_media_ns=0, from_seq=1, to_seq=0, until_ns=10**9, cause="why")
    assert [type(m) for m in run_stages([[Gappy(hole)], [], []])] == [Gap, End]
    skipped = replace(hole, to_seq=1)
    with pytest.raises(RuntimeError, match="frames 1–1 were lost in a lossless run: why"):
        list(run_stages([[Gappy(skipped)], [], []]))


def test_two_runs_say_the_same(clip: Path) -> None:
    first, second = (
        [m for m in run_chain(config(clip)) if isinstance(m, Spot) and m.phase == "closed"] for _ in range(2)
    )
    assert [(s.onset_ns, s.apex_ns, s.offset_ns, s.regions) for s in first] == [
        (s.onset_ns, s.apex_ns, s.offset_ns, s.regions) for s in second
    ]


def test_capture_and_alignment_give_way_to_the_flow(clip: Path) -> None:
    chain = run_chain(config(clip))
    next(chain)
    nice = {t.name: os.getpriority(os.PRIO_PROCESS, t.native_id or 0) for t in threading.enumerate()}
    chain.close()  # type: ignore[attr-defined]
    assert nice["capture"] == nice["align"] == min(nice["perceive"] + 5, 19)
    assert os.getpriority(os.PRIO_PROCESS, 0) == nice["perceive"]


def test_leaving_early_stops_the_threads(clip: Path) -> None:
    chain = run_chain(config(clip))
    assert isinstance(next(chain), Face)
    assert running()
    chain.close()  # type: ignore[attr-defined]
    assert not running()


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


@pytest.fixture(scope="module")
def shown(smiling: PhantomVideo) -> list[Take]:
    return takes(smiling, 6)


class Asking:
    """A node that stands in for the spotter: with every second motion an event since the beginning closes."""

    def step(self, message: AnyMessage) -> Iterator[AnyMessage]:
        yield message
        if isinstance(message, Motion) and message.seq % 2:
            event = 2 * message.seq + message.face_id
            yield spot(event, onset_s=0.0, apex_ns=message.t_media_ns, face_id=message.face_id, regions=())

    def close(self) -> None:
        """Nothing to release."""


class Unprepared:
    """A node that has nothing done ahead."""

    def __init__(self, node: FlowNode) -> None:
        self.step, self.close = node.step, node.close


def told(
    shown: Sequence[Take], script: Sequence[Sequence[Kind]], engine: Careful, ahead: bool = True
) -> list[AnyMessage]:
    """What a run says."""
    crops = Ring.local(16 * 2, CROPS)
    node = FlowNode(FlowConfig(anchor_s=0.1), crops, engine)
    assert isinstance(node, Ahead)
    flow = node if ahead else Unprepared(node)
    event = EventNode(SpotConfig(), node.shots, engine, live=False)
    try:
        return list(run_stages([[Ticks(len(script))], [Script(crops, shown, script)], [flow, Asking(), event]]))
    finally:
        event.close()


def here(engine: Careful) -> set[str]:
    """The threads that have called an engine, less the one that measures events."""
    return {name for name in engine.threads if not name.startswith("event")}


_KINDS: tuple[Kind, ...] = ("seen", "seen", "black", "turned", "bridged", "badly bridged", "dropped", "lost")


@settings(max_examples=15)
@given(script=st.lists(st.lists(st.sampled_from(_KINDS), min_size=2, max_size=2), min_size=1, max_size=12))
def test_what_is_done_ahead_changes_nothing(shown: list[Take], script: list[list[Kind]]) -> None:
    plain, careful = Careful(), Careful()
    assert told(shown, script, careful) == told(shown, script, plain, ahead=False)
    assert here(plain) <= {threading.current_thread().name}
    assert here(careful) <= {"align", threading.current_thread().name}


def test_crops_are_encoded_in_another_thread(shown: list[Take], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.event.STILL_IOD", 0.0)  # some of these frames show what the first one does
    engine = Careful()
    messages = told(shown, [["seen", "bridged"]] * 8, engine)
    assert here(engine) == {"align", threading.current_thread().name}
    assert sum(isinstance(m, Motion) for m in messages) == 16
    measured = [m for m in messages if isinstance(m, Spot)]
    assert len(measured) == 8
    assert all(m.regions for m in measured)


def test_an_engine_for_one_thread_is_called_by_one(shown: list[Take]) -> None:
    script: list[list[Kind]] = [["seen", "bridged"], ["black", "seen"]] * 4
    engine = Together()
    messages = told(shown, script, engine)
    assert engine.threads == {threading.current_thread().name}
    plain = told(shown, script, Careful(), ahead=False)
    for kind in (Motion, Lost, Spot):  # which comes before which, they may do differently
        assert [m for m in messages if isinstance(m, kind)] == [m for m in plain if isinstance(m, kind)]


def test_what_goes_wrong_ahead_is_raised(shown: list[Take]) -> None:
    class Broken(Careful):
        def encode(self, crop: object) -> object:
            raise EngineError("out of order")

    with pytest.raises(EngineError, match="out of order"):
        told(shown, [["seen", "seen"]] * 9, Broken())
    assert not running()
