import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.face import Floats
from calib.phantom import PhantomFace
from calib.phantom.eyes import Eye, find_eyes

QUICK = settings(max_examples=30)


@pytest.fixture(scope="module")
def eyes(portrait: PhantomFace) -> tuple[Eye, Eye]:
    return find_eyes(portrait.placed(256, 256, 70.0).landmarks, 70.0)


def plain() -> Floats:
    """A frame's backward warp that changes nothing."""
    return np.asarray(np.stack(np.meshgrid(np.arange(256), np.arange(256)), axis=-1), dtype=np.float32)


def test_the_eyes_lie_side_by_side_with_their_irises_in_them(eyes: tuple[Eye, Eye]) -> None:
    left, right = eyes
    assert left.xs[-1] < right.xs[0]
    for eye in eyes:
        assert (eye.upper <= eye.lower + 1e-9).all()
        assert eye.xs[0] < eye.iris[0] - eye.radius
        assert eye.iris[0] + eye.radius < eye.xs[-1]
        assert 0.05 * 70 < eye.radius < 0.15 * 70


@QUICK
@given(st.floats(0.05, 1.0))
def test_a_lid_covers_with_skin_from_above_and_never_turns_over(eyes: tuple[Eye, Eye], closure: float) -> None:
    sources = plain()
    eyes[0].close(sources, closure)
    moved = plain()[..., 1] - sources[..., 1]
    assert moved.min() >= 0
    assert moved.max() > 0.3 * closure
    assert np.array_equal(sources[..., 0], plain()[..., 0])
    column = sources[:, round(eyes[0].iris[0]), 1]
    lid = int(np.interp(round(eyes[0].iris[0]), eyes[0].xs, eyes[0].upper))
    assert (np.diff(column[:lid]) >= 0).all()


@QUICK
@given(st.floats(-12, 12))
def test_a_turned_iris_keeps_its_size_and_stays_in_the_eye(eyes: tuple[Eye, Eye], shift_px: float) -> None:
    eye = eyes[1]
    sources = plain()
    eye.turn(sources, shift_px)
    moved = sources[..., 0] - plain()[..., 0]
    assert np.array_equal(sources[..., 1], plain()[..., 1])
    ys, xs = np.nonzero(np.abs(moved) > 1e-4)
    assert all(eye.xs[0] <= x <= eye.xs[-1] for x in xs)
    assert all(eye.upper.min() <= y <= eye.lower.max() for y in ys)
    # Away from the lids' edges, sources along a row never cross: nothing is seen the wrong way round.
    y, (upper, lower) = round(eye.iris[1]), (np.interp(np.arange(256), eye.xs, lid) for lid in (eye.upper, eye.lower))
    row = sources[y, :, 0]
    open_wide = np.minimum(y - upper, lower - y) > 0.15 * (lower - upper)
    assert (np.diff(row[open_wide]) > -1e-4).all()
    # Where the iris is seen, a px of the frame is a px of the photo.
    inside = open_wide & (np.abs(row - eye.iris[0]) < eye.radius - 1.5)
    assert np.allclose(np.diff(row[inside]), 1, atol=1e-3)


def test_what_lids_hide_is_struck_out(eyes: tuple[Eye, Eye]) -> None:
    valid = np.ones((256, 256), np.uint8)
    eyes[0].hide(valid)
    assert valid[round(eyes[0].iris[1]), round(eyes[0].iris[0])] == 0
    assert valid[round(eyes[1].iris[1]), round(eyes[1].iris[0])] == 1
