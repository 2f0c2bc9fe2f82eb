import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.face import FACE_OVAL, Doubles, Floats
from calib.phantom import PhantomFace
from calib.phantom.head import CAMERA_IOD, NECK_IOD, SolidHead, moved, skin_depth, turned

SIDE, IOD_PX = 256, 70.0
NOSE_TIP = 4
QUICK = settings(max_examples=20)


@pytest.fixture(scope="module")
def face(portrait: PhantomFace) -> PhantomFace:
    return portrait.placed(SIDE, SIDE, IOD_PX)


@pytest.fixture(scope="module")
def solid(face: PhantomFace) -> SolidHead:
    return SolidHead(skin_depth(face.landmarks, SIDE, SIDE), IOD_PX)


def grid() -> Floats:
    return np.asarray(np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), axis=-1), dtype=np.float32)


def test_at_rest_everything_is_seen_where_the_plate_shows_it(solid: SolidHead) -> None:
    assert solid.seen(grid(), np.eye(4)) == pytest.approx(grid(), abs=1e-3)
    assert solid.at_rest(np.eye(4)) == pytest.approx(grid(), abs=1e-3)


@QUICK
@given(
    st.tuples(st.floats(-6, 6), st.floats(-6, 6), st.floats(-5, 5)),
    st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(-0.1, 0.2)),
)
def test_the_way_back_undoes_a_pose(
    solid: SolidHead, turn: tuple[float, float, float], shift: tuple[float, float, float]
) -> None:
    pose = moved(*shift) @ turned(*turn)
    inner = slice(60, -60)
    returned = solid.seen(solid.at_rest(pose), pose)
    assert np.abs(returned - grid())[inner, inner].max() < 0.05


def test_the_depth_is_the_meshs_smoothly_joined(solid: SolidHead, face: PhantomFace) -> None:
    inner = np.setdiff1d(np.arange(468), FACE_OVAL)
    x, y = np.round(face.landmarks[inner, :2]).astype(int).T
    told = (face.landmarks[inner, 2] - face.landmarks[:, 2].mean()) / IOD_PX
    shallow = told < 0.3
    assert np.abs(solid.depth[y, x] - told)[shallow].mean() < 0.02
    nose_x, nose_y = np.round(face.landmarks[NOSE_TIP, :2]).astype(int)
    assert solid.depth[nose_y, nose_x] == pytest.approx(solid.depth.min(), abs=0.03)
    assert np.hypot(*np.gradient(solid.depth)).max() * IOD_PX < 5


@QUICK
@given(st.floats(0.5, 15), st.sampled_from([-1, 1]))
def test_a_turn_goes_the_way_it_says_and_the_far_side_shrinks(degrees: float, sign: int) -> None:
    for axis, pose in enumerate((turned(sign * degrees, 0), turned(0, sign * degrees))):
        middle, far, near = (seen(pose, axis, place) for place in (0.0, float(sign), -float(sign)))
        assert np.sign(middle) == sign
        assert abs(middle) == pytest.approx(NECK_IOD * np.sin(np.radians(degrees)), rel=0.05)
        assert abs(far - middle) < abs(near - middle) < 1 + 2 / CAMERA_IOD


def seen(pose: Doubles, axis: int, place: float) -> float:
    """Where a point of mean depth at a place of one axis is seen on that axis, IOD."""
    x, y, z, _ = pose @ np.array([place if axis == 0 else 0.0, place if axis == 1 else 0.0, 0.0, 1.0])
    return float((x, y)[axis] / (1 + z / CAMERA_IOD))


def test_a_roll_is_clockwise() -> None:
    x, y, *_ = turned(0, 0, 10) @ np.array([1.0, 0.0, 0.0, 1.0])
    assert np.degrees(np.arctan2(y, x)) == pytest.approx(10)


@pytest.mark.parametrize(("pose", "axis"), [(turned(5, 0), 0), (turned(0, 5), 1)], ids=["turn", "nod"])
def test_the_nose_goes_farther_than_the_cheeks(solid: SolidHead, face: PhantomFace, pose: Doubles, axis: int) -> None:
    points = face.landmarks[None, [NOSE_TIP, 50, 280], :2]
    went = (solid.seen(points, pose) - points)[0, :, axis] / IOD_PX
    ahead = solid.depth[tuple(np.round(points[0, :, ::-1]).astype(int).T)]
    farther = (ahead[1:].mean() - ahead[0]) * np.sin(np.radians(5))
    assert went[0] - went[1:].mean() == pytest.approx(farther, rel=0.35)


def test_coming_nearer_enlarges_and_what_is_ahead_most(solid: SolidHead, face: PhantomFace) -> None:
    middle = np.full(2, SIDE / 2)
    points = (middle + np.array([[[-20.0, 1.0], [20.0, 1.0]]])).astype(np.float32)
    larger = (solid.seen(points, moved(0, 0, 0.1)) - middle) / (points - middle)
    depth = solid.depth[SIDE // 2 + 1, [SIDE // 2 - 20, SIDE // 2 + 20]]
    near = CAMERA_IOD / 1.1
    assert larger[0, :, 0] == pytest.approx((1 + depth / CAMERA_IOD) / ((near + depth) / CAMERA_IOD), rel=1e-3)
