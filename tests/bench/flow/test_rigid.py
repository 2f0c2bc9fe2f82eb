import numpy as np

from bench.flow.pairs import Pair
from bench.flow.rigid import rigid_head
from calib.face import CROP, CROP_IOD
from calib.phantom.head import SolidHead, moved, skin_depth, turned


def test_a_solid_heads_motion_is_found_again_beside_a_region_that_moves_with_the_expression(clean: Pair) -> None:
    solid = SolidHead(skin_depth(clean.landmarks, CROP, CROP), CROP_IOD)
    grid = np.stack(np.meshgrid(np.arange(CROP), np.arange(CROP)), axis=-1).astype(np.float32)
    head = solid.seen(grid, moved(0.03, -0.02, 0.01) @ turned(3.0, -2.0, 1.0)) - grid
    facial = head.copy()
    facial[160:200, 90:170] += np.float32(2.0)
    wrong = np.linalg.norm(rigid_head(facial, clean.landmarks) - head, axis=-1)
    assert wrong[clean.hull].max() < 0.05


def test_a_face_that_stands_still_has_a_head_that_stands_still(clean: Pair) -> None:
    assert not rigid_head(np.zeros((CROP, CROP, 2), np.float32), clean.landmarks).any()
