import numpy as np
import pytest

from calib.face import STABLE_POINTS, Floats, crop_landmarks, crop_transform
from calib.phantom import PhantomFace
from engines.meflownet.data.posed import posed_flow


@pytest.fixture(scope="module")
def mesh(portrait: PhantomFace) -> Floats:
    return crop_landmarks(crop_transform(portrait.landmarks), portrait.landmarks)


def test_a_head_that_shifts_has_no_expression(mesh: Floats) -> None:
    shift = np.array([3.0, -2.0, 0.0], np.float32)
    facial, head, trusted = posed_flow(mesh, mesh + shift)
    assert 0.15 < trusted.mean() < 0.6
    assert facial[trusted] == pytest.approx(np.broadcast_to(shift[:2], facial[trusted].shape), abs=0.01)
    assert head[trusted] == pytest.approx(facial[trusted], abs=0.05)


def test_mouth_corners_that_move_are_expression(mesh: Floats) -> None:
    after = mesh.copy()
    mouth = [61, 76, 62, 78, 146, 91, 185, 40]
    after[mouth, 1] -= 8
    facial, head, _ = posed_flow(mesh, after)
    x, y = np.round(mesh[61, :2]).astype(int)
    assert facial[y, x, 1] < -3
    assert (facial - head)[y, x, 1] < -3
    stable = np.round(mesh[list(STABLE_POINTS), :2]).astype(int)
    assert np.abs((facial - head)[stable[:, 1], stable[:, 0]]).mean() < 0.3
