import time

import msgspec
import pytest
import zmq

from realtime.messages import AnyMessage, Motion, unpack
from realtime.recordings.journal import NOTES
from realtime.recordings.replay import Replay, paced, through_nodes
from realtime.recordings.sessions import Recording, collect_events
from tests.realtime.messages import frame, one_of_each


def test_a_replay_says_what_was_said(recorded: Recording) -> None:
    with Replay(recorded, speed=0) as played:
        assert list(played) == list(recorded.messages())


def test_other_programs_can_listen_to_a_replay(recorded: Recording) -> None:
    context = zmq.Context[zmq.Socket[bytes]]()
    listener = context.socket(zmq.SUB)
    heard: AnyMessage | None = None
    with Replay(recorded, speed=0) as played:
        listener.connect(played.public_address)
        listener.subscribe(b"Motion")
        while heard is None:  # until the listener has connected
            for _ in played:
                if listener.poll(0):
                    heard = unpack(listener.recv_multipart()[1])
                    break
        listener.close(linger=0)
    context.term()
    assert isinstance(heard, Motion)


def test_pauses_are_kept_and_divided_by_the_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    messages = [frame(0.0), frame(1.0), frame(1.0), frame(4.0)]
    # As a video that is analysed is captured: faster than it happened.
    stamped = [msgspec.structs.replace(m, t_capture_ns=7_000_000_000 + m.t_media_ns // 5) for m in messages]
    told = [(clock[0], m.t_media_ns) for m in paced(stamped, 2.0)]
    assert [round(t - 100.0, 3) for t, _ in told] == [0.0, 0.5, 0.5, 2.0]
    assert list(paced(one_of_each(), 0)) == one_of_each()


def test_a_note_on_a_replay_goes_beside_the_recording(recorded: Recording) -> None:
    with Replay(recorded, speed=0) as played:
        for message in played:
            if message.t_media_ns > 2_000_000_000:
                played.annotate("here")
                break
    assert "here" in [note.text for note in recorded.notes]
    (recorded.path / NOTES).unlink()


def test_the_video_through_the_nodes_gives_the_same_events(filmed: Recording) -> None:
    from realtime.recordings.difference import compare

    said = list(through_nodes(filmed))
    found = compare(filmed.events(), collect_events(said, filmed.path.name))
    assert found.pairs
    assert not found.missing
    assert not found.new
    assert not found.differs(67.0)  # two frames
    measured = {m.t_media_ns for m in filmed.messages(Motion)}
    assert {m.t_media_ns for m in said if isinstance(m, Motion)} >= measured
