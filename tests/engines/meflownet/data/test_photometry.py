from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calib.face import Floats
from engines.meflownet.data.photometry import Photometry, PhotometryConfig, _line

Image = NDArray[np.uint8]
OFF = PhotometryConfig(tone=False, gain=0, bias=0, shadow=0, noise=(1e-6, 1e-6), grey_noise=0, blur=0, motion_blur=0,
                       rescaled=0, jpeg=0, video=0)  # fmt: skip
SIZE = (180, 220)


@pytest.fixture(scope="module")
def tile() -> Floats:
    return np.random.default_rng(5).standard_normal((400, 400, 3), np.float32)


def frame(seed: int = 0) -> Image:
    """A textured picture whose levels stay far from black and white."""
    rough = np.random.default_rng(seed).integers(70, 180, (12, 15, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(rough, SIZE[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def flat(level: int = 128) -> Image:
    return np.full((*SIZE, 3), level, np.uint8)


def disturbed(tile: Floats, first: Image, second: Image, seed: int = 0, **changes: Any) -> tuple[Image, Image]:
    return Photometry(replace(OFF, **changes), np.random.default_rng(seed), tile)(first, second)


def detail(image: Image) -> float:
    return float(np.abs(cv2.Laplacian(image.astype(np.float32), cv2.CV_32F)).mean())


def test_with_everything_off_the_frames_come_out_unchanged(tile: Floats) -> None:
    first, second = frame(0), frame(1)
    for seed in range(4):
        assert np.array_equal(disturbed(tile, first, second, seed), (first, second))


@pytest.mark.parametrize("sigma", [1.0, 3.0, 5.0])
def test_noise_is_as_strong_as_asked_and_of_its_own_in_every_frame(tile: Floats, sigma: float) -> None:
    first, second = disturbed(tile, flat(), flat(), noise=(sigma, sigma))
    for noisy in (first, second):
        assert noisy.mean() == pytest.approx(128, abs=0.1)
        assert (noisy.astype(np.float64) - 128).std() == pytest.approx((sigma**2 + 1 / 12) ** 0.5, rel=0.03)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.05


def test_noise_lies_between_its_bounds(tile: Floats) -> None:
    sigmas = [disturbed(tile, flat(), flat(), seed, noise=(1.0, 4.0))[0].std() for seed in range(30)]
    assert 0.9 < min(sigmas) < 1.5
    assert 3 < max(sigmas) < 4.2


@pytest.mark.parametrize("grey", [0, 1])
def test_noise_is_grey_or_coloured(tile: Floats, grey: int) -> None:
    blue, green, _ = cv2.split(disturbed(tile, flat(), flat(), noise=(4, 4), grey_noise=grey)[0])
    assert np.corrcoef(blue.ravel(), green.ravel())[0, 1] == pytest.approx(grey, abs=0.05)


def test_noise_neither_wraps_around_nor_folds_at_black_and_white(tile: Floats) -> None:
    dark, bright = disturbed(tile, flat(0), flat(255), noise=(5, 5))
    assert 0 < dark.max() < 40
    assert (dark == 0).mean() > 0.5
    assert 215 < bright.min() < 255
    assert (bright == 255).mean() > 0.45


def test_the_light_changes_between_the_frames_only(tile: Floats) -> None:
    gains, biases = [], []
    for seed in range(30):
        first, second = disturbed(tile, frame(), frame(), seed, gain=0.03, bias=2.0)
        assert np.array_equal(first, frame())
        gain, bias = np.polyfit(first.ravel().astype(np.float64), second.ravel().astype(np.float64), 1)
        gains.append(gain)
        biases.append(bias)
    assert 0.015 < np.std(gains) < 0.05
    assert 1 < np.std(biases) < 3.5


def test_tone_is_one_map_of_grey_levels_for_both_frames(tile: Floats) -> None:
    for seed in range(5):
        first, second = disturbed(tile, frame(), frame(), seed, tone=True)
        assert np.array_equal(first, second)
        assert not np.array_equal(first, frame())
        for channel in range(3):
            levels = frame()[..., channel].ravel()
            assert (np.diff(first[..., channel].ravel()[np.argsort(levels)].astype(int)) >= 0).all()


def test_a_shadow_darkens_a_part_of_the_second_frame(tile: Floats) -> None:
    for seed in range(5):
        first, second = disturbed(tile, flat(200), flat(200), seed, shadow=1)
        assert np.array_equal(first, flat(200))
        assert second.max() <= 200
        assert 0.7 * 200 < second.min() < 200
        assert np.ptp(second.astype(int).min(axis=2)) > 2


@pytest.mark.parametrize("kind", ["blur", "rescaled"])
def test_a_picture_out_of_focus_loses_detail_in_both_frames(tile: Floats, kind: str) -> None:
    sharp = cv2.randu(np.empty((*SIZE, 3), np.uint8), 60, 190)
    first, second = disturbed(tile, np.asarray(sharp, np.uint8), np.asarray(sharp, np.uint8), **{kind: 1})
    assert np.array_equal(first, second)
    assert detail(first) < 0.9 * detail(np.asarray(sharp, np.uint8))
    assert first.mean() == pytest.approx(sharp.mean(), abs=1)


def test_motion_blurs_the_second_frame_and_does_not_shift_it(tile: Floats) -> None:
    dot = flat(40)
    dot[90, 110] = 240
    for seed in range(5):
        first, second = disturbed(tile, dot, dot, seed, motion_blur=1)
        assert np.array_equal(first, dot)
        weight = second[..., 0].astype(np.float64) - 40
        ys, xs = np.mgrid[: SIZE[0], : SIZE[1]]
        assert second.max() < 240
        assert (weight * xs).sum() / weight.sum() == pytest.approx(110, abs=0.2)
        assert (weight * ys).sum() / weight.sum() == pytest.approx(90, abs=0.2)


@pytest.mark.parametrize("angle", [0.0, 0.7, np.pi / 2])
def test_a_line_smears_along_itself(angle: float) -> None:
    kernel = _line(4.0, angle)
    assert kernel.sum() == pytest.approx(1, abs=1e-6)
    assert kernel.min() >= 0
    assert np.allclose(kernel, kernel[::-1, ::-1])
    y, x = np.mgrid[-3:4, -3:4]
    along, across = np.cos(angle) * x + np.sin(angle) * y, -np.sin(angle) * x + np.cos(angle) * y
    assert (kernel * along**2).sum() > 3 * (kernel * across**2).sum()


@pytest.mark.parametrize("kind", ["jpeg", "video"])
def test_a_codec_changes_the_picture_a_little(tile: Floats, kind: str) -> None:
    first, second = frame(0), cv2.convertScaleAbs(frame(0), alpha=1.05)
    for seed in range(4):
        coded = disturbed(tile, first, np.asarray(second, np.uint8), seed, **{kind: 1})
        for found, wanted in zip(coded, (first, second), strict=True):
            apart = np.abs(found.astype(int) - wanted).mean()
            assert 0 < apart < 6


def test_all_together_give_frames_of_the_same_kind_and_the_same_ones_for_a_seed(tile: Floats) -> None:
    everything = PhotometryConfig(shadow=1, blur=1, motion_blur=1, rescaled=1, jpeg=0.5, video=1)
    for seed in range(4):
        draws = [Photometry(everything, np.random.default_rng(seed), tile)(frame(0), frame(1)) for _ in range(2)]
        assert np.array_equal(draws[0], draws[1])
        for image in draws[0]:
            assert image.shape == (*SIZE, 3)
            assert image.dtype == np.uint8
            assert image.std() > 2


def test_the_callers_frames_are_left_alone(tile: Floats) -> None:
    first, second = frame(0), frame(1)
    Photometry(PhotometryConfig(), np.random.default_rng(0), tile)(first, second)
    assert np.array_equal(first, frame(0))
    assert np.array_equal(second, frame(1))
