import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.face import (
    CROP,
    CROP_EYES,
    CROP_IOD,
    FACE_OVAL,
    LANDMARKS,
    LOWER_LIDS,
    REGION_INDEX,
    REGION_NAMES,
    REGIONS,
    STABLE_POINTS,
    UPPER_LIDS,
    Doubles,
    Floats,
    crop_landmarks,
    crop_transform,
    eye_centres,
    eye_opening,
    inter_ocular_distance,
    invert_transform,
    joined_transforms,
    region_centres,
    subject_side,
    transform_points,
)

QUICK = settings(max_examples=40)
SHIFTS = st.floats(-2000, 2000)
ANGLES = st.floats(-180, 180)
SCALES = st.floats(0.2, 8)


def similarity(degrees: float, scale: float, dx: float, dy: float) -> Doubles:
    cos, sin = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    return np.array([[cos, -sin, dx], [sin, cos, dy]])


def mirrored(name: str) -> str:
    return name.replace("Left", "?").replace("Right", "Left").replace("?", "Right")


@QUICK
@given(ANGLES, SCALES, SHIFTS, SHIFTS)
def test_crop_puts_the_eyes_level_and_apart_wherever_the_face_is(
    mesh: Floats, degrees: float, scale: float, dx: float, dy: float
) -> None:
    seen = crop_landmarks(similarity(degrees, scale, dx, dy), mesh)
    left, right = eye_centres(crop_landmarks(crop_transform(seen), seen))
    assert (left + right) / 2 == pytest.approx(CROP_EYES, abs=0.05)
    assert right - left == pytest.approx([CROP_IOD, 0.0], abs=0.05)


@QUICK
@given(ANGLES, SCALES, SHIFTS, SHIFTS)
def test_the_crop_of_a_face_does_not_depend_on_where_it_was_seen(
    mesh: Floats, degrees: float, scale: float, dx: float, dy: float
) -> None:
    seen = crop_landmarks(similarity(degrees, scale, dx, dy), mesh)
    there = crop_landmarks(crop_transform(seen), seen)
    here = crop_landmarks(crop_transform(mesh), mesh)
    assert np.abs(there - here).max() < 0.1


@QUICK
@given(ANGLES, SCALES, SHIFTS, SHIFTS)
def test_inverse_transform_round_trips(degrees: float, scale: float, dx: float, dy: float) -> None:
    transform = similarity(degrees, scale, dx, dy)
    points = np.random.default_rng(0).uniform(-1000, 1000, (20, 2))
    there = transform_points(transform, points)
    assert transform_points(invert_transform(transform), there) == pytest.approx(points, abs=1e-6)


@QUICK
@given(ANGLES, SCALES, SHIFTS, SHIFTS)
def test_joined_transforms_do_one_after_the_other(degrees: float, scale: float, dx: float, dy: float) -> None:
    first, then = similarity(degrees, scale, dx, dy), similarity(30.0, 1.5, -4.0, 7.0)
    points = np.random.default_rng(0).uniform(-1000, 1000, (20, 2))
    both = transform_points(joined_transforms(first, then), points)
    assert both == pytest.approx(transform_points(then, transform_points(first, points)), abs=1e-6)


def test_transform_points_keeps_any_leading_shape() -> None:
    points = np.arange(24.0).reshape(3, 4, 2)
    moved = transform_points(similarity(0, 2, 1, -1), points)
    assert moved == pytest.approx(2 * points + [1, -1])


def test_crop_has_no_room_for_coinciding_eyes() -> None:
    with pytest.raises(ValueError, match="eyes"):
        crop_transform(np.ones((LANDMARKS, 3), np.float32))


@QUICK
@given(ANGLES, SCALES)
def test_depth_is_scaled_along_and_not_turned(mesh: Floats, degrees: float, scale: float) -> None:
    placed = crop_landmarks(similarity(degrees, scale, 5, 7), mesh)
    assert placed.dtype == np.float32
    assert placed[:, 2] == pytest.approx(scale * mesh[:, 2], rel=1e-4, abs=1e-3)


@QUICK
@given(ANGLES, SCALES)
def test_inter_ocular_distance_scales_with_the_face(mesh: Floats, degrees: float, scale: float) -> None:
    seen = crop_landmarks(similarity(degrees, scale, 0, 0), mesh)
    assert inter_ocular_distance(seen) == pytest.approx(scale * inter_ocular_distance(mesh), rel=1e-4)


def test_there_are_29_regions_of_unique_names() -> None:
    assert len(REGIONS) == len(set(REGION_NAMES)) == 29
    assert all(REGION_NAMES[index] == name for name, index in REGION_INDEX.items())


def test_every_region_has_its_mirror_image() -> None:
    other = {"Left": "Right", "Right": "Left", "Center": "Center"}
    for region in REGIONS:
        twin = REGIONS[REGION_INDEX[mirrored(region.name)]]
        assert (twin.part, twin.radius_iod, len(twin.landmarks)) == (
            region.part,
            region.radius_iod,
            len(region.landmarks),
        )
        assert twin.side == other[region.side]


