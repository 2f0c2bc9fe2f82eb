"""A child process's work, done in this one: what its lifeline and its stream's end make it do."""

import multiprocessing
import threading
from pathlib import Path

import pytest
import zmq

from realtime.bus import Inbox, make_wiring, remove_wiring
from realtime.config import CaptureConfig, Config
from realtime.messages import AnyMessage, End, Frame, Status
from realtime.nodes import Resume, ring_sizes
from realtime.process import GO, Place, _Worker
from realtime.ring import Ring

WAIT_MS = 20_000


def captured(source: Path, *said: str, cut: bool) -> list[AnyMessage]:
    """What the hub hears of a capture process that was told something by its lifeline, which is then cut or not."""
    config = Config(capture=CaptureConfig(str(source), paced=False))
    context, wiring = zmq.Context[zmq.Socket[bytes]](), make_wiring()
    sizes = ring_sizes(config)
    names = [f"{Path(wiring.folder).name}-{kind}" for kind in ("frames", "crops")]
    rings = [Ring.create(name, size.slots, size.slot_bytes) for name, size in zip(names, sizes, strict=True)]
    hub, following = Inbox(context, wiring.inbox("hub")), Inbox(context, wiring.inbox("align"))
    place = Place("capture", config, wiring, (names[0], sizes[0]), (names[1], sizes[1]), 0, Resume())
    theirs, ours = multiprocessing.Pipe(duplex=False)
    for word in said:
        ours.send(word)
    if cut:
        ours.close()
    worker = _Worker(place, context)
    thread = threading.Thread(target=worker.run, args=(theirs,))
    thread.start()
    heard: list[AnyMessage] = []
    while not (heard and isinstance(heard[-1], Status) and heard[-1].state == "ended"):
        assert hub.socket.poll(WAIT_MS), "nothing more is heard of it"
        message = hub.receive()
        assert message is not None
        heard.append(message)
    thread.join()
    while following.socket.poll(0):
        end = following.receive()
        if isinstance(end, End):
            heard.append(end)
    worker.close()
    for box in (hub, following):
        box.close()
    for ring in rings:
        ring.close()
    context.term()
    remove_wiring(wiring)
    ours.close()
    return heard


@pytest.mark.parametrize("times", [1, 3])
def test_to_be_told_to_go_more_than_once_does_not_stop_a_stream(clip: Path, times: int) -> None:
    heard = captured(clip, *[GO] * times, cut=False)
    assert sum(isinstance(message, Frame) for message in heard) == 75
    assert sum(isinstance(message, End) for message in heard) == 1


@pytest.mark.parametrize("said", [(), (GO,)])
def test_a_cut_lifeline_ends_it_without_the_streams_end(clip: Path, said: tuple[str, ...]) -> None:
    heard = captured(clip, *said, cut=True)
    assert not any(isinstance(message, End) for message in heard)
