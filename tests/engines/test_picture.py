import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calib.face import CROP, CROP_IOD, Floats, crop_landmarks, crop_transform, region_centres
from calib.phantom import PhantomFace
from engines.picture import SKETCH_SIDE, flow_colours, flow_overlay, flow_sketch

QUICK = settings(max_examples=40)


def uniform(degrees: float, length: float = 4.0, side: int = 24) -> Floats:
    """Counter-clockwise from right, up positive."""
    way = length * np.array([np.cos(np.radians(degrees)), -np.sin(np.radians(degrees))])
    return np.broadcast_to(way, (side, side, 2)).astype(np.float32)


def colour(flow: Floats, full_px: float | None = None) -> tuple[int, int, int]:
    """Blue, green, red of the first pixel."""
    b, g, r = (int(c) for c in flow_colours(flow, full_px)[0, 0])
    return b, g, r


def grey(side: int = 96) -> NDArray[np.uint8]:
    return np.full((side, side, 3), 130, np.uint8)


def test_stillness_is_white() -> None:
    still = flow_colours(np.zeros((8, 9, 2), np.float32))
    assert still.shape == (8, 9, 3)
    assert still.dtype == np.uint8
    assert (still == 255).all()


@pytest.mark.parametrize(
    ("degrees", "bgr"),
    [(0, (0, 0, 255)), (90, (0, 255, 128)), (180, (255, 255, 0)), (270, (255, 0, 128))],
    ids=["right is red", "up is green-yellow", "left is cyan", "down is violet"],
)
def test_the_hue_is_the_direction(degrees: float, bgr: tuple[int, int, int]) -> None:
    assert colour(uniform(degrees)) == pytest.approx(bgr, abs=6)


@QUICK
@given(st.floats(0, 360))
def test_the_hue_is_steady_all_around(degrees: float) -> None:
    here, beside = colour(uniform(degrees), 4.0), colour(uniform(degrees + 2), 4.0)
    assert here == pytest.approx(beside, abs=16)


def test_the_hue_does_not_break_where_the_circle_closes() -> None:
    flow = uniform(0).copy()
    flow[..., 1] = 1e-20  # a trace below right, which rounds to a full turn
    assert colour(flow) == pytest.approx((0, 0, 255), abs=6)


@QUICK
@given(st.floats(0, 360), st.floats(0.1, 3.9), st.floats(0.1, 2))
def test_the_longer_the_flow_the_fuller_the_colour(degrees: float, length: float, more: float) -> None:
    less, fuller = colour(uniform(degrees, length), 6.0), colour(uniform(degrees, length + more), 6.0)
    assert min(fuller) <= min(less)
    assert max(less) == max(fuller) == 255


def test_beyond_the_full_length_the_colour_stays() -> None:
    assert colour(uniform(30, 2.0), 2.0) == colour(uniform(30, 50.0), 2.0)


def test_a_trembling_picture_stays_pale() -> None:
    # Without a given scale half a pixel is shown in full colour, but not less.
    assert min(colour(uniform(0, 0.05))) > 220
    assert min(colour(uniform(0, 0.5))) < 5


def test_what_is_unknown_stays_white() -> None:
    flow = uniform(0).copy()
    flow[:5] = np.nan
    colours = flow_colours(flow)
    assert (colours[:5] == 255).all()
    assert (colours[5:] != 255).any(axis=-1).all()


def test_an_overlay_leaves_a_still_picture_alone() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 80, 3), dtype=np.uint8)
    before = image.copy()
    shown = flow_overlay(image, np.zeros((64, 80, 2), np.float32))
    assert shown.shape == image.shape
    assert shown.dtype == np.uint8
    assert np.array_equal(shown, image)
    assert np.array_equal(image, before)


def test_an_overlay_colours_what_moves_only() -> None:
    flow = np.zeros((96, 96, 2), np.float32)
    flow[32:64, 32:64, 0] = 3.0
    image = grey()
    shown = flow_overlay(image, flow)
    assert (shown[40:56, 40:56] != image[40:56, 40:56]).any(axis=-1).all()
    assert np.array_equal(shown[:, :16], image[:, :16])
    assert np.array_equal(image, grey())


def test_an_overlay_shows_unknown_flow_as_none() -> None:
    flow = np.full((96, 96, 2), np.nan, np.float32)
    flow[60:, 60:] = 2.0, 0.0
    shown = flow_overlay(grey(), flow)
    assert np.array_equal(shown[:40, :40], grey()[:40, :40])
    assert not np.array_equal(shown[60:, 60:], grey()[60:, 60:])


def test_arrows_point_where_the_flow_goes() -> None:
    # Arrows are the darkest thing on a light picture: from the tail at a grid point they reach right, never left.
    flow = np.zeros((96, 96, 2), np.float32)
    flow[45:51, 45:51, 0] = 3.0
    light = np.full((96, 96, 3), 240, np.uint8)
    dark = np.argwhere(flow_overlay(light, flow).max(axis=-1) < 150)
    assert len(dark) > 0
    assert dark[:, 1].max() > 50
    assert dark[:, 1].min() >= 43


def drawn(portrait: PhantomFace, flow: Floats) -> NDArray[np.uint8]:
    """A sketch of a flow on the portrait's crop."""
    landmarks = crop_landmarks(crop_transform(portrait.landmarks), portrait.landmarks)
    return np.asarray(cv2.imdecode(np.frombuffer(flow_sketch(flow, landmarks), np.uint8), cv2.IMREAD_COLOR), np.uint8)


def test_a_sketch_is_white_where_nothing_moves_and_outside_the_face(portrait: PhantomFace) -> None:
    still = drawn(portrait, np.zeros((CROP, CROP, 2), np.float32))
    assert still.shape == (SKETCH_SIDE, SKETCH_SIDE, 3)
    # Only grey lines on white.
    assert int((still.max(axis=2) - still.min(axis=2)).max()) == 0
    assert (still == 255).mean() > 0.8
    everywhere = drawn(portrait, uniform(0, 4.0, CROP))
    assert (everywhere[:3] == 255).all()
    assert (
        everywhere[SKETCH_SIDE // 2, SKETCH_SIDE // 2, 2] > 250 > 60 > everywhere[SKETCH_SIDE // 2, SKETCH_SIDE // 2, 0]
    )


def test_a_sketch_shows_a_movement_where_it_is(portrait: PhantomFace) -> None:
    landmarks = crop_landmarks(crop_transform(portrait.landmarks), portrait.landmarks)
    x, y = region_centres(landmarks)[18]
    away = np.hypot(np.arange(CROP)[None] - x, np.arange(CROP)[:, None] - y)
    flow = np.zeros((CROP, CROP, 2), np.float32)
    flow[..., 1] = -4 * np.exp(-((away / (0.1 * CROP_IOD)) ** 2))
    picture = drawn(portrait, flow).astype(int)
    colourful = picture.max(axis=2) - picture.min(axis=2)
    row, column = (float((colourful * at).sum() / colourful.sum()) for at in np.indices(colourful.shape))
    scale = CROP / SKETCH_SIDE
    assert np.hypot(column * scale - x, row * scale - y) < 0.1 * CROP_IOD
