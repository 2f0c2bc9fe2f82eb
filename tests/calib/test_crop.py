"""The canonical crop of a picture: in its place at every size, without aliasing, with little noise."""

import numpy as np
import pytest
from numpy.typing import NDArray

from calib.crop import cut_crop, rgb_crop
from calib.face import CROP, Doubles, invert_transform, transform_points

GRID = np.stack(np.meshgrid(np.arange(CROP), np.arange(CROP)), axis=-1).astype(np.float64)
SCALES = [0.15, 0.3, 0.34, 0.49, 0.51, 0.77, 1.0, 1.3]
"""Crop px to a pixel of the image: faces of 60 to 500 px between the eyes."""


def placed(scale: float, side: int = 1200, middle: float = 600.0, turn: float = 0.1) -> tuple[tuple[int, int], Doubles]:
    """Size of an image and the transform of a crop whose middle lies at a place on its diagonal."""
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shift = np.array([CROP / 2, CROP / 2]) - rotation @ np.array([middle, middle])
    return (side, side), np.hstack([rotation, shift[:, None]])


def ramps(size: tuple[int, int]) -> NDArray[np.uint8]:
    """Slow waves along x, y and across: smooth at any scale."""
    y, x = np.mgrid[: size[0], : size[1]]
    return np.stack(waves(x, y), axis=-1).astype(np.uint8)


def waves(x: Doubles, y: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    return 128 + 100 * np.sin(x / 60), 128 + 100 * np.sin(y / 60), 128 + 100 * np.sin((x + y) / 90)


@pytest.mark.parametrize("scale", SCALES)
def test_every_pixel_shows_the_place_that_the_transform_says(scale: float) -> None:
    size, transform = placed(scale, side=1900, middle=950)
    crop = cut_crop(ramps(size), transform)
    assert crop.shape == (CROP, CROP, 3)
    there = transform_points(invert_transform(transform), GRID)
    truth = np.stack(waves(there[..., 0], there[..., 1]), axis=-1)
    # What averaging flattens of a wave is smaller than what a tenth of a pixel would shift it.
    assert np.abs(crop - truth)[4:-4, 4:-4].mean() < 2.5


@pytest.mark.parametrize("scale", SCALES)
def test_a_shift_of_the_image_is_a_shift_of_the_crop(scale: float) -> None:
    """Sub-pixel places hold: a picture moved by whole pixels and its transform with it give the same crop."""
    size, transform = placed(scale, side=2600, middle=1300)
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    moved = np.hstack([transform[:, :2], transform[:, 2:] + transform[:, :2] @ np.array([[12.0], [-24.0]])])
    same = cut_crop(np.roll(noise, (24, -12), axis=(0, 1)), moved)
    assert np.abs(same.astype(int) - cut_crop(noise, transform))[4:-4, 4:-4].max() <= 1


@pytest.mark.parametrize("scale", [0.15, 0.3, 0.49])
def test_what_is_finer_than_the_crop_is_averaged(scale: float) -> None:
    size, transform = placed(scale)
    stripes = np.zeros((*size, 3), np.uint8)
    stripes[:, ::2] = 255
    assert cut_crop(stripes, transform)[20:-20, 20:-20].std() < 20  # nearly the average grey, no moiré


@pytest.mark.parametrize("scale", [0.15, 0.3, 0.49, 0.77])
def test_noise_is_averaged_with_the_pixels(scale: float) -> None:
    size, transform = placed(scale)
    noisy = (128 + 20 * np.random.default_rng(1).standard_normal((*size, 3))).astype(np.uint8)
    assert cut_crop(noisy, transform)[20:-20, 20:-20].std() < 1.3 * 20 * scale


def test_a_bgr_picture_gives_the_same_crop_in_rgb() -> None:
    size, transform = placed(0.5)
    bgr = ramps(size)
    crop = rgb_crop(bgr, transform)
    assert crop.flags.c_contiguous
    assert np.array_equal(crop[..., ::-1], cut_crop(bgr, transform))


@pytest.mark.parametrize("scale", [0.2, 0.7, 1.2])
@pytest.mark.parametrize(("side", "middle"), [(40, 20.0), (300, -2000.0), (300, 2000.0), (1, 0.0)])
def test_beyond_the_image_its_edge_is_repeated(scale: float, side: int, middle: float) -> None:
    size, transform = placed(scale, side, middle)
    crop = cut_crop(np.full((*size, 3), 77, np.uint8), transform)
    assert crop.shape == (CROP, CROP, 3)
    assert (crop == 77).all()
