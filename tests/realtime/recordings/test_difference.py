import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from realtime.exports.tables import Event
from realtime.recordings.difference import compare
from tests.realtime.exports.test_tables import event

EVENTS = [event(1.0), event(2.0, action_units=("AU12",)), event(2.1, face_id=2), event(4.0, kind="speech")]


def moved(of: Event, seconds: float) -> Event:
    return dataclasses.replace(
        of, onset_s=of.onset_s + seconds, apex_s=of.apex_s + seconds, offset_s=of.offset_s + seconds
    )


def test_the_same_does_not_differ() -> None:
    found = compare(EVENTS, list(reversed(EVENTS)))
    assert not found.differs(0)
    assert [pair.before for pair in found.pairs] == EVENTS
    assert all(pair.moved_ms == (0, 0, 0) for pair in found.pairs)


def test_what_is_missing_and_what_is_new_is_told() -> None:
    found = compare(EVENTS, [*EVENTS[:2], event(9.0)])
    assert set(found.missing) == {EVENTS[2], EVENTS[3]}
    assert found.new == (event(9.0),)
    assert found.differs(1000)


def test_events_of_another_face_are_other_events() -> None:
    before = [event(1.0), event(3.0), event(5.0, face_id=2)]
    found = compare(before, [event(1.0), event(3.0), event(5.0)])
    assert (len(found.pairs), found.missing, found.new) == (2, (before[2],), (event(5.0),))


def test_a_face_may_have_another_number() -> None:
    before = [event(1.0, face_id=3), event(3.0, face_id=3), event(1.1, face_id=4)]
    after = [event(1.1, face_id=1), event(1.0, face_id=2), event(3.0, face_id=2)]
    found = compare(before, after)
    assert [(pair.before.face_id, pair.after.face_id) for pair in found.pairs] == [(3, 2), (4, 1), (3, 2)]
    assert not found.differs(0)


@given(st.integers(-80, 80), st.integers(0, 100))
def test_an_event_that_moved_differs_beyond_the_tolerance_only(ms: int, tolerance_ms: int) -> None:
    found = compare([event(1.0)], [moved(event(1.0), ms / 1000)])
    assert found.pairs[0].moved_ms == (ms, ms, ms)
    assert found.differs(tolerance_ms) == (abs(ms) > tolerance_ms)


def test_changed_names_are_said() -> None:
    after = event(1.0, kind="macro", action_units=("AU12",), label="positive")
    (pair,) = compare([event(1.0)], [after]).pairs
    assert pair.changes == ("micro → macro", "AU4+LAU12 → AU12", "negative → positive")
    assert compare([event(1.0)], [event(1.0, kind="speech")]).pairs[0].changes == ("micro → speech",)
    assert not compare([event(1.0)], [event(1.0, action_units=("LAU12", "AU4"))]).differs(0)
