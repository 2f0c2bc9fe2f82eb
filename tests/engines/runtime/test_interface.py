from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calib.face import CROP, Floats
from calib.phantom import PhantomFace
from engines.grid import CELLS
from engines.runtime.interface import (
    CropError,
    EngineError,
    FlowFields,
    Guessed,
    check_crop,
    encode_all,
    encode_each,
    flow_all,
    follow_all,
)
from tests.engines.scenes import scene


def tone(level: int) -> str:
    return "black" if level < 16 else "saturated" if level > 239 else "flat tone"


@settings(max_examples=40)
@given(st.integers(0, 255))
def test_a_crop_of_one_tone_is_refused_by_its_name(level: int) -> None:
    with pytest.raises(CropError, match=tone(level)):
        check_crop(np.full((CROP, CROP, 3), level, np.uint8))


@pytest.mark.parametrize("level", [0, 120, 252])
def test_so_is_one_that_hardly_varies(level: int) -> None:
    flicker = np.random.default_rng(0).integers(0, 3, (CROP, CROP, 3))
    with pytest.raises(CropError, match=f"{tone(level)}.*nothing to follow"):
        check_crop((level + flicker).astype(np.uint8))


@pytest.mark.parametrize("place", [(64, 64), (128, 64), (128, 96), (128, 188), (188, 188)])
def test_one_place_that_differs_is_something_to_see(place: tuple[int, int]) -> None:
    crop = np.full((256, 256, 3), 100, np.uint8)
    crop[place][1] = 104
    check_crop(crop)
    crop[place][1] = 103
    with pytest.raises(CropError, match="flat tone"):
        check_crop(crop)


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


class Single:
    """An engine that takes one at a time."""

    name = "single"

    def encode(self, crop: NDArray[np.uint8]) -> int:
        if not crop.any():
            raise CropError("black")
        return int(crop[0, 0, 0])

    def flow(self, first: int, second: int) -> FlowFields:
        return FlowFields(np.full((CROP, CROP, 2), second - first, np.float32), None)

    def follow(self, first: int, second: int, guess: Floats) -> FlowFields:
        return FlowFields(guess + (second - first), None)

    def close(self) -> None:
        """Nothing to release."""


class Several(Single):
    """An engine that takes several, and counts how often it is asked."""

    asked = 0

    def encode_many(self, crops: Sequence[NDArray[np.uint8]]) -> list[int]:
        self.asked += 1
        return [self.encode(crop) for crop in crops]

    def flow_many(self, pairs: Sequence[tuple[int, int]]) -> list[FlowFields]:
        self.asked += 1
        return [self.flow(*pair) for pair in pairs]

    def follow_many(self, guessed: Sequence[Guessed]) -> list[FlowFields]:
        self.asked += 1
        return [self.follow(*one) for one in guessed]


@pytest.mark.parametrize("engine", [Single(), Several()])
def test_several_crops_and_pairs_go_at_once_where_that_can_be(engine: Single) -> None:
    crops = [np.full((CROP, CROP, 3), tone, np.uint8) for tone in (3, 10, 4)]
    encoded = encode_all(engine, crops)
    assert encoded == [3, 10, 4]
    fields = flow_all(engine, [(3, 10), (10, 4)])
    assert [float(f.facial.max()) for f in fields] == [7, -6]
    guesses = [np.full((CELLS, CELLS, 2), start, np.float32) for start in (1.0, 2.0)]
    followed = follow_all(engine, [(3, 10, guesses[0]), (10, 4, guesses[1])])
    assert [float(f.found.max()) for f in followed] == [8, -4]
    assert getattr(engine, "asked", 3) == 3


@pytest.mark.parametrize("engine", [Single(), Several()])
def test_a_crop_that_cannot_be_measured_costs_only_itself(engine: Single) -> None:
    crops = [np.full((CROP, CROP, 3), tone, np.uint8) for tone in (3, 0, 4)]
    with pytest.raises(CropError):
        encode_all(engine, crops)
    first, black, third = encode_each(engine, crops)
    assert (first, third) == (3, 4)
    assert isinstance(black, CropError)
    assert encode_each(engine, crops[::2]) == [3, 4]
    assert encode_each(engine, []) == []
