import cv2
import numpy as np

from bench.flow.pairs import Pair
from bench.flow.plane import plane_head
from calib.face import CROP


def test_a_homography_is_found_again_beside_a_region_that_moves_with_the_expression(clean: Pair) -> None:
    turned = np.array([[1.01, -0.012, 2.0], [0.014, 0.995, -1.5], [4e-5, -3e-5, 1.0]])
    grid = np.stack(np.meshgrid(np.arange(CROP), np.arange(CROP)), axis=-1).astype(np.float64)
    head = cv2.perspectiveTransform(grid, turned) - grid
    facial = head.astype(np.float32)
    facial[160:200, 90:170] += np.float32(2.0)
    wrong = np.linalg.norm(plane_head(facial, clean.landmarks) - head, axis=-1)
    assert wrong[clean.hull].max() < 0.01


def test_a_face_that_stands_still_has_a_head_that_stands_still(clean: Pair) -> None:
    assert not plane_head(np.zeros((CROP, CROP, 2), np.float32), clean.landmarks).any()
