import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.face import (
    CROP,
    CROP_IOD,
    REGION_INDEX,
    REGION_NAMES,
    REGIONS,
    Floats,
    crop_landmarks,
    crop_transform,
    region_centres,
)
from calib.facs import ACTION_UNITS, pattern
from calib.phantom import PhantomFace
from engines.grid import CELLS, at_every_pixel
from engines.regions import CLEAR_CONCENTRATION, OCTANTS, RegionMeter, octant
from tests.engines.scenes import GRID, STILL, scene

QUICK = settings(max_examples=40)
LENGTHS = st.floats(0.01, 20)
ANGLES = st.floats(0, 359.9)


@pytest.fixture(scope="module")
def meter(anchor: Floats) -> RegionMeter:
    return RegionMeter(anchor)


def uniform(length_px: float, degrees: float) -> Floats:
    """Everything moves one way; the angle is counter-clockwise from right, up positive."""
    way = [math.cos(math.radians(degrees)), -math.sin(math.radians(degrees))]
    return np.broadcast_to(np.array(way) * length_px, (CROP, CROP, 2)).astype(np.float32)


def turned(degrees: float, other: float) -> float:
    """The angle between two directions."""
    return abs((degrees - other + 180) % 360 - 180)


@QUICK
@given(ANGLES, st.integers(-3, 3))
def test_an_octant_is_the_nearest_of_eight_directions(degrees: float, turns: int) -> None:
    name = octant(degrees)
    assert turned(degrees, 45 * OCTANTS.index(name)) <= 22.5 + 1e-9
    assert octant(degrees + 360 * turns) == name or turned(degrees, 45 * OCTANTS.index(name)) > 22.4


@pytest.mark.parametrize(
    ("degrees", "name"),
    [(0, "right"), (45, "up-right"), (90, "up"), (135, "up-left"), (180, "left"), (225, "down-left"), (270, "down"),
     (315, "down-right"), (359.9, "right"), (360, "right")],
)  # fmt: skip
def test_octants_go_counter_clockwise_from_right(degrees: float, name: str) -> None:
    assert octant(degrees) == name


@QUICK
@given(LENGTHS, ANGLES)
def test_a_uniform_flow_moves_every_region_alike(meter: RegionMeter, length: float, degrees: float) -> None:
    motions = meter.measure(uniform(length, degrees))
    assert [m.name for m in motions] == list(REGION_NAMES)
    for m in motions:
        assert turned(m.degrees, degrees) < 0.05
        assert 0 <= m.degrees <= 360
        assert m.concentration == pytest.approx(1.0, abs=1e-4)
        assert m.direction == octant(m.degrees)
        assert (m.mean_iod, m.max_iod) == pytest.approx((length / CROP_IOD, length / CROP_IOD), rel=1e-3)


@QUICK
@given(LENGTHS, ANGLES)
def test_displacement_is_in_inter_ocular_distances_with_y_down(
    meter: RegionMeter, length: float, degrees: float
) -> None:
    flow = uniform(length, degrees)
    expected = np.tile(flow[0, 0] / CROP_IOD, (len(REGIONS), 1))
    assert meter.displacements(flow) == pytest.approx(expected, rel=1e-3, abs=1e-7)


@pytest.mark.parametrize(("v", "name"), [(-1.0, "up"), (1.0, "down")])
def test_up_is_towards_the_forehead(meter: RegionMeter, v: float, name: str) -> None:
    flow = np.zeros((CROP, CROP, 2), np.float32)
    flow[..., 1] = v
    assert {m.direction for m in meter.measure(flow)} == {name}


def test_the_two_measures_agree(meter: RegionMeter) -> None:
    flow = np.random.default_rng(0).normal(0, 2, (CROP, CROP, 2)).astype(np.float32)
    means = np.array([(m.u_iod, m.v_iod) for m in meter.measure(flow)])
    assert meter.displacements(flow) == pytest.approx(means, abs=1e-5)


@pytest.mark.parametrize("shift", [0, 90, 400], ids=["whole", "cut off", "gone"])
def test_flow_on_the_grid_tells_what_it_tells_at_every_pixel(anchor: Floats, shift: int) -> None:
    meter = RegionMeter(anchor + np.array([shift, 0, 0], np.float32))
    flow = np.random.default_rng(0).normal(0, 2, (CELLS, CELLS, 2)).astype(np.float32)
    whole = meter.displacements(at_every_pixel(flow))
    assert np.isnan(whole).any() == (shift > 0)
    assert meter.displacements(flow) == pytest.approx(whole, abs=1e-6, nan_ok=True)


@QUICK
@given(st.integers(0, 2**32 - 1), st.floats(-3, 3), st.floats(-3, 3))
def test_statistics_keep_their_order(meter: RegionMeter, seed: int, dx: float, dy: float) -> None:
    flow = np.random.default_rng(seed).normal([dx, dy], 1, (CROP, CROP, 2)).astype(np.float32)
    for m in meter.measure(flow):
        assert math.hypot(m.u_iod, m.v_iod) <= m.mean_iod + 1e-6
        assert m.mean_iod <= m.max_iod + 1e-6
        assert m.concentration == pytest.approx(math.hypot(m.u_iod, m.v_iod) / m.mean_iod, abs=1e-4)
        assert m.direction == ("unclear" if m.concentration < CLEAR_CONCENTRATION else octant(m.degrees))


