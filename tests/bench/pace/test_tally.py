import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.pace.results import Spread
from tests.bench.pace.stream import Stream


@settings(max_examples=30)
@given(st.lists(st.floats(5, 500), min_size=1, max_size=150), st.floats(1, 20))
def test_known_delays_come_out(delays: list[float], align_ms: float) -> None:
    stream = Stream()
    for seq, delay in enumerate(delays):
        stream.whole(seq, align_ms, delay)
    found = stream.tally.latency["Motion"]
    exact = Spread.of([1.0 + align_ms + delay for delay in delays])
    assert found.n == exact.n == len(delays)
    for share in ("p50", "p95", "p99", "most"):
        assert getattr(found, share) == pytest.approx(getattr(exact, share), rel=0.015)
    assert stream.tally.own["perceive"].most == pytest.approx(max(delays), abs=1e-3)
    assert stream.tally.own["align"].p50 == pytest.approx(align_ms, rel=0.015)
    assert stream.tally.own["capture"].most == pytest.approx(1.0)


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["whole", "faceless", "skipped"]), min_size=2, max_size=120))
def test_every_frame_is_measured_skipped_or_without_a_face(fates: list[str]) -> None:
    stream = Stream()
    for seq, fate in enumerate(fates):
        if fate == "whole":
            stream.whole(seq)
            continue
        stream.frame(seq)
        if fate == "skipped":
            stream.gap(seq, seq)
    counts = stream.tally.counts()
    assert counts.captured == len(fates)
    assert (counts.measured, counts.skipped, counts.faceless) == tuple(
        fates.count(fate) for fate in ("whole", "skipped", "faceless")
    )
    assert counts.seconds == pytest.approx(len(fates) / stream.fps, rel=1e-3)
    assert counts.fps == pytest.approx(stream.fps * fates.count("whole") / len(fates), rel=1e-3)


def test_the_warm_up_does_not_count_not_even_its_gaps() -> None:
    stream = Stream(warm_s=0.5)
    for seq in range(100):
        stream.frame(seq)
        if seq == 49:
            assert not stream.tally.warm
            stream.gap(10, 20)
        elif seq == 55:
            stream.gap(45, 55)
        if not 45 <= seq <= 55:
            stream.face(seq, 2.0)
            stream.motion(seq, 500.0 if seq < 50 else 7.0)
    counts = stream.tally.counts()
    assert (counts.captured, counts.measured, counts.skipped, counts.faceless) == (50, 44, 6, 0)
    assert stream.tally.latency["Motion"].most == 7.0


def test_a_gap_that_is_told_twice_counts_once() -> None:
    stream = Stream()
    for seq in range(10):
        stream.frame(seq)
    stream.gap(2, 4)
    stream.gap(3, 5)
    stream.gap(8, 7)  # only time was lost
    assert stream.tally.counts().skipped == 4


def test_several_faces_are_one_frame_each_time() -> None:
    stream = Stream()
    for seq in range(20):
        stream.frame(seq)
        for face_id in range(3):
            stream.face(seq, 2.0 + face_id, face_id)
        for face_id in range(3):
            stream.motion(seq, 10.0 + 8 * face_id, face_id)
    counts = stream.tally.counts()
    assert (counts.measured, counts.motions) == (20, 60)
    assert stream.tally.latency["Face"].n == 60
    # 8, 15 and 22 ms after the face's own arrival.
    assert stream.tally.own["perceive"].most == 22.0


def test_a_face_that_was_overwritten_costs_its_frame_only_if_no_other_was_measured() -> None:
    stream = Stream()
    for seq in range(3):
        stream.frame(seq)
    stream.motion(0, 5.0, face_id=0)
    stream.gap(0, 0, face_id=1)
    stream.gap(1, 1, face_id=0)
    stream.motion(1, 5.0, face_id=1)
    stream.gap(2, 2, face_id=0)
    counts = stream.tally.counts()
    assert (counts.measured, counts.skipped, counts.faceless, counts.motions) == (2, 1, 0, 2)


def test_a_frame_of_which_the_last_faces_were_skipped_is_measured() -> None:
    stream = Stream()
    for seq in range(6):
        stream.frame(seq)
        for face_id in range(3):
            stream.face(seq, 2.0, face_id)
    stream.motion(1, 10.0, face_id=0)
    stream.gap(1, 4)  # its other faces and three more frames
    for face_id in range(3):
        stream.motion(5, 10.0, face_id)
    counts = stream.tally.counts()
    assert (counts.captured, counts.measured, counts.skipped, counts.faceless, counts.motions) == (6, 2, 3, 1, 4)
    assert stream.tally.windows()[0].skipped == 3


def test_words_count_up_to_their_first_piece_and_from_the_apex() -> None:
    stream = Stream()
    stream.frame(0)
    stream.spot(40, "rising", 5.0)
    stream.spot(50, "apex", 12.0, apex_s=0.43)
    stream.say(50, 20.0)
    stream.say(50, 90.0)
    stream.spot(70, "closed", 15.0, apex_s=0.43)
    stream.say(70, 21.0)
    stream.say(70, 200.0, final=True)
    stream.say(70, 500.0, final=True, spot_id=-1)  # the summary
    tally = stream.tally
    assert (tally.latency["Spot"].n, tally.latency["Spot"].most) == (2, 15.0)
    assert (tally.latency["Say"].n, tally.latency["Say"].most) == (2, 21.0)
    assert tally.own["narrate"].most == 8.0
    # Seen at 0.50 s of an apex at 0.43, and said 20 ms later.
    assert (tally.first_word.n, tally.first_word.most) == (1, 90.0)
    assert (tally.counts().spots, tally.counts().says) == (1, 1)


def test_frames_that_come_late_are_seen() -> None:
    stream = Stream()
    for seq in range(100):
        stream.frame(seq, late_ms=30.0 if seq >= 90 else 2.0)
    assert stream.tally.late.p50 <= 0.1
    assert stream.tally.late.most == pytest.approx(28.0)


def test_restarts_are_counted_once_each() -> None:
    stream = Stream()
    for restarts in (0, 1, 1, 2):
        stream.status("align", restarts)
    stream.status("perceive", 1)
    assert stream.tally.counts().restarts == 3


def test_windows_hold_what_happened_in_them_and_no_stump() -> None:
    stream = Stream(warm_s=1.0, window_s=0.5)
    for seq in range(370):
        if 220 <= seq < 230:
            stream.frame(seq)
        else:
            stream.whole(seq, flow_ms=10.0 if seq < 300 else 30.0)
    stream.gap(220, 229)
    windows = stream.tally.windows()
    assert [window.t_s for window in windows] == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert [window.frames for window in windows] == [50] * 5
    assert [window.skipped for window in windows] == [0, 0, 10, 0, 0]
    assert [window.latency["Motion"].p50 for window in windows] == [14.0, 14.0, 14.0, 14.0, 34.0]
    assert sum(window.latency["Motion"].n for window in windows) == 240


def test_a_long_run_is_kept_in_little_memory() -> None:
    stream = Stream(fps=20.0, window_s=5.0)
    for seq in range(4000):
        stream.whole(seq)
    held = vars(stream.tally)
    assert len(held["_arrived"]) < 2000
    assert len(held["_parts"]) <= 6
    stream.say(0, 199_000.0)  # very late: into the oldest window that is open
    windows = stream.tally.windows()
    assert stream.tally.latency["Motion"].n == 4000
    assert [window.t_s for window in windows] == [5.0 * k for k in range(40)]
    assert np.all([window.frames == 100 for window in windows])
    assert sum("Say" in window.latency for window in windows) == 1
