import numpy as np
import pytest

from calib.crop import cut_crop
from calib.face import CROP, CROP_IOD, crop_transform
from calib.phantom import PhantomFace
from engines.meflownet.data.cameras import frame_size, jittered, placing_at, shown
from tests.engines.scenes import GRID


@pytest.mark.parametrize("iod_px", [40.0, 77.0, 150.0])
def test_a_placing_has_the_asked_scale_and_its_frame_holds_the_crop(iod_px: float) -> None:
    placing = placing_at(iod_px, np.random.default_rng(1))
    assert np.hypot(*placing[:, 0]) == pytest.approx(CROP_IOD / iod_px)
    corners = np.array([[0, 0], [CROP - 1, 0], [0, CROP - 1], [CROP - 1, CROP - 1]])
    in_frame = (corners - placing[:, 2]) @ np.linalg.inv(placing[:, :2]).T
    width, height = frame_size(placing)
    assert (in_frame >= 0).all()
    assert (in_frame <= (width - 1, height - 1)).all()


def test_without_jitter_a_crop_stays_and_with_it_it_moves_a_little() -> None:
    crop = np.array([[0.6, 0.0, 10.0], [0.0, 0.6, 20.0]])
    rng = np.random.default_rng(0)
    assert jittered(crop, 0.0, rng) == pytest.approx(crop)
    moved = jittered(crop, 2.0, rng)
    assert 0 < np.abs(moved - crop).max() < 30


@pytest.mark.parametrize("iod_px", [60.0, 130.0])
def test_a_photo_shown_and_cut_is_its_crop_at_every_scale(portrait: PhantomFace, iod_px: float) -> None:
    crop = crop_transform(portrait.landmarks)
    placing = placing_at(iod_px, np.random.default_rng(2))
    direct = cut_crop(portrait.photo, crop).astype(float)
    seen = cut_crop(shown(portrait.photo, crop, placing), placing).astype(float)
    assert np.abs(seen - direct).mean() < 4
    same = cut_crop(shown(portrait.photo, crop, placing, GRID), placing).astype(float)
    assert np.abs(same - seen)[8:-8, 8:-8].mean() < 1
