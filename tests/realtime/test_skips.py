from hypothesis import given
from hypothesis import strategies as st

from realtime.messages import Gap
from realtime.skips import Skips


def gap(first: int, last: int) -> Gap:
    return Gap(seq=last, t_capture_ns=0, t_media_ns=0, from_seq=first, to_seq=last, cause="align was behind")


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(-1, 8))))
def test_a_frame_that_is_announced_again_and_again_counts_once(gaps: list[tuple[int, int]]) -> None:
    skips, frames = Skips(), set[int]()
    for first, more in gaps:
        skips.note(gap(first, first + more))
        frames |= set(range(first, first + more + 1))
    assert (skips.gaps, skips.frames) == (len(gaps), len(frames))


def test_a_gap_as_long_as_rubbish_can_be_is_counted_at_once() -> None:
    skips = Skips()
    skips.note(gap(0, 10**15))
    skips.note(gap(5, 7))
    assert skips.frames == 10**15 + 1
