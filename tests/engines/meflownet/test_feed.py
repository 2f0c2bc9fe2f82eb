import numpy as np
import pytest

pytest.importorskip("torch")

from calib.phantom import PhantomFace
from engines.meflownet.data import PairMaker, Person
from engines.meflownet.feed import PairFeed


@pytest.fixture(scope="module")
def maker(portrait: PhantomFace) -> PairMaker:
    return PairMaker([Person("one", portrait.photo, portrait.landmarks)], seed=3)


@pytest.mark.parametrize("workers", [0, 2])
def test_pairs_come_in_the_order_of_their_numbers(maker: PairMaker, workers: int) -> None:
    with PairFeed(maker, 5, workers) as feed:
        taken = feed.take(2, 2) + feed.take(1, 1)
    for number, pair in enumerate(taken, 5):
        assert np.array_equal(pair.second, maker.pair(number).second)


def test_nobody_waits_for_pairs_that_are_not_needed(maker: PairMaker) -> None:
    with PairFeed(maker, 0, 1) as feed:
        assert len(feed.take(10_000, 1)) < 10_000


class Broken:
    def pair(self, number: int) -> None:
        raise ValueError(f"pair {number} cannot be made")


def test_what_goes_wrong_in_a_process_is_told() -> None:
    with PairFeed(Broken(), 3, 1) as feed, pytest.raises(ValueError, match="pair 3 cannot be made"):  # type: ignore[arg-type]
        feed.take(1, 1)
