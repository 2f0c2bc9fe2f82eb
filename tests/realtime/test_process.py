"""A child process's work, done in this one: what its lifeline and its stream's end make it do."""

import gc
import multiprocessing
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest
import zmq

from realtime.bus import ENDED_MS, STOPPED_MS, Inbox, Outbox, make_wiring, remove_wiring
from realtime.config import CaptureConfig, Config
from realtime.messages import AnyMessage, End, Frame, Gap, Lost, Motion, Status
from realtime.nodes import BACKLOG, Resume, ring_sizes
from realtime.process import GO, Place, _Worker
from realtime.recordings.tally import Tally
from realtime.ring import Ring
from tests.realtime.curves import motion
from tests.realtime.messages import face, frame

WAIT_MS = 20_000


def heard_until_ended(hub: Inbox) -> list[AnyMessage]:
    heard: list[AnyMessage] = []
    while not (heard and isinstance(heard[-1], Status) and heard[-1].state == "ended"):
        assert hub.socket.poll(WAIT_MS), "nothing more is heard of it"
        message = hub.receive()
        assert message is not None
        heard.append(message)
    return heard


class Captured:
    """A capture process's work on a file, with what it was told by its lifeline, which is then cut or not.

    Attributes:
        heard: what the hub heard of it.
        end: the stream's end as the next process heard it; None if it did not come.
        waited_ms: how long it would wait at most for its last words to be sent.
    """

    def __init__(self, source: Path, said: tuple[str, ...], cut: bool, patch: pytest.MonkeyPatch) -> None:
        config = Config(capture=CaptureConfig(str(source), paced=False))
        waits: list[int] = []

        def close(box: Outbox, wait_ms: int = STOPPED_MS) -> None:
            waits.append(wait_ms)
            original(box, 0)

        original = Outbox.close
        patch.setattr(Outbox, "close", close)
        with ExitStack() as stack:
            stack.callback(gc.unfreeze)  # as a process of its own it freezes what it has loaded
            context, wiring = zmq.Context[zmq.Socket[bytes]](), make_wiring()
            stack.callback(remove_wiring, wiring)
            stack.callback(context.destroy, 0)
            sizes = ring_sizes(config)
            names = [f"{Path(wiring.folder).name}-{kind}" for kind in ("frames", "crops")]
            for name, size in zip(names, sizes, strict=True):
                stack.callback(Ring.create(name, size.slots, size.slot_bytes).close)
            hub, following = (Inbox(context, wiring.inbox(name)) for name in ("hub", "align"))
            place = Place("capture", config, wiring, (names[0], sizes[0]), (names[1], sizes[1]), 0, Resume())
            theirs, ours = multiprocessing.Pipe(duplex=False)
            stack.callback(ours.close)
            for word in said:
                ours.send(word)
            if cut:
                ours.close()
            worker = _Worker(place, context)
            thread = threading.Thread(target=worker.run, args=(theirs,), daemon=True)
            thread.start()
            self.heard = heard_until_ended(hub)
            thread.join()
            self.end: End | None = None
            while self.end is None and following.socket.poll(0 if cut else WAIT_MS):
                message = following.receive()
                self.end = message if isinstance(message, End) else None
            worker.close()
        (self.waited_ms,) = set(waits)


