import numpy as np
import pytest

from calib.face import Floats
from calib.phantom import Nuisance, PhantomFace
from engines.likeness import Likeness
from tests.engines.scenes import GRID, Scene, scene

NOISY = Nuisance(light=0, noise=2.0)


@pytest.fixture(scope="module")
def parted(portrait: PhantomFace) -> Scene:
    return scene(portrait, ("AU25", 0.1), nuisance=NOISY)


def bump(seen: Scene, px: float) -> Floats:
    """A flow that is right but around the mouth, where it is so far off."""
    x, y = seen.landmarks[[61, 291], :2].mean(axis=0)
    near = np.exp(-((GRID - (x, y)) ** 2).sum(axis=-1, keepdims=True) / (2 * 10**2))
    return np.asarray(seen.facial + near * np.array([px, 0]), np.float32)


def test_the_true_flow_leaves_noise_and_a_wrong_one_more(parted: Scene) -> None:
    likeness = Likeness(*parted.crops)
    x, y = parted.landmarks[[61, 291], :2].mean(axis=0).round().astype(int)
    true = likeness.unlike(parted.facial)
    assert 0.5 < np.median(true[64:192, 64:192]) <= 1
    assert true[y, x] < 4
    assert likeness.unlike(bump(parted, 4.0))[y, x] > 3 * true[y, x]


def test_what_is_left_where_flows_differ_tells_the_wrong_one(parted: Scene) -> None:
    likeness, wrong = Likeness(*parted.crops), bump(parted, 4.0)
    assert likeness.left_by(parted.facial, wrong) < 0.3
    assert likeness.left_by(wrong, parted.facial) > 3


def test_where_the_face_is_hidden_both_leave_the_same(parted: Scene) -> None:
    covered = parted.second.copy()
    covered[100:, 40:200] = np.random.default_rng(0).integers(60, 200, (156, 160, 3))
    likeness, wrong = Likeness(parted.first, covered), bump(parted, 4.0)
    assert 0.8 < likeness.left_by(wrong, parted.facial) < 1.25


def test_flows_that_do_not_differ_leave_nothing_to_tell(parted: Scene) -> None:
    assert Likeness(*parted.crops).left_by(parted.facial, parted.facial) == 0


def test_a_gain_between_the_crops_counts_for_nothing(parted: Scene) -> None:
    dimmed = (0.9 * parted.second).round().astype(np.uint8)
    plain, dim = (Likeness(parted.first, second).unlike(parted.facial) for second in (parted.second, dimmed))
    assert np.abs(plain - dim)[64:192, 64:192].mean() < 0.15


@pytest.mark.parametrize("px", [0.25, 1.0, 4.0])
def test_a_flow_that_is_wrong_everywhere_is_not_believed_either(parted: Scene, px: float) -> None:
    """What it leaves everywhere is no noise: the other flow leaves less."""
    wrong = np.asarray(parted.facial + np.array([px, 0]), np.float32)
    likeness = Likeness(*parted.crops)
    for pair in ((parted.facial, wrong), (wrong, parted.facial)):
        error = np.linalg.norm((likeness.likelier(*pair) - parted.facial)[parted.valid], axis=-1).mean()
        assert error < 0.15 * px


def test_what_is_clearly_wrong_is_mended(parted: Scene) -> None:
    wrong = bump(parted, 4.0)
    mended = Likeness(*parted.crops).mended(wrong, parted.valid)
    before, after = (np.linalg.norm((flow - parted.facial)[parted.valid], axis=-1).mean() for flow in (wrong, mended))
    assert after < 0.4 * before


def test_what_is_right_is_left_as_it_is(parted: Scene) -> None:
    mended = Likeness(*parted.crops).mended(parted.facial, parted.valid)
    assert np.linalg.norm((mended - parted.facial)[parted.valid], axis=-1).mean() < 0.01


def test_crops_without_any_noise_are_no_reason_to_mend(portrait: PhantomFace) -> None:
    still = scene(portrait, ("AU12", 0.02), nuisance=Nuisance(sway_iod=0, roll_deg=0, zoom=0, light=0, noise=0))
    mended = Likeness(*still.crops).mended(still.facial, still.valid)
    assert np.abs(mended - still.facial).mean() < 0.01
