import numpy as np
import pytest

from calib.face import CROP, CROP_IOD, Doubles, Floats
from engines.head import HeadFit, depth_map
from engines.meflownet.data.heads import HeadConfig, HeadMotion, head_motion
from tests.engines.scenes import GRID

FLAT: Floats = np.zeros((CROP, CROP), np.float32)


def turned(pitch: float = 0.0, yaw: float = 0.0, roll: float = 0.0) -> Doubles:
    """A rotation of a head about x (chin towards the camera), y and z, one of them at most, degrees."""
    for axis, degrees in enumerate((pitch, yaw, roll)):
        if degrees:
            c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
            matrix = np.eye(3)
            others = [k for k in range(3) if k != axis]
            matrix[np.ix_(others, others)] = [[c, -s], [s, c]] if axis != 1 else [[c, s], [-s, c]]
            return matrix
    return np.eye(3)


def flow(rotation: Doubles, shift: tuple[float, float, float] = (0, 0, 0), depth: Floats = FLAT) -> Floats:
    return HeadMotion(rotation, np.array(shift), 8.0, depth).moved(GRID) - GRID


def drawn(depth_px: Floats, config: HeadConfig, seed: int) -> Floats:
    return head_motion(depth_px, config, np.random.default_rng(seed)).moved(GRID) - GRID


def test_no_motion_moves_nothing_whatever_the_depth(anchor: Floats) -> None:
    assert np.abs(flow(np.eye(3), depth=depth_map(anchor) / np.float32(CROP_IOD))).max() < 1e-3


def test_a_flat_head_that_is_shifted_flows_as_one() -> None:
    found = flow(np.eye(3), (0.1, -0.05, 0.0))
    assert np.abs(found - np.array([0.1, -0.05]) * CROP_IOD).max() < 1e-3


def test_a_flat_head_that_rolls_turns_about_the_crops_centre() -> None:
    c, s = np.cos(np.radians(3)), np.sin(np.radians(3))
    centred = GRID - CROP / 2
    wanted = centred @ np.array([[c, s], [-s, c]]) - centred
    assert np.abs(flow(turned(roll=3)) - wanted).max() < 1e-3


def test_a_head_that_comes_nearer_grows() -> None:
    found = flow(np.eye(3), (0, 0, -0.8))
    assert np.abs(found - (GRID - CROP / 2) * (1 / 0.9 - 1)).max() < 1e-3


@pytest.mark.parametrize(("turn", "axis"), [({"yaw": 3.0}, 0), ({"pitch": 3.0}, 1)])
def test_nearer_skin_moves_more_in_a_turn(turn: dict[str, float], axis: int) -> None:
    near, far = (np.abs(flow(turned(**turn), depth=FLAT - np.float32(z))[128, 128, axis]) for z in (0.5, 0.1))
    assert near > 4 * far
    # A point half an inter-ocular distance before the pivot, seen from eight: sin 3° · 0.5 IOD, a little enlarged.
    assert near == pytest.approx(np.sin(np.radians(3)) * 0.5 * CROP_IOD * 8 / 7.5, rel=0.05)


def test_nearer_skin_moves_more_in_a_shift() -> None:
    depth = FLAT - np.float32(0.5)
    found = flow(np.eye(3), (0.1, 0, 0), depth)
    assert np.abs(found[..., 0] - 0.1 * CROP_IOD * 8 / 7.5).max() < 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_a_motion_is_what_a_pinhole_camera_sees(anchor: Floats, seed: int) -> None:
    motion = head_motion(depth_map(anchor), HeadConfig(still=0), np.random.default_rng(seed))
    seen = motion.moved(GRID)
    for x, y in ((128, 102), (60, 200), (190, 130)):
        z = float(motion.depth[y, x])
        # The camera stands at z = -distance; what lies at z = 0 is seen at CROP_IOD px an IOD.
        ray = np.array([(x - CROP / 2) / CROP_IOD, (y - CROP / 2) / CROP_IOD])
        point = np.append(ray * (z + motion.distance) / motion.distance, z)
        moved = motion.rotation @ point + motion.shift
        wanted = moved[:2] * motion.distance / (moved[2] + motion.distance) * CROP_IOD + CROP / 2
        assert seen[y, x] == pytest.approx(wanted, abs=2e-3)


@pytest.mark.parametrize("seed", range(4))
def test_a_head_is_rigid_and_stays_before_the_camera(anchor: Floats, seed: int) -> None:
    motion = head_motion(depth_map(anchor), HeadConfig(), np.random.default_rng(seed))
    assert motion.rotation @ motion.rotation.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(motion.rotation) == pytest.approx(1)
    assert motion.distance + motion.depth.min() > 2


def test_a_still_head_stays(anchor: Floats) -> None:
    depth = depth_map(anchor)
    assert max(np.abs(drawn(depth, HeadConfig(still=1), seed)).max() for seed in range(4)) < 1e-3


def test_motion_grows_with_its_strength(anchor: Floats) -> None:
    depth = depth_map(anchor)
    weak, strong = HeadConfig(still=0, strength=(0.1, 0.1)), HeadConfig(still=0, strength=(1, 1))
    for seed in range(4):
        small, large = (np.abs(drawn(depth, config, seed)).mean() for config in (weak, strong))
        assert large == pytest.approx(10 * small, rel=0.2)


def test_some_heads_are_flat_pictures_and_the_others_keep_the_meshs_relief(anchor: Floats) -> None:
    depth = depth_map(anchor)
    config = HeadConfig(flat=0.5, relief=(0.7, 1.3))
    factors = []
    for seed in range(40):
        motion = head_motion(depth, config, np.random.default_rng(seed))
        factor = float(np.ptp(motion.depth) / np.ptp(depth) * CROP_IOD)
        assert factor == 0 or 0.7 <= factor <= 1.3
        factors.append(factor)
    assert 0.3 < np.mean(np.array(factors) == 0) < 0.7


def test_an_expression_is_carried_along_by_the_head() -> None:
    """On a flat head that rolls, the flow of a moved point is the roll of the place it moved to."""
    motion = HeadMotion(turned(roll=10), np.zeros(3), 8.0, FLAT)
    expression = np.zeros_like(GRID)
    expression[50, 60] = (3, -2)
    moved, still = motion.moved(GRID + expression), motion.moved(GRID)
    assert moved[50, 60] == pytest.approx(still[48, 63], abs=1e-3)
    moved[50, 60] = still[50, 60]
    assert np.array_equal(moved, still)


def test_the_head_fit_takes_most_of_a_drawn_motion_out(anchor: Floats) -> None:
    """Training data and the fit that runs without a network agree on what a head's motion is."""
    fit, depth = HeadFit(anchor), depth_map(anchor)
    for seed in range(6):
        motion = drawn(depth, HeadConfig(still=0, flat=0, relief=(1, 1), strength=(0.05, 1.0)), seed)
        left = motion - fit.field(fit.coefficients(motion))
        assert np.hypot(*left[fit.hull].T).mean() < 0.1 * np.hypot(*motion[fit.hull].T).mean()
