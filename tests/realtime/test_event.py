"""Events measured beside the stream: what is told, when, and in what order."""

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from calib.phantom import PhantomVideo
from engines.runtime.dis import DisEngine
from realtime.config import FlowConfig, SpotConfig
from realtime.curve import Shot
from realtime.event import LAG, EventNode, Measured
from realtime.flow import FlowNode
from realtime.messages import AnyMessage, End, Lost, Phase, Spot
from realtime.nodes import Aside
from tests.realtime.curves import motion
from tests.realtime.faces import Bench
from tests.realtime.frames import Careful, Together
from tests.realtime.messages import spot


class Gate(DisEngine):
    """An engine that waits until it is opened."""

    def __init__(self, opened: bool = True) -> None:
        super().__init__()
        self.gate = threading.Event()
        if opened:
            self.gate.set()

    def encode(self, crop: NDArray[np.uint8]) -> Any:
        assert self.gate.wait(30)
        return super().encode(crop)


@pytest.fixture(scope="module")
def shots(smiling: PhantomVideo) -> list[Shot]:
    """Frames of a smile, 30 a second, from rest to its apex."""
    with Bench() as bench:
        node = FlowNode(FlowConfig(), bench.crops)
        list(bench.motions((smiling.frame(0.9 + k / 30) for k in range(12)), flow=node))
        return list(node._curves[1].history)


class Kept:
    """The frames that can be asked for."""

    def __init__(self, shots: list[Shot]) -> None:
        self.shots, self.gone = shots, False

    def __call__(self, face_id: int, onset_ns: int, apex_ns: int) -> tuple[Shot, Shot] | None:
        return None if self.gone else (self.shots[3], self.shots[9])


def bare(number: int, phase: Phase = "closed") -> Spot:
    """An event as the spotter tells it."""
    return spot(number, phase=phase, regions=(), noise_iod=(), sketch=b"", magnitude_iod=0.0)


def passed(node: EventNode, *messages: AnyMessage) -> list[Any]:
    return [out for message in messages for out in node.step(message)]


def still(seconds: float) -> AnyMessage:
    return motion(seconds, np.zeros((29, 2)))


LOST = Lost(seq=9, face_id=1, t_capture_ns=0, t_media_ns=0, cause="gone")
END = End(seq=9, t_capture_ns=0, t_media_ns=0)


@pytest.fixture
def made(shots: list[Shot]) -> Iterator[Any]:
    """Makes nodes, and closes them."""
    nodes: list[EventNode] = []

    def make(engine: DisEngine | None = None, live: bool = True, kept: Kept | None = None) -> EventNode:
        nodes.append(EventNode(SpotConfig(), kept or Kept(shots), engine or DisEngine(), live))
        return nodes[-1]

    yield make
    for node in nodes:
        node.close()


def test_what_happened_from_onset_to_apex_is_told(made: Any) -> None:
    node = made()
    apex, closed, end = passed(node, bare(0, "apex"), bare(0), END)
    assert end is END
    for told in (apex, closed):
        corner = next(r for r in told.regions if r.name == "Right Mouth Corner")
        assert len(told.regions) == len(told.noise_iod) == 29
        assert corner.direction == "up-right"
        assert corner.mean_iod > 0.01
        assert told.magnitude_iod == pytest.approx(max(r.mean_iod for r in told.regions), abs=1e-6)
    assert apex.sketch == Measured().sketch == b""
    assert closed.sketch.startswith(b"\x89PNG")


