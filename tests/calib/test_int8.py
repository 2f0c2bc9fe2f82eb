import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calib.face import CROP, Doubles, crop_transform
from calib.int8 import Crop, calibration_pairs
from calib.phantom import PhantomFace


@pytest.fixture(scope="module")
def pairs(portrait: PhantomFace) -> list[tuple[Crop, Crop]]:
    return calibration_pairs(portrait, 4)


def grain(crop: Crop) -> float:
    """How much neighbouring pixels of the forehead differ beyond a slope, relative to its brightness."""
    patch = crop[60:90, 100:156].astype(np.float64)
    return float(np.abs(np.diff(patch, 2, axis=1)).mean() / patch.mean())


def test_pairs_are_crops_as_engines_take_them(pairs: list[tuple[Crop, Crop]]) -> None:
    assert len(pairs) == 4
    for crop in (crop for pair in pairs for crop in pair):
        assert crop.shape == (CROP, CROP, 3)
        assert crop.dtype == np.uint8
        assert crop.flags.c_contiguous


def test_they_show_the_face_in_its_canonical_place_in_rgb(
    portrait: PhantomFace, pairs: list[tuple[Crop, Crop]]
) -> None:
    plain = cv2.warpAffine(portrait.photo, crop_transform(portrait.landmarks), (CROP, CROP))[..., ::-1]

    def tone(crop: NDArray[np.uint8]) -> Doubles:
        return np.asarray(cv2.GaussianBlur(crop, (0, 0), 2)[60:200, 70:190], np.float64)

    for first, second in pairs:
        for crop, alike in ((first, 0.95), (second, 0.7)):
            assert np.corrcoef(tone(crop).ravel(), tone(np.ascontiguousarray(plain)).ravel())[0, 1] > alike
        red, _, blue = tone(first).mean(axis=(0, 1))
        assert red > blue


def test_the_same_seed_gives_the_same_pairs_and_another_one_others(
    portrait: PhantomFace, pairs: list[tuple[Crop, Crop]]
) -> None:
    again, other = calibration_pairs(portrait, 4), calibration_pairs(portrait, 4, seed=1)
    for pair, same, different in zip(pairs, again, other, strict=True):
        assert np.array_equal(pair, same)
        assert not np.array_equal(pair, different)


def test_movement_and_noise_grow_from_the_first_pair_to_the_last(pairs: list[tuple[Crop, Crop]]) -> None:
    def change(pair: tuple[Crop, Crop]) -> float:
        first, second = (cv2.GaussianBlur(crop, (0, 0), 2).astype(np.float64) for crop in pair)
        return float(np.abs(second / second.mean() - first / first.mean()).mean())

    assert 0 < change(pairs[0]) < 0.5 * change(pairs[-1])
    assert grain(pairs[0][0]) < 0.8 * grain(pairs[-1][0])


def test_dark_and_light_pictures_are_among_them(pairs: list[tuple[Crop, Crop]]) -> None:
    brightness = [first.mean() for first, _ in pairs]
    assert max(brightness) > 1.3 * min(brightness)


@pytest.mark.parametrize("count", [0, 1])
def test_few_pairs_are_no_error(portrait: PhantomFace, count: int) -> None:
    assert len(calibration_pairs(portrait, count)) == count
