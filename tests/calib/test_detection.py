import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.detection import Detection

SIZES = tuple(np.geomspace(0.002, 0.04, 12).tolist())
TRIALS = st.lists(st.tuples(st.integers(0, 11), st.booleans()), max_size=60)


def detection(tried: tuple[int, ...], found: tuple[int, ...]) -> Detection:
    return Detection(SIZES[: len(tried)], tried, found)


@given(TRIALS)
@settings(max_examples=60)
def test_shares_rise_with_the_size_and_keep_the_number_found(trials: list[tuple[int, bool]]) -> None:
    seen = Detection.unused(SIZES).with_trials(trials)
    shares = seen.shares()
    tried = np.array(seen.tried)
    known = shares[tried > 0]
    assert (np.diff(known) >= 0).all()
    assert np.isnan(shares[tried == 0]).all()
    assert (known * tried[tried > 0]).sum() == pytest.approx(sum(seen.found))


@given(TRIALS, st.floats(0.05, 0.95), st.floats(0.0, 0.05))
@settings(max_examples=60)
def test_what_is_found_more_often_is_larger(trials: list[tuple[int, bool]], share: float, more: float) -> None:
    seen = Detection.unused(SIZES).with_trials(trials)
    assert seen.size_found(share) <= seen.size_found(share + more)


def test_a_clean_step_lies_between_the_last_missed_and_the_first_found() -> None:
    seen = detection((5, 5, 5, 5), (0, 0, 5, 5))
    assert SIZES[1] < seen.size_found(0.9) < SIZES[2]
    assert seen.size_found(0.5) == pytest.approx(math.sqrt(SIZES[1] * SIZES[2]))


def test_one_miss_among_many_finds_changes_little() -> None:
    assert detection((5, 5, 12, 12), (0, 0, 12, 11)).size_found(0.9) < SIZES[2]


def test_what_is_never_found_has_no_size_and_what_always_is_has_the_smallest() -> None:
    assert detection((3, 3, 3), (0, 0, 1)).size_found(0.9) == math.inf
    assert Detection.unused(SIZES).size_found(0.9) == math.inf
    assert detection((3, 3, 3), (3, 3, 3)).size_found(0.9) == SIZES[0]


def test_trials_go_from_everywhere_to_where_it_is_decided() -> None:
    seen = Detection.unused(SIZES)
    assert seen.next_sizes(6, 0.9) == [0, 2, 4, 7, 9, 11]
    seen = seen.with_trials([(index, index >= 6) for index in range(12)])
    assert set(seen.next_sizes(6, 0.9)) == {5, 6, 7}
    seen = Detection.unused(SIZES).with_trials([(0, False), (11, True)])
    assert seen.next_sizes(2, 0.9) == [4, 7]
    assert max(Detection.unused(SIZES).with_trials([(10, False)]).next_sizes(6, 0.9)) == 11
    assert min(Detection.unused(SIZES).with_trials([(8, True)]).next_sizes(6, 0.9)) == 1


@pytest.mark.parametrize(("mu", "width"), [(0.004, 0.1), (0.008, 0.25)])
def test_the_size_found_nine_times_in_ten_comes_out_of_thirty_six_trials(mu: float, width: float) -> None:
    """Movements found with a logistic chance whose nine tenths are known."""
    true = mu * math.exp(width * math.log(9))
    sizes = []
    for seed in range(40):
        rng, seen = np.random.default_rng(seed), Detection.unused(SIZES)
        for _ in range(6):
            chances = {index: 1 / (1 + (mu / SIZES[index]) ** (1 / width)) for index in range(12)}
            seen = seen.with_trials([(index, rng.random() < chances[index]) for index in seen.next_sizes(6, 0.9)])
        sizes.append(seen.size_found(0.9))
    assert float(np.median(sizes)) == pytest.approx(true, rel=0.12)
    assert np.mean(np.abs(np.log(np.array(sizes) / true)) < 0.35) > 0.75


@pytest.mark.parametrize(
    ("sizes", "tried", "found"),
    [((0.1,), (1, 1), (0, 0)), ((), (), ()), ((0.2, 0.1), (1, 1), (0, 0)), ((0.0, 0.1), (1, 1), (0, 0)),
     ((0.1, 0.2), (1, 1), (2, 0)), ((0.1, 0.2), (1, 1), (-1, 0))],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(
    sizes: tuple[float, ...], tried: tuple[int, ...], found: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"size|found"):
        Detection(sizes, tried, found)