def test_mirror_images_lie_opposite_each_other_on_a_face(mesh: Floats) -> None:
    centres = region_centres(crop_landmarks(crop_transform(mesh), mesh))
    opposite = centres[[REGION_INDEX[mirrored(name)] for name in REGION_NAMES]]
    # A real face, nearly frontal: symmetric to a tenth of the inter-ocular distance.
    assert np.hypot(*(centres - ([2 * CROP_EYES[0], 0] + opposite * [-1, 1])).T).max() < 0.1 * CROP_IOD


def test_sides_are_the_viewers(mesh: Floats) -> None:
    centres = region_centres(crop_landmarks(crop_transform(mesh), mesh))
    for region, (x, _) in zip(REGIONS, centres, strict=True):
        if region.side == "Left":
            assert x < CROP_EYES[0] - 0.2 * CROP_IOD
        elif region.side == "Right":
            assert x > CROP_EYES[0] + 0.2 * CROP_IOD
        else:
            assert x == pytest.approx(CROP_EYES[0], abs=0.1 * CROP_IOD)


def test_the_third_of_an_eyelid_is_the_viewers_too(mesh: Floats) -> None:
    centres = region_centres(mesh)
    for side in ("Left", "Right"):
        for lid in ("Upper", "Lower"):
            thirds = [f"{side} {lid} Eyelid {third}" for third in ("Left Side", "Center", "Right Side")]
            xs = [centres[REGION_INDEX[name], 0] for name in thirds]
            assert xs == sorted(xs)


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_regions_follow_each_other_down_the_face(mesh: Floats, side: str) -> None:
    centres = region_centres(mesh)
    column = [
        f"{side} Inner Eyebrow", f"{side} Upper Eyelid Center", f"{side} Lower Eyelid Center", f"{side} Nostril Wing",
        f"{side} Mouth Corner", "Lower Lip Center", "Chin",
    ]  # fmt: skip
    ys = [centres[REGION_INDEX[name], 1] for name in column]
    assert ys == sorted(ys)


def test_every_region_lies_in_the_canonical_crop(mesh: Floats) -> None:
    centres = region_centres(crop_landmarks(crop_transform(mesh), mesh))
    radii = np.array([[region.radius_iod * CROP_IOD] for region in REGIONS])
    assert (centres - radii).min() > 0
    assert (centres + radii).max() < CROP - 1


def test_every_mesh_index_exists() -> None:
    used = {i for region in REGIONS for i in region.landmarks} | set(STABLE_POINTS) | set(FACE_OVAL)
    used |= {i for lid in UPPER_LIDS + LOWER_LIDS for i in lid}
    assert min(used) >= 0
    assert max(used) < LANDMARKS


def test_the_outline_runs_clockwise_from_the_forehead_around_all_regions(mesh: Floats) -> None:
    outline = mesh[list(FACE_OVAL), :2].astype(np.float64)
    following = np.roll(outline, -1, axis=0)
    crosses = outline[:, 0] * following[:, 1] - outline[:, 1] * following[:, 0]
    assert crosses.sum() > 0  # clockwise as seen, since y points down
    assert outline[:, 1].argmin() in (0, 1, len(outline) - 1)
    centres = region_centres(mesh)
    assert (centres > outline.min(axis=0)).all()
    assert (centres < outline.max(axis=0)).all()


def test_lids_run_from_image_left_to_image_right_with_the_upper_above(mesh: Floats) -> None:
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        assert upper[0] == lower[0]
        assert upper[-1] == lower[-1]
        for lid in (upper, lower):
            assert (np.diff(mesh[list(lid), 0]) > 0).all()
        assert (mesh[list(upper[1:-1]), 1] < mesh[list(lower[1:-1]), 1]).all()


def test_subject_side_is_the_other_side_of_the_viewers() -> None:
    assert [subject_side("Left"), subject_side("Right"), subject_side("Center")] == ["R", "L", ""]


def test_open_eyes_are_about_a_third_as_high_as_wide(mesh: Floats) -> None:
    assert eye_opening(mesh) == pytest.approx((0.3, 0.3), abs=0.1)


@QUICK
@given(ANGLES, SCALES)
def test_eye_opening_does_not_depend_on_the_faces_size_or_roll(mesh: Floats, degrees: float, scale: float) -> None:
    seen = crop_landmarks(similarity(degrees, scale, 0, 0), mesh)
    assert eye_opening(seen) == pytest.approx(eye_opening(mesh), rel=1e-3)


@pytest.mark.parametrize("eye", [0, 1])
def test_a_closed_eye_has_no_opening_and_the_other_keeps_its_own(mesh: Floats, eye: int) -> None:
    winking = mesh.copy()
    winking[list(UPPER_LIDS[eye])] = winking[list(LOWER_LIDS[eye])]
    assert eye_opening(winking)[eye] == pytest.approx(0.0, abs=1e-6)
    assert eye_opening(winking)[1 - eye] == pytest.approx(eye_opening(mesh)[1 - eye])
