import numpy as np
import pytest

from calib.face import CROP, CROP_IOD, Doubles, Floats
from calib.phantom.head import SolidHead, skin_depth, turned
from engines.head import HeadFit
from engines.meflownet.data.heads import HeadConfig, HeadMotion, head_motion
from tests.engines.scenes import GRID


@pytest.fixture(scope="module")
def depth(anchor: Floats) -> Floats:
    return skin_depth(anchor, CROP, CROP)


def drawn(depth: Floats, config: HeadConfig, seed: int) -> HeadMotion:
    return head_motion(depth, config, np.random.default_rng(seed))


def flow(motion: HeadMotion) -> Floats:
    at_rest = motion.solid.at_rest(motion.before)
    return motion.solid.seen(at_rest, motion.after) - GRID


def degrees(pose: Doubles) -> float:
    """Of the rotation in a pose."""
    return float(np.degrees(np.arccos(np.clip((np.trace(pose[:3, :3]) - 1) / 2, -1, 1))))


@pytest.mark.parametrize("seed", range(4))
def test_a_head_is_rigid_and_stays_before_the_camera(depth: Floats, seed: int) -> None:
    motion = drawn(depth, HeadConfig(), seed)
    for pose in (motion.before, motion.after):
        rotation = pose[:3, :3]
        assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1)
        assert pose[3] == pytest.approx([0, 0, 0, 1])
    # 0.8 of the way to the camera in the farthest, five IOD off.
    assert motion.after[2, 3] + motion.solid.depth.min() > -4


@pytest.mark.parametrize("seed", range(4))
def test_a_still_head_stays_where_it_is_held(depth: Floats, seed: int) -> None:
    motion = drawn(depth, HeadConfig(still=1), seed)
    assert motion.after == pytest.approx(motion.before)


def test_some_first_frames_show_the_head_as_the_photo_does_and_the_others_aside(depth: Floats) -> None:
    held = [degrees(drawn(depth, HeadConfig(frontal=0.5), seed).before) for seed in range(60)]
    aside = [one for one in held if one > 1e-6]
    assert 0.3 < len(aside) / len(held) < 0.7
    assert 4 < np.mean(aside) < 12
    assert not any(degrees(drawn(depth, HeadConfig(frontal=1), seed).before) > 1e-6 for seed in range(10))


def test_motion_grows_with_its_strength(depth: Floats) -> None:
    alike = {"still": 0.0, "frontal": 1.0}
    weak, strong = HeadConfig(strength=(0.1, 0.1), **alike), HeadConfig(strength=(1, 1), **alike)  # type: ignore[arg-type]
    for seed in range(4):
        small, large = (np.abs(flow(drawn(depth, config, seed))).mean() for config in (weak, strong))
        assert large == pytest.approx(10 * small, rel=0.2)


def test_heads_keep_the_meshs_relief_more_or_less(depth: Floats) -> None:
    factors = [float(np.ptp(drawn(depth, HeadConfig(), seed).solid.depth) / np.ptp(depth)) for seed in range(40)]
    assert 0.7 <= min(factors) < 0.85
    assert 1.15 < max(factors) <= 1.3


def test_cameras_are_near_and_far(depth: Floats) -> None:
    """What turns about the middle moves its near part farther than its far part, the more the nearer the camera is."""
    middle = np.full((1, 1, 2), CROP / 2, np.float32)
    side = middle + np.array([CROP_IOD / 2, 0], np.float32)
    level = np.zeros_like(depth)

    def growth(distance: float) -> float:
        solid = SolidHead(level, CROP_IOD, distance)
        (x, _), *_ = (solid.seen(side, turned(20, 0, about_iod=0.0)) - middle)[0]
        return float(x / CROP_IOD)

    near, far = growth(5.0), growth(14.0)
    assert abs(near - np.cos(np.radians(20)) / 2) > 2 * abs(far - np.cos(np.radians(20)) / 2)


def test_the_head_fit_takes_most_of_a_drawn_motion_out(anchor: Floats, depth: Floats) -> None:
    """Training data and the fit that runs without a network agree on what a head's motion is."""
    fit = HeadFit(anchor)
    for seed in range(6):
        motion = flow(drawn(depth, HeadConfig(frontal=1, still=0, relief=(1, 1), strength=(0.05, 1.0)), seed))
        left = motion - fit.field(fit.coefficients(motion))
        assert np.hypot(*left[fit.hull].T).mean() < 0.1 * np.hypot(*motion[fit.hull].T).mean()
