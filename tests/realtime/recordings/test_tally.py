import tracemalloc

import pytest

from realtime.messages import AnyMessage, Gap, Motion
from realtime.recordings.tally import Tally
from tests.realtime.messages import frame, one_of_each, spot


def test_a_session_is_counted() -> None:
    tally = Tally()
    motion = next(m for m in one_of_each() if isinstance(m, Motion))
    gap = Gap(seq=9, t_capture_ns=0, t_media_ns=0, from_seq=3, to_seq=7, cause="align was behind")
    pause = Gap(seq=9, t_capture_ns=0, t_media_ns=0, from_seq=10, to_seq=9, cause="the camera was away")
    speech = [spot(2, kind="speech", movements=n) for n in (3, 4)]
    closed = [spot(0), spot(1, kind="macro"), *speech, spot(3, phase="apex")]
    messages: list[AnyMessage] = [*(frame(5 + k / 25, k) for k in range(51)), motion, motion, gap, pause, *closed]
    for message in messages:
        tally.note(message)
    counts = tally.counts
    assert (counts.frames, counts.measured, counts.drops, counts.gaps) == (51, 1, 5, 2)
    assert (counts.micro, counts.macro, counts.speech) == (1, 1, 1)
    assert (counts.faces, counts.engine) == (1, "dis")
    assert counts.fps == pytest.approx(25)
    assert counts.duration_s == pytest.approx(51 / 25)


def test_no_more_frames_are_skipped_than_there_were() -> None:
    tally = Tally()
    aligned = [Gap(seq=k, t_capture_ns=0, t_media_ns=0, from_seq=k, to_seq=k, cause="align was behind") for k in (1, 3)]
    perceived = Gap(seq=4, t_capture_ns=0, t_media_ns=0, from_seq=0, to_seq=4, cause="perceive was behind")
    messages: list[AnyMessage] = [*(frame(k / 30, k) for k in range(5)), *aligned, perceived]
    for message in messages:
        tally.note(message)
    assert (tally.counts.frames, tally.counts.drops, tally.counts.gaps) == (5, 5, 3)


def test_events_that_were_counted_take_little_memory() -> None:
    tally = Tally()
    tracemalloc.start()
    for number in range(20):
        tally.note(spot(number, sketch=bytes(100_000)))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tally.counts.micro, kept < 1_000_000) == (20, True)


def test_nothing_is_counted_as_nothing() -> None:
    assert Tally().counts.duration_s == 0
