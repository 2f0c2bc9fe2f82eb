from hypothesis import given
from hypothesis import strategies as st

from realtime.messages import Annotation, AnyMessage, End, Face, Gap, Lost, Motion, Say, Status, shifted
from realtime.recordings.scope import Scope
from tests.realtime.messages import face, frame, one_of_each, say, spot

AT = {"seq": 0, "t_capture_ns": 0}


def held(*messages: AnyMessage) -> list[AnyMessage]:
    scope = Scope()
    return [message for message in messages if scope.holds(message)]


def note(t_s: float, until_s: float | None = None) -> Annotation:
    until_ns = -1 if until_s is None else round(until_s * 1e9)
    return Annotation(text="so", t_media_ns=round(t_s * 1e9), until_ns=until_ns, **AT)


def test_a_session_from_its_beginning_is_held_as_it_was_said() -> None:
    assert held(*one_of_each()) == one_of_each()


def test_nothing_is_measured_before_its_first_frame() -> None:
    early: list[AnyMessage] = [face(0.0), spot(1, 0.0, 0.1), say(1)]
    started = [m for m in one_of_each() if isinstance(m, (Annotation, Status, End))]
    assert len(started) == 3
    assert held(*early, *started) == started


@given(st.floats(0.01, 1e5))
def test_what_was_measured_of_earlier_frames_is_not_in_it(zero_s: float) -> None:
    motion = next(m for m in one_of_each() if isinstance(m, Motion))
    measured: list[Motion | Face | Lost | Gap] = [
        shifted(motion, -motion.t_media_ns), face(0.0), Lost(cause="away", t_media_ns=0, **AT),
        Gap(from_seq=0, to_seq=0, cause="behind", t_media_ns=0, **AT),
    ]  # fmt: skip
    now = [shifted(m, round(zero_s * 1e9)) for m in measured]
    assert held(frame(zero_s), *measured, *now) == [frame(zero_s), *now]


@given(st.integers(-1000, 1000))
def test_an_event_is_in_it_whose_end_is(offset_ms: int) -> None:
    zero_s = 10.0
    closed = spot(1, zero_s - 2.0, zero_s + offset_ms / 1000, t_media_ns=round((zero_s + 1.0) * 1e9))
    early = spot(1, zero_s - 2.0, t_media_ns=round((zero_s - 1.5) * 1e9), phase="apex", kind=None, offset_ns=-1)
    said = held(frame(zero_s), early, say(1, "…", final=False), closed, say(1))
    assert said == ([frame(zero_s), closed, say(1)] if offset_ms >= 0 else [frame(zero_s)])


def test_nothing_is_taken_back_that_was_not_in_it() -> None:
    early, late = spot(1, 1.0, 1.2, phase="rising"), spot(2, 4.0, 4.2, phase="rising")
    back = [spot(k, 4.0, 4.4, phase="revoked") for k in (1, 2)]
    assert held(frame(3.0), early, late, *back) == [frame(3.0), late, back[1]]


def test_every_note_is_in_it() -> None:
    """One that is made as it begins is about the moment that is shown by then, which is a little earlier."""
    notes = [note(2.9), note(1.0, 3.5), note(3.0)]
    assert held(frame(3.0), *notes) == [frame(3.0), *notes]


def test_words_about_the_session_are() -> None:
    about: Say = say(-1, "the template speaks", t_s=0.0)
    assert held(frame(3.0), about) == [frame(3.0), about]
