import numpy as np
import pytest
from numpy.typing import NDArray

from calib.halved import halved


@pytest.fixture(scope="module")
def image() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)


@pytest.mark.parametrize("most_px", [160, 161, 1000])
def test_an_image_that_is_small_enough_is_left_alone(image: NDArray[np.uint8], most_px: int) -> None:
    assert halved(image, most_px) is image


@pytest.mark.parametrize(("most_px", "times"), [(159, 2), (80, 2), (79, 4), (40, 4)])
def test_it_is_halved_as_often_as_need_be_and_no_more(image: NDArray[np.uint8], most_px: int, times: int) -> None:
    assert halved(image, most_px).shape == (90 // times, 160 // times, 3)


def test_pixels_are_means_of_two_by_two(image: NDArray[np.uint8]) -> None:
    means = image.reshape(45, 2, 80, 2, 3).mean(axis=(1, 3))
    assert np.abs(halved(image, 80) - means).max() <= 0.5


def test_no_side_ends_at_nothing() -> None:
    assert halved(np.full((2, 500, 3), 7, np.uint8), 10).tolist() == [[[7, 7, 7]] * 7]
