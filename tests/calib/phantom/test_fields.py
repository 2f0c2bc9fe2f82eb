import numpy as np
import pytest

from calib.face import FACE_OVAL, STABLE_POINTS, Doubles, Floats, crop_landmarks, region_centres
from calib.facs import ACTION_UNITS, pattern
from calib.phantom import PhantomFace
from calib.phantom.fields import FieldMaker

CODES = [f"AU{u.number}" for u in ACTION_UNITS] + [f"{s}AU{u.number}" for u in ACTION_UNITS if u.sided for s in "LR"]
SIDE = 256
IOD = 70.0
LARGEST_IOD = 0.08
"""The largest amplitude of the demo."""


@pytest.fixture(scope="module")
def landmarks(portrait: PhantomFace) -> Floats:
    return portrait.placed(SIDE, SIDE, IOD).landmarks


@pytest.fixture(scope="module")
def maker(landmarks: Floats) -> FieldMaker:
    return FieldMaker(landmarks, SIDE, SIDE)


def at(field: Floats, points: Doubles | Floats) -> Doubles:
    """The field at some points, in inter-ocular distances."""
    x, y = np.round(points[:, :2]).astype(int).clip(0, SIDE - 1).T
    return np.asarray(field[y, x], dtype=np.float64) / IOD


@pytest.mark.parametrize("code", CODES)
def test_the_strongest_region_moves_by_one_inter_ocular_distance(
    maker: FieldMaker, landmarks: Floats, code: str
) -> None:
    field = maker.field(code)
    assert field.shape == (SIDE, SIDE, 2)
    assert field.dtype == np.float32
    assert np.hypot(*at(field, region_centres(landmarks)).T).max() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("code", CODES)
def test_regions_move_as_the_table_says(maker: FieldMaker, landmarks: Floats, code: str) -> None:
    got, wanted = at(maker.field(code), region_centres(landmarks)), pattern(code)
    assert np.hypot(*(got - wanted).T).max() < 0.2
    assert (got * wanted).sum() > 0.99 * np.linalg.norm(got) * np.linalg.norm(wanted)


@pytest.mark.parametrize("code", CODES)
def test_stable_points_hardly_move(maker: FieldMaker, landmarks: Floats, code: str) -> None:
    assert np.hypot(*at(maker.field(code), landmarks[list(STABLE_POINTS)]).T).max() < 0.12


@pytest.mark.parametrize("code", CODES)
def test_nothing_moves_far_from_the_face(portrait: PhantomFace, code: str) -> None:
    small = portrait.placed(SIDE, SIDE, 40.0).landmarks
    field = FieldMaker(small, SIDE, SIDE).field(code) / 40.0
    outline = small[list(FACE_OVAL), :2]
    left, top = (outline.min(axis=0) - 24).astype(int)
    assert np.abs(field[:, :left]).max() < 0.05
    assert np.abs(field[:top]).max() < 0.05


@pytest.mark.parametrize("code", CODES)
def test_fields_are_gentle_enough_to_be_undone(maker: FieldMaker, code: str) -> None:
    # Below a slope of 1 the warp folds nothing over, and the fixed point that inverts it converges.
    field = LARGEST_IOD * maker.field(code).astype(np.float64)
    slopes = [g for plane in (field[..., 0], field[..., 1]) for g in np.gradient(plane)]
    assert np.sqrt(sum(g**2 for g in slopes)).max() < 1.0


@pytest.mark.parametrize("number", [u.number for u in ACTION_UNITS if u.sided])
def test_a_one_sided_field_keeps_to_its_half(maker: FieldMaker, landmarks: Floats, number: int) -> None:
    centres = region_centres(landmarks)
    middle = float(centres[:, 0].mean())
    lengths = np.hypot(*at(maker.field(f"LAU{number}"), centres).T)
    assert lengths[centres[:, 0] > middle + 0.2 * IOD].max() > 0.95  # the subject's left is on the viewer's right
    assert lengths[centres[:, 0] < middle - 0.2 * IOD].max() < 0.1


def test_a_field_goes_with_the_face(landmarks: Floats, maker: FieldMaker) -> None:
    moved = crop_landmarks(np.array([[1.0, 0, 9], [0, 1.0, -6]]), landmarks)
    here = maker.field("AU12")
    there = FieldMaker(moved, SIDE, SIDE).field("AU12")
    assert np.abs(there[40:200, 60:220] - here[46:206, 51:211]).max() < 0.05


def test_the_reach_of_a_field_goes_by_the_size_of_the_face(portrait: PhantomFace) -> None:
    # Twice the face on twice the plate: the same field, twice as long.
    small = FieldMaker(portrait.placed(160, 160, 40.0).landmarks, 160, 160).field("AU4")
    large = FieldMaker(portrait.placed(320, 320, 80.0).landmarks, 320, 320).field("AU4")
    assert np.abs(large[::2, ::2] - 2 * small).max() < 0.05 * 80