@pytest.mark.parametrize("times", [1, 3])
def test_to_be_told_to_go_more_than_once_does_not_stop_a_stream(
    clip: Path, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured = Captured(clip, (GO,) * times, False, monkeypatch)
    assert sum(isinstance(message, Frame) for message in captured.heard) == 75
    assert captured.end is not None
    assert captured.waited_ms == ENDED_MS


@pytest.mark.parametrize("said", [(), (GO,)])
def test_a_cut_lifeline_ends_it_without_the_streams_end(
    clip: Path, said: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    captured = Captured(clip, said, True, monkeypatch)
    assert captured.end is None
    assert captured.waited_ms == STOPPED_MS


class Arrived:
    """What lies in a process's inbox."""

    def __init__(self, messages: Iterable[AnyMessage]) -> None:
        self._left = list(messages)

    def receive(self) -> AnyMessage | None:
        return self._left.pop(0) if self._left else None


class Measured:
    """Stands in for the flow."""

    def step(self, message: AnyMessage) -> Iterator[AnyMessage]:
        yield msgspec.structs.replace(motion(message.seq / 30, np.zeros((29, 2))), seq=message.seq)


class Passing:
    """Stands in for a node that only passes on."""

    def step(self, message: AnyMessage) -> Iterator[AnyMessage]:
        yield message


@contextmanager
def perceiving(told: list[AnyMessage], restarts: int = 0, missed: int = -1) -> Iterator[_Worker]:
    """A worker that tells what it gives."""
    with working("perceive", restarts, missed) as worker, pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "_give", told.append)
        yield worker


@contextmanager
def working(name: str, restarts: int = 0, missed: int = -1, handled: int = 0, drops: int = 0) -> Iterator[_Worker]:
    """The worker of a process."""
    config, context, wiring = Config(), zmq.Context[zmq.Socket[bytes]](), make_wiring()
    sizes = ring_sizes(config)
    place = Place(name, config, wiring, ("", sizes[0]), ("", sizes[1]), restarts, Resume(), missed, handled, drops)
    worker = _Worker(place, context)
    try:
        yield worker
    finally:
        worker.close()
        context.destroy(0)
        remove_wiring(wiring)


def work(worker: _Worker, arrived: Iterable[AnyMessage]) -> None:
    """Take in what has arrived, and do the first that is left of it."""
    worker._drain(Arrived(arrived))  # type: ignore[arg-type]
    worker._step([Measured()], worker._waiting.popleft())  # type: ignore[list-item]


def test_a_frame_of_which_a_face_was_dropped_is_measured_and_not_skipped() -> None:
    told: list[AnyMessage] = []
    frames = range(BACKLOG + 2)
    first, *others = (face(seq / 30, seq, face_id) for seq in frames for face_id in (1, 2))
    with perceiving(told) as worker:
        for arrived in ([first], others, []):
            work(worker, arrived)
    tally = Tally()
    for message in (*(frame(seq / 30, seq) for seq in frames), *told):
        tally.note(message)
    assert [m.seq for m in told if isinstance(m, Motion)] == [0, frames[-1], frames[-1]]
    assert [(m.from_seq, m.to_seq) for m in told if isinstance(m, Gap)] == [(1, frames[-2])]
    assert tally.counts.measured + tally.counts.drops == tally.counts.frames


def test_where_only_faces_of_the_frame_that_was_begun_are_dropped_no_gap_is_told() -> None:
    """Slow frames: the second face of the first waits too long beside those of the next."""
    told: list[AnyMessage] = []
    faces = [
        msgspec.structs.replace(face(k / 5, k, face_id), t_capture_ns=round(k / 5 * 1e9))
        for k in range(2) for face_id in (1, 2)
    ]  # fmt: skip
    with perceiving(told) as worker:
        work(worker, faces[:1])
        for arrived in (faces[1:], []):
            work(worker, arrived)
    assert [m.seq for m in told if isinstance(m, Motion)] == [0, 1, 1]
    assert not [m for m in told if isinstance(m, Gap)]


@pytest.mark.parametrize("name", ["align", "perceive"])
def test_that_a_face_is_gone_is_told_once_after_the_last_motion_of_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: dict[str, list[AnyMessage]] = {"hub": [], "next": []}
    lost = Lost(seq=3, face_id=1, t_capture_ns=0, t_media_ns=0, cause="left")
    with working(name) as worker:
        for box, messages in ((worker._hub, sent["hub"]), (worker._next, sent["next"])):
            monkeypatch.setattr(box, "send", messages.append)
        if name == "align":
            worker._give(lost)
        else:
            worker._step([Measured()], face(0.1, 3))  # type: ignore[list-item]
            worker._step([Passing()], lost)  # type: ignore[list-item]
    told = [type(message) for message in sent["hub"]]
    assert told == ([] if name == "align" else [Motion, Lost])
    assert sent["next"] == ([lost] if name == "align" else [])


def test_what_is_counted_goes_on_where_it_was_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[AnyMessage] = []
    with working("perceive", handled=40, drops=3) as worker:
        monkeypatch.setattr(worker._hub, "send", heard.append)
        worker._step([Measured()], face(0.1, 3))  # type: ignore[list-item]
        worker._report("running")
    (status,) = (m for m in heard if isinstance(m, Status))
    assert (status.handled, status.drops) == (41, 3)
    assert 0 < status.fps < 1e6


@pytest.mark.parametrize(("fps", "count", "skips"), [(30, 4, False), (30, 5, True), (60, 8, False), (60, 9, True)])
def test_frames_wait_for_a_moment_and_are_skipped_after_it(fps: int, count: int, skips: bool) -> None:
    told: list[AnyMessage] = []
    faces = [msgspec.structs.replace(face(k / fps, k), t_capture_ns=round(k / fps * 1e9)) for k in range(count)]
    with perceiving(told) as worker:
        work(worker, faces)
        waiting = [message.seq for message in worker._waiting]
    assert waiting == ([] if skips else list(range(1, count)))
    assert [(m.from_seq, m.to_seq) for m in told if isinstance(m, Gap)] == [(0, count - 2)] * skips


@pytest.mark.parametrize(
    ("missed", "arrived", "gaps"),
    [
        (5, range(9, 10), [(5, 8)]),  # lost with the process before
        (-1, range(9, 10), []),  # nobody was in the picture meanwhile: nothing came to nothing
        (-1, range(7, 9 + BACKLOG), [(7, 7 + BACKLOG)]),  # waited while it was away, but for the newest
    ],
)
def test_after_a_restart_what_came_to_nothing_is_announced_once(
    missed: int, arrived: range, gaps: list[tuple[int, int]]
) -> None:
    told: list[AnyMessage] = []
    with perceiving(told, 1, missed) as worker:
        work(worker, [face(seq / 30, seq) for seq in arrived])
        work(worker, [face(4.0, 120)])
    assert [(m.from_seq, m.to_seq) for m in told if isinstance(m, Gap)] == gaps
    assert isinstance(told[0], Gap) is bool(gaps)  # before what is measured next
    assert all(m.t_media_ns == round(arrived[0] / 30 * 1e9) for m in told if isinstance(m, Gap))  # when it began


def test_what_was_lost_at_the_end_is_announced_with_it() -> None:
    told: list[AnyMessage] = []
    with perceiving(told, 1, 72) as worker:
        work(worker, [End(seq=75, t_capture_ns=0, t_media_ns=0)])
    gap, *_ = told
    assert isinstance(gap, Gap)
    assert (gap.from_seq, gap.to_seq, gap.cause) == (72, 74, "perceive was restarted")
