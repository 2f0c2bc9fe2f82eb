import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from calib.face import LANDMARKS, Floats, eye_centres, eye_opening, inter_ocular_distance, region_centres
from calib.phantom.face import PhantomFace, portrait

QUICK = settings(max_examples=15)


def sampled(image: NDArray[np.uint8], points: Floats) -> NDArray[np.float64]:
    """The pixels under some points, (n, 3)."""
    where = points[None, :, :2].astype(np.float32)
    return np.asarray(cv2.remap(image.astype(np.float32), where, None, cv2.INTER_LINEAR)[0], dtype=np.float64)


def ramp(mesh: Floats) -> PhantomFace:
    """A picture whose colour says where it is, so that what lies under a mesh point is known to a pixel."""
    x, y = np.meshgrid(np.arange(512), np.arange(512))
    return PhantomFace(np.stack([x // 2, y // 2, np.full_like(x, 90)], axis=-1).astype(np.uint8), mesh)


def test_the_portrait_is_a_face_with_its_mesh_points_in_the_picture() -> None:
    face = portrait()
    height, width = face.photo.shape[:2]
    assert face.landmarks.shape == (LANDMARKS, 3)
    assert face.landmarks.dtype == np.float32
    assert face.landmarks[:, :2].min() > 0
    assert (face.landmarks[:, :2].max(axis=0) < [width, height]).all()
    assert min(eye_opening(face.landmarks)) > 0.2


def test_the_portrait_is_bgr(portrait: PhantomFace) -> None:
    # Skin is redder than blue.
    cheeks = sampled(portrait.photo, region_centres(portrait.landmarks)[-2:].astype(np.float32))
    assert (cheeks[:, 2] > cheeks[:, 0] + 20).all()


def test_the_portraits_pupils_are_darker_than_its_cheeks(portrait: PhantomFace) -> None:
    pupils = sampled(portrait.photo, portrait.landmarks[[468, 473]])
    cheeks = sampled(portrait.photo, region_centres(portrait.landmarks)[-2:].astype(np.float32))
    assert pupils.mean() < 0.6 * cheeks.mean()


@QUICK
@given(st.integers(64, 900), st.integers(64, 700), st.floats(15, 250), st.floats(0.3, 0.7), st.floats(0.3, 0.7))
def test_a_placed_face_has_its_eyes_where_asked(
    portrait: PhantomFace, width: int, height: int, iod: float, across: float, down: float
) -> None:
    placed = portrait.placed(width, height, iod, (across, down))
    left, right = eye_centres(placed.landmarks)
    assert placed.photo.shape == (height, width, 3)
    assert inter_ocular_distance(placed.landmarks) == pytest.approx(iod, rel=1e-4)
    assert (left + right) / 2 == pytest.approx([across * width, down * height], abs=0.02)


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.1, 3.0])
def test_the_picture_goes_along_with_the_mesh_points(portrait: PhantomFace, scale: float) -> None:
    face = ramp(portrait.landmarks)
    placed = face.placed(640, 480, scale * inter_ocular_distance(face.landmarks))
    before, after = sampled(face.photo, face.landmarks), sampled(placed.photo, placed.landmarks)
    # One grey level is two pixels of the picture. An enlarged picture has some grain on top.
    assert np.abs(after - before).mean() < (1.0 if scale < 1.2 else 3.5)
    assert np.abs((after - before).mean(axis=0)).max() < 1.0


def test_a_reduced_picture_is_averaged_and_does_not_alias(portrait: PhantomFace) -> None:
    grain = np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    quarter = inter_ocular_distance(portrait.landmarks) / 4
    placed = PhantomFace(grain, portrait.landmarks).placed(64, 64, quarter).photo
    # Every pixel shows 16 pixels of the photo: the mean of 16 has a quarter of their spread.
    assert placed.std() < 0.4 * grain.std()


def test_depth_keeps_its_proportion(portrait: PhantomFace) -> None:
    placed = portrait.placed(640, 480, 100.0)
    scale = 100.0 / inter_ocular_distance(portrait.landmarks)
    assert placed.landmarks[:, 2] == pytest.approx(scale * portrait.landmarks[:, 2], rel=1e-4, abs=1e-3)


def test_an_enlarged_face_gets_grain_and_a_reduced_one_does_not(portrait: PhantomFace) -> None:
    flat = PhantomFace(np.full((512, 512, 3), 120, np.uint8), portrait.landmarks)
    iod = inter_ocular_distance(portrait.landmarks)
    assert flat.placed(400, 400, 0.8 * iod).photo.std() == 0.0
    enlarged = flat.placed(400, 400, 2.0 * iod).photo
    assert enlarged.std() == pytest.approx(3.0, abs=0.3)
    assert enlarged.mean() == pytest.approx(120, abs=1)


def test_placing_is_repeatable(portrait: PhantomFace) -> None:
    assert np.array_equal(portrait.placed(320, 240, 80.0).photo, portrait.placed(320, 240, 80.0).photo)


@pytest.mark.parametrize(
    ("shape", "kind"), [((64, 64), np.uint8), ((64, 64, 4), np.uint8), ((64, 64, 1), np.uint8), ((64, 64, 3), float)]
)
def test_a_photo_of_another_kind_is_refused(portrait: PhantomFace, shape: tuple[int, ...], kind: type) -> None:
    with pytest.raises(ValueError, match=r"photo must be \(H, W, 3\) uint8"):
        PhantomFace(np.zeros(shape, kind), portrait.landmarks)


@pytest.mark.parametrize("shape", [(468, 3), (478, 2), (3, 478), (478,)])
def test_another_mesh_is_refused(portrait: PhantomFace, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"landmarks must be \(478, 3\)"):
        PhantomFace(portrait.photo, np.zeros(shape, np.float32))
