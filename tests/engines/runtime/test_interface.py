import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.face import CROP
from calib.phantom import PhantomFace
from engines.runtime.interface import CropError, EngineError, check_crop
from tests.engines.scenes import scene


def tone(level: int) -> str:
    return "black" if level < 16 else "saturated" if level > 239 else "flat tone"


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 255))
def test_a_crop_of_one_tone_is_refused_by_its_name(level: int) -> None:
    with pytest.raises(CropError, match=tone(level)):
        check_crop(np.full((CROP, CROP, 3), level, np.uint8))


@pytest.mark.parametrize("level", [0, 120, 252])
def test_so_is_one_that_hardly_varies(level: int) -> None:
    flicker = np.random.default_rng(0).integers(0, 3, (CROP, CROP, 3))
    with pytest.raises(CropError, match=f"{tone(level)}.*nothing to follow"):
        check_crop((level + flicker).astype(np.uint8))


def test_a_bright_border_does_not_save_a_black_crop() -> None:
    covered = np.zeros((CROP, CROP, 3), np.uint8)
    covered[:20] = covered[:, -20:] = 255
    with pytest.raises(CropError, match="black"):
        check_crop(covered)


@pytest.mark.parametrize("shape", [(CROP, CROP), (CROP, CROP, 1), (CROP, CROP, 4), (3, CROP, CROP), (128, 128, 3),
                                   (CROP, CROP + 1, 3), (0, 0, 3), (1, CROP, CROP, 3)])  # fmt: skip
def test_another_shape_is_refused_with_what_was_expected(shape: tuple[int, ...]) -> None:
    with pytest.raises(CropError, match=r"must be \(256, 256, 3\) uint8, not ") as caught:
        check_crop(np.zeros(shape, np.uint8))
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16, np.bool_])
def test_another_type_is_refused_by_its_name(kind: type) -> None:
    with pytest.raises(CropError, match=np.dtype(kind).name):
        check_crop(np.ones((CROP, CROP, 3), kind))


@pytest.mark.parametrize("brightness", [0.15, 1.0, 1.3])
def test_a_face_passes_in_the_dark_and_in_the_light(portrait: PhantomFace, brightness: float) -> None:
    crop = np.clip(scene(portrait, ("AU12", 0.02)).first * brightness, 0, 255).astype(np.uint8)
    check_crop(crop)
    assert crop.std() > 2


def test_a_bad_crop_is_a_bad_value_and_a_missing_engine_is_not() -> None:
    assert issubclass(CropError, ValueError)
    assert not issubclass(EngineError, ValueError)