def test_a_large_expression_is_refined_at_its_close(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.refine.LARGE_PX", 0.5)
    apex, closed, _ = passed(made(), bare(0, "apex"), bare(0), END)
    assert apex.regions != closed.regions


@pytest.mark.parametrize("told_iod", [0.003, 1.0])
def test_an_event_however_small_has_regions_to_tell_of(shots: list[Shot], told_iod: float) -> None:
    node = EventNode(SpotConfig(told_iod=told_iod), Kept(shots), DisEngine(), live=True)
    with closing(node):
        (told,) = passed(node, bare(0, "apex"))
    assert told.noise_iod == pytest.approx((min(told_iod, told.magnitude_iod / 2),) * 29, abs=1e-6)


@pytest.mark.parametrize("live", [True, False])
def test_what_turns_out_to_be_nothing_is_taken_back(shots: list[Shot], made: Any, live: bool) -> None:
    node = made(live=live, kept=Kept([shots[3]] * 10))
    rising = bare(0, "rising")
    *told, end = passed(node, rising, bare(0, "apex"), bare(0), END)
    assert end is END
    assert [(spot.spot_id, spot.phase) for spot in told] == [(0, "rising"), (0, "revoked")]
    assert (told[1].kind, told[1].offset_ns, told[1].regions, told[1].sketch) == (None, -1, (), b"")


def test_the_stream_passes_while_an_event_is_measured(made: Any) -> None:
    engine = Gate(opened=False)
    node = made(engine)
    motions = [still(k / 30) for k in range(3 * LAG)]
    rising = bare(1, "rising")
    assert not node.working
    assert passed(node, bare(0), *motions, rising) == [*motions, rising]
    assert node.working
    assert list(node.ready()) == []
    engine.gate.set()
    (told,) = passed(node, END)[:-1]
    assert isinstance(told, Spot)
    assert not node.working


def test_what_is_ready_is_told_at_once_in_a_live_session(made: Any) -> None:
    node: EventNode = made()
    aside: object = node
    assert isinstance(aside, Aside)
    assert passed(node, bare(0)) == []
    told = node._jobs[0].told.result(30)
    assert list(node.ready()) == list(told) != []
    assert not node.working


def test_without_a_clock_it_is_told_after_so_many_motions(made: Any) -> None:
    node = made(live=False)
    motions = [still(k / 30) for k in range(LAG + 3)]
    outs = passed(node, bare(0), motions[0], bare(1), *motions[1:])
    places = {out.spot_id: k for k, out in enumerate(outs) if isinstance(out, Spot)}
    assert places == {0: LAG - 1, 1: LAG + 1}


@pytest.mark.parametrize("last", [LOST, END])
def test_nothing_is_left_when_a_face_goes_or_the_stream_ends(made: Any, last: AnyMessage) -> None:
    node = made(live=False)
    outs = passed(node, bare(0, "apex"), bare(1), bare(0, "revoked"), last)
    assert [(out.spot_id, out.phase) for out in outs[:-1]] == [(0, "apex"), (1, "closed"), (0, "revoked")]
    assert outs[-1] is last
    assert not node._known


def test_a_face_that_is_gone_keeps_what_was_measured_at_the_apex(made: Any, shots: list[Shot]) -> None:
    kept = Kept(shots)
    node = made(kept=kept)
    (apex,) = passed(node, bare(0, "apex"))
    kept.gone = True
    closed, unknown, _ = passed(node, bare(0), bare(1), END)
    assert len(apex.regions) == 29
    assert closed.regions == apex.regions
    assert (unknown.regions, unknown.magnitude_iod, unknown.sketch) == ((), 0.0, b"")


def test_two_frames_are_encoded_once_for_apex_and_close(made: Any) -> None:
    class Counted(DisEngine):
        calls = 0

        def encode(self, crop: NDArray[np.uint8]) -> Any:
            self.calls += 1
            return super().encode(crop)

    engine = Counted()
    passed(made(engine), bare(0, "apex"), bare(0), END)
    assert engine.calls == 2


def test_a_frame_that_cannot_be_measured_tells_nothing(made: Any, shots: list[Shot]) -> None:
    black = Shot(0, np.zeros_like(shots[0].crop), shots[0].landmarks, 0)
    told, _ = passed(made(kept=Kept([black] * 12)), bare(0), END)
    assert told == bare(0)


def test_words_about_an_apex_need_not_wait(made: Any) -> None:
    engine = Careful()
    (told,) = passed(made(engine), bare(0, "apex"))
    assert len(told.regions) == 29
    assert engine.threads == {threading.current_thread().name}


def test_an_engine_for_one_thread_measures_at_once(made: Any) -> None:
    engine = Together()
    (told,) = passed(made(engine), bare(0))
    assert len(told.regions) == 29
    assert engine.threads == {threading.current_thread().name}


def test_another_thread_measures(made: Any) -> None:
    engine = Careful()
    passed(made(engine), bare(0), END)
    assert threading.current_thread().name not in engine.threads
    assert len(engine.threads) == 1


def test_what_goes_wrong_is_raised(made: Any) -> None:
    class Broken(DisEngine):
        def encode(self, crop: object) -> object:
            raise RuntimeError("out of order")

    with pytest.raises(RuntimeError, match="out of order"):
        passed(made(Broken()), bare(0), END)
