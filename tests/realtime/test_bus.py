import os
import stat
from pathlib import Path

import pytest
import zmq

from realtime.bus import ENDED_MS, Inbox, Outbox, Publisher, make_wiring, own_prefix, remove_wiring
from realtime.messages import AnyMessage, End, Lost, unpack


@pytest.fixture
def context() -> zmq.Context[zmq.Socket[bytes]]:
    return zmq.Context[zmq.Socket[bytes]]()


def message(seq: int) -> Lost:
    return Lost(seq=seq, t_capture_ns=0, t_media_ns=0, cause="test")


def test_what_is_sent_before_the_reader_is_there_waits_for_it(context: zmq.Context[zmq.Socket[bytes]]) -> None:
    wiring = make_wiring()
    outbox = Outbox(context, wiring.inbox("align"))
    for seq in range(3):
        outbox.send(message(seq))
    inbox = Inbox(context, wiring.inbox("align"))
    received: list[AnyMessage | None] = []
    while len(received) < 3 and inbox.socket.poll(20_000):
        received.append(inbox.receive())
    assert received == [message(seq) for seq in range(3)]
    assert inbox.receive() is None
    outbox.close()
    inbox.close()
    context.term()
    remove_wiring(wiring)


def test_the_last_words_of_one_that_has_closed_arrive(context: zmq.Context[zmq.Socket[bytes]]) -> None:
    wiring, other = make_wiring(), zmq.Context[zmq.Socket[bytes]]()
    outbox = Outbox(other, wiring.inbox("align"))
    outbox.send(message(7))
    outbox.close(ENDED_MS)  # before there is a reader
    inbox = Inbox(context, wiring.inbox("align"))
    assert inbox.socket.poll(ENDED_MS)
    assert inbox.receive() == message(7)
    other.term()
    inbox.close()
    context.term()
    remove_wiring(wiring)


def test_only_the_user_may_enter_and_nothing_stays(context: zmq.Context[zmq.Socket[bytes]]) -> None:
    wiring = make_wiring()
    assert stat.S_IMODE(os.stat(wiring.folder).st_mode) == 0o700
    remove_wiring(wiring)
    assert not Path(wiring.folder).exists()
    context.term()


def test_folders_of_dead_sessions_are_cleared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/tmp" if len(str(tmp_path)) > 60 else str(tmp_path))
    base = Path(os.environ["XDG_RUNTIME_DIR"])
    own = own_prefix()
    dead, alive = base / f"{own.replace(str(os.getpid()), '4194305')}test", base / f"{own}test"
    elsewhere = base / "mellm-1-4194305-test"  # its number means nothing here: it may be alive in its container
    for folder in (dead, alive, elsewhere):
        folder.mkdir()
    wiring = make_wiring()
    assert not dead.exists()
    assert Path(wiring.folder).name.startswith(own)
    for folder in (alive, elsewhere):
        folder.rmdir()
    remove_wiring(wiring)


def test_listeners_hear_the_topics_they_subscribed_to(context: zmq.Context[zmq.Socket[bytes]]) -> None:
    wiring = make_wiring()
    publisher = Publisher(context, wiring)
    listener = context.socket(zmq.SUB)
    listener.connect(wiring.public)
    listener.connect(wiring.events)
    listener.subscribe(b"End")
    end = End(seq=1, t_capture_ns=0, t_media_ns=0)
    # A subscription takes a moment to arrive: publish until it has.
    for _ in range(1000):
        publisher.publish(message(0))
        publisher.publish(end)
        if listener.poll(10):
            break
    topic, data = listener.recv_multipart()
    assert topic == b"End"
    assert unpack(data) == end
    listener.close(linger=0)
    publisher.close()
    context.term()
    remove_wiring(wiring)
