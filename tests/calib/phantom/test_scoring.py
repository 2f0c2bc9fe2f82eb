import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.phantom.scoring import IOU_LIMIT, Interval, iou, match

QUICK = settings(max_examples=100)
# Whole milliseconds: no two overlaps differ by rounding alone.
INTERVALS = st.tuples(st.integers(0, 4000), st.integers(1, 2000)).map(lambda p: (p[0] / 1000, (p[0] + p[1]) / 1000))
LISTS = st.lists(INTERVALS, max_size=8)


@QUICK
@given(INTERVALS, INTERVALS)
def test_iou_is_a_symmetric_share(a: Interval, b: Interval) -> None:
    assert 0 <= iou(a, b) <= 1
    assert iou(a, b) == pytest.approx(iou(b, a))
    assert iou(a, a) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("other", "overlap"),
    [((0.0, 2.0), 0.5), ((0.5, 1.5), 1 / 3), ((0.25, 0.75), 0.5), ((1.0, 2.0), 0.0), ((3.0, 4.0), 0.0)],
)
def test_iou_of_known_intervals(other: Interval, overlap: float) -> None:
    assert iou((0.0, 1.0), other) == pytest.approx(overlap)


def test_an_interval_without_length_overlaps_nothing() -> None:
    assert iou((1.0, 1.0), (1.0, 1.0)) == 0.0
    assert iou((1.0, 1.0), (0.0, 2.0)) == 0.0


@QUICK
@given(LISTS, LISTS)
def test_matches_are_one_to_one_and_overlap_enough(true: list[Interval], spotted: list[Interval]) -> None:
    pairs = match(true, spotted)
    assert len({i for i, _ in pairs}) == len({k for _, k in pairs}) == len(pairs)
    assert all(iou(true[i], spotted[k]) >= IOU_LIMIT for i, k in pairs)


@QUICK
@given(LISTS, LISTS)
def test_no_pair_that_could_match_is_left_over(true: list[Interval], spotted: list[Interval]) -> None:
    pairs = match(true, spotted)
    free_true = set(range(len(true))) - {i for i, _ in pairs}
    free_spotted = set(range(len(spotted))) - {k for _, k in pairs}
    assert not [(i, k) for i in free_true for k in free_spotted if iou(true[i], spotted[k]) >= IOU_LIMIT]


@QUICK
@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_a_perfect_spotter_finds_everything_in_any_order(lengths: list[int]) -> None:
    true = [(10.0 * k, 10.0 * k + length) for k, length in enumerate(lengths)]
    last = len(true) - 1
    assert match(true, true[::-1]) == [(k, last - k) for k in range(len(true))]


def test_half_an_overlap_is_enough_and_less_is_not() -> None:
    assert match([(0.0, 1.0)], [(0.0, 2.0)]) == [(0, 0)]
    assert match([(0.0, 1.0)], [(0.0, 2.001)]) == []


def test_the_better_of_two_gets_the_match() -> None:
    assert match([(0.0, 1.0)], [(0.0, 1.6), (0.0, 1.1)]) == [(0, 1)]
    assert match([(0.0, 1.6), (0.0, 1.1)], [(0.0, 1.0)]) == [(1, 0)]


def test_nothing_matches_nothing() -> None:
    assert match([], [(0.0, 1.0)]) == match([(0.0, 1.0)], []) == match([], []) == []
