"""Frames, faces and motions that arrive apart, and what belongs to one frame."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.dashboard.moments import MOST, PATIENCE_NS, TRACKED_NS, Assembler, Moment
from realtime.messages import AnyMessage, Lost
from tests.realtime.served import STEP_NS, face, frame, motion


def take(assembler: Assembler, *messages: AnyMessage) -> list[Moment]:
    return [moment for message in messages for moment in assembler.take(message)]


def test_a_moment_is_complete_when_every_face_has_its_motion() -> None:
    assembler = Assembler()
    assert take(assembler, frame(0), face(0, 0), face(0, 1), motion(0, 0)) == []
    (moment,) = take(assembler, motion(0, 1))
    assert moment.frame.seq == 0
    assert moment.faces.keys() == moment.motions.keys() == {0, 1}


def test_without_a_face_the_picture_runs_on() -> None:
    assembler = Assembler()
    moments = take(assembler, *(frame(k) for k in range(60)))
    assert [m.frame.seq for m in moments] == list(range(len(moments)))
    assert len(moments) >= 60 - PATIENCE_NS // STEP_NS - 1
    assert not any(m.faces for m in moments)


def test_a_face_in_the_picture_is_waited_for_longer() -> None:
    assembler = Assembler()
    take(assembler, frame(0), face(0))
    late = TRACKED_NS // STEP_NS - 2
    assert take(assembler, *(frame(k) for k in range(1, late))) == []
    assert [m.frame.seq for m in take(assembler, motion(0))] == [0]
    gone = Lost(seq=0, face_id=0, t_capture_ns=0, t_media_ns=0, cause="left")
    assert take(assembler, gone, frame(late))


@given(st.data())
def test_moments_leave_in_order_whole_and_never_twice(data: st.DataObject) -> None:
    assembler, seen = Assembler(), []
    measured = [k for k in range(80) if data.draw(st.booleans())]
    lag = data.draw(st.integers(0, 30))
    messages: list[AnyMessage] = []
    for k in range(80):
        messages.append(frame(k))
        if k - lag in measured:
            messages += [face(k - lag), motion(k - lag)]
    for moment in take(assembler, *messages):
        assert all(m.seq == moment.frame.seq for m in (*moment.faces.values(), *moment.motions.values()))
        seen.append(moment.frame.seq)
    assert seen == sorted(set(seen))
    assert len(assembler._waiting) <= MOST
