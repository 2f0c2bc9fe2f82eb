import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calib.face import FACE_OVAL, LOWER_LIDS, UPPER_LIDS, inter_ocular_distance
from calib.phantom import PhantomFace
from engines.meflownet.data.appearance import AppearanceConfig, Image, Mask, altered

NOTHING = AppearanceConfig(mouth=0, eyes=0, creases=0)
MOUTH, EYES, CREASES = (AppearanceConfig(*shares) for shares in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))


def drawn(face: PhantomFace, config: AppearanceConfig, seed: int = 0) -> tuple[Image, Mask]:
    return altered(face.photo, face.landmarks, config, np.random.default_rng(seed))


def changed(face: PhantomFace, photo: Image) -> NDArray[np.int_]:
    """How much every pixel changed, grey levels."""
    return np.asarray(np.abs(photo.astype(int) - face.photo).max(axis=2))


def test_a_plain_photo_is_left_as_it_is(portrait: PhantomFace) -> None:
    photo, covered = drawn(portrait, NOTHING)
    assert np.array_equal(photo, portrait.photo)
    assert not covered.any()


@pytest.mark.parametrize("config", [MOUTH, EYES, CREASES], ids=["mouth", "eyes", "creases"])
def test_the_callers_photo_is_not_painted_on(portrait: PhantomFace, config: AppearanceConfig) -> None:
    before = portrait.photo.copy()
    photo, covered = drawn(portrait, config)
    assert np.array_equal(portrait.photo, before)
    assert photo.shape == before.shape
    assert photo.dtype == np.uint8
    assert covered.shape == before.shape[:2]
    assert covered.dtype == np.float32
    assert changed(portrait, photo).max() > 8


@pytest.mark.parametrize("config", [MOUTH, EYES], ids=["mouth", "eyes"])
@pytest.mark.parametrize("seed", range(3))
def test_what_was_painted_over_is_told_and_little_else_changes(
    portrait: PhantomFace, config: AppearanceConfig, seed: int
) -> None:
    photo, covered = drawn(portrait, config, seed)
    iod = inter_ocular_distance(portrait.landmarks)
    assert set(np.unique(covered)) == {0, 1}
    near = cv2.dilate(covered, np.ones((2 * round(0.07 * iod) + 1,) * 2))
    assert changed(portrait, photo)[near == 0].max() == 0
    assert changed(portrait, photo)[covered > 0].mean() > 5


def test_both_eyes_are_closed_where_they_are(portrait: PhantomFace) -> None:
    _, covered = drawn(portrait, EYES)
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        x, y = np.round(portrait.landmarks[[upper[4], lower[4]], :2].mean(axis=0)).astype(int)
        assert covered[y, x] == 1
    x, y = np.round(portrait.landmarks[168, :2]).astype(int)
    assert covered[y, x] == 0


def test_mouths_are_opened_between_the_lips_and_differ(portrait: PhantomFace) -> None:
    x, y = np.round(portrait.landmarks[[13, 14], :2].mean(axis=0)).astype(int)
    sizes, tones = set(), set()
    for seed in range(8):
        photo, covered = drawn(portrait, MOUTH, seed)
        assert covered[y, x] == 1
        sizes.add(int(covered.sum()))
        tones.add(tuple(photo[y, x].tolist()))
    assert len(sizes) > 4
    assert len(tones) > 4


def test_creases_shade_the_face_softly_and_cover_nothing(portrait: PhantomFace) -> None:
    low, high = (f(portrait.landmarks[list(FACE_OVAL), :2], axis=0) for f in (np.min, np.max))
    for seed in range(4):
        photo, covered = drawn(portrait, CREASES, seed)
        assert not covered.any()
        change = changed(portrait, photo)
        row, column = np.unravel_index(change.argmax(), change.shape)
        assert (low - 40 < [column, row]).all()
        assert ([column, row] < high + 40).all()
        assert np.percentile(change, 50) <= 1


def test_changes_come_as_often_as_asked_and_the_same_for_a_seed(portrait: PhantomFace) -> None:
    some = AppearanceConfig(mouth=0.5, eyes=0, creases=0)
    opened = [bool(drawn(portrait, some, seed)[1].any()) for seed in range(30)]
    assert 0.25 < np.mean(opened) < 0.75
    one, same = (drawn(portrait, AppearanceConfig(1, 1, 1), 3) for _ in range(2))
    assert np.array_equal(one[0], same[0])
    assert np.array_equal(one[1], same[1])