@pytest.mark.parametrize("name", ["Left Cheek", "Chin", "Right Mouth Corner", "Upper Lip Center"])
@pytest.mark.parametrize("axis", [0, 1])
def test_opposite_halves_have_no_clear_direction(meter: RegionMeter, anchor: Floats, name: str, axis: int) -> None:
    centre = region_centres(anchor)[REGION_INDEX[name]]
    flow = np.zeros((CROP, CROP, 2), np.float32)
    flow[..., axis] = np.sign(GRID[..., axis] - np.round(centre[axis]))
    motion = meter.measure(flow)[REGION_INDEX[name]]
    assert motion.concentration < CLEAR_CONCENTRATION
    assert motion.direction == "unclear"
    assert motion.mean_iod > 0.9 / CROP_IOD


@pytest.mark.parametrize("name", REGION_NAMES)
def test_a_region_that_swells_has_no_clear_direction(meter: RegionMeter, anchor: Floats, name: str) -> None:
    flow = (GRID - region_centres(anchor)[REGION_INDEX[name]]).astype(np.float32)
    assert meter.measure(flow)[REGION_INDEX[name]].direction == "unclear"


def test_a_still_face_has_no_direction_at_all(meter: RegionMeter) -> None:
    motions = meter.measure(np.zeros((CROP, CROP, 2), np.float32))
    assert {(m.mean_iod, m.max_iod, m.concentration, m.direction) for m in motions} == {(0.0, 0.0, 0.0, "unclear")}


@pytest.mark.parametrize("name", REGION_NAMES)
def test_a_region_sees_its_disc_and_nothing_else(meter: RegionMeter, anchor: Floats, name: str) -> None:
    index = REGION_INDEX[name]
    away = np.hypot(*np.moveaxis(GRID - region_centres(anchor)[index], -1, 0)) / CROP_IOD
    outside = np.where(away > REGIONS[index].radius_iod, 7.0, 0.0)
    flow = np.stack([outside, outside], axis=-1).astype(np.float32)
    assert meter.measure(flow)[index].max_iod == 0.0
    assert meter.displacements(flow)[index] == pytest.approx([0, 0])
    rim = np.where((away > 0.85 * REGIONS[index].radius_iod) & (outside == 0), 7.0, 0.0)
    assert meter.measure(np.stack([rim, rim], axis=-1).astype(np.float32))[index].max_iod > 0.0


SHIFTS = [(300, 0), (-300, 0), (0, 300), (0, -300)]


@pytest.mark.parametrize("shift", SHIFTS, ids=["right", "left", "below", "above"])
def test_a_face_out_of_the_crop_has_no_displacements(anchor: Floats, shift: tuple[int, int]) -> None:
    meter = RegionMeter(anchor + np.array([*shift, 0], np.float32))
    assert np.isnan(meter.displacements(uniform(1.0, 0.0))).all()


@pytest.mark.parametrize("shift", SHIFTS, ids=["right", "left", "below", "above"])
def test_a_face_out_of_the_crop_has_no_regions_to_measure(anchor: Floats, shift: tuple[int, int]) -> None:
    meter = RegionMeter(anchor + np.array([*shift, 0], np.float32))
    assert meter.measure(uniform(1.0, 0.0)) == []


@pytest.mark.parametrize("shift", [(130, 0), (-130, 0), (0, 100), (0, -140)], ids=["right", "left", "below", "above"])
def test_the_regions_of_a_cut_off_face_are_those_in_the_crop(anchor: Floats, shift: tuple[int, int]) -> None:
    landmarks = anchor + np.array([*shift, 0], np.float32)
    seen = ((region_centres(landmarks) >= 0) & (region_centres(landmarks) < CROP)).all(axis=1)
    names = {m.name for m in RegionMeter(landmarks).measure(uniform(1.0, 0.0))}
    assert 0 < seen.sum() < len(REGIONS)
    # A disc whose centre is just outside may still reach in.
    assert {name for name, inside in zip(REGION_NAMES, seen, strict=True) if inside} <= names
    assert len(names) < len(REGIONS)


def test_a_head_turned_to_the_side_can_still_be_measured(portrait: PhantomFace) -> None:
    # The eyes come closer together, so that the crop shows less: the chin drops out of it.
    cos, sin = math.cos(math.radians(42)), math.sin(math.radians(42))
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    middle = portrait.landmarks.mean(axis=0)
    turned_away = ((portrait.landmarks - middle) @ turn.T + middle).astype(np.float32)
    landmarks = crop_landmarks(crop_transform(turned_away), turned_away)
    names = {m.name for m in RegionMeter(landmarks).measure(uniform(1.0, 0.0))}
    assert "Chin" not in names
    assert {"Left Inner Eyebrow", "Right Inner Eyebrow", "Upper Lip Center"} <= names


@pytest.mark.parametrize("code", [f"AU{unit.number}" for unit in ACTION_UNITS] + ["LAU12", "RAU4"])
def test_true_flow_reads_as_the_units_pattern(portrait: PhantomFace, code: str) -> None:
    acted = scene(portrait, (code, 0.02), nuisance=STILL)
    got = RegionMeter(acted.landmarks).displacements(acted.facial)
    wanted = 0.02 * pattern(code)
    assert (got * wanted).sum() > 0.97 * np.linalg.norm(got) * np.linalg.norm(wanted)
    # A disc averages over skin that moves less than its middle does.
    assert 0.7 < np.hypot(*got.T).max() / 0.02 < 1.1
