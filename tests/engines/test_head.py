import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.face import CROP, CROP_IOD, REGION_INDEX, REGIONS, Doubles, Floats, region_centres
from calib.phantom import Nuisance, PhantomFace
from engines.grid import CELLS, at_every_pixel
from engines.head import HeadFit
from engines.runtime import FlowFields
from tests.engines.scenes import GRID, scene

QUICK = settings(max_examples=25)
SHIFTS = st.floats(-8, 8)
SLOPES = st.floats(-3, 3)
MOUTH = [region.name for region in REGIONS if region.part == "mouth"]
STILL_FACE = Nuisance(light=0, noise=0)


@pytest.fixture(scope="module")
def fit(anchor: Floats) -> HeadFit:
    return HeadFit(anchor)


def motion(dx: float, dy: float, a: float, b: float, c: float, d: float) -> Doubles:
    """Coefficients of an affine motion in the plane of the picture."""
    return np.array([[dx, a, b, 0.0], [dy, c, d, 0.0]])


def bump(anchor: Floats, name: str, width_px: float) -> Floats:
    """1 in the middle of a region, falling off like a Gaussian."""
    centre = region_centres(anchor)[REGION_INDEX[name]]
    return np.asarray(np.exp(-((GRID - centre) ** 2).sum(-1) / (2 * width_px**2)), dtype=np.float32)[..., None]


def lengths(flow: Floats) -> Floats:
    return np.asarray(np.hypot(flow[..., 0], flow[..., 1]), dtype=np.float32)


@QUICK
@given(SHIFTS, SHIFTS, SLOPES, SLOPES, SLOPES, SLOPES)
def test_a_plane_motion_of_the_head_is_recovered_exactly(
    fit: HeadFit, dx: float, dy: float, a: float, b: float, c: float, d: float
) -> None:
    # Written out here once more: px, as a function of the place in inter-ocular distances from the crop's centre.
    x, y = ((GRID[..., k] - CROP / 2) / CROP_IOD for k in (0, 1))
    flow = np.stack([dx + a * x + b * y, dy + c * x + d * y], axis=-1).astype(np.float32)
    coefficients = fit.coefficients(flow)
    assert coefficients == pytest.approx(motion(dx, dy, a, b, c, d), abs=1e-3)
    assert np.abs(fit.field(coefficients) - flow).max() < 1e-3


@QUICK
@given(SHIFTS, SHIFTS, SLOPES, SLOPES, SLOPES, SLOPES)
def test_the_engines_own_head_field_is_kept_and_told_in_eight_numbers(
    fit: HeadFit, dx: float, dy: float, a: float, b: float, c: float, d: float
) -> None:
    wanted = motion(dx, dy, a, b, c, d)
    field = fit.field(wanted)
    fields = FlowFields(np.zeros_like(field), field)
    head, (_, coefficients) = fit.head(fields), fit.expression(fields)
    assert head is field
    assert coefficients == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize("told", [True, False], ids=["told by the engine", "fitted"])
def test_an_expression_is_what_the_heads_motion_leaves(fit: HeadFit, told: bool) -> None:
    rng = np.random.default_rng(0)
    facial, head = (rng.normal(0, 1, (CELLS, CELLS, 2)).astype(np.float32) for _ in range(2))
    fields = FlowFields(facial, head) if told else FlowFields(at_every_pixel(facial), None)
    expression, coefficients = fit.expression(fields)
    field = fit.head(fields)
    _, wanted = fit.expression(FlowFields(fields.facial, fields.head))
    assert expression.shape == (facial.shape if told else (CROP, CROP, 2))
    assert coefficients == pytest.approx(wanted)
    whole = at_every_pixel(expression) if told else expression
    assert whole == pytest.approx(fields.facial - field, abs=1e-5)


def test_a_head_on_the_grid_is_the_one_at_every_pixel(fit: HeadFit) -> None:
    flow = np.random.default_rng(1).normal(0, 1, (CELLS, CELLS, 2)).astype(np.float32)
    _, found = fit.expression(FlowFields(flow, flow))
    whole = at_every_pixel(flow)
    _, wanted = fit.expression(FlowFields(whole, whole))
    assert found == pytest.approx(wanted, abs=1e-5)


def test_a_still_head_has_no_motion(fit: HeadFit) -> None:
    assert fit.coefficients(np.zeros((CROP, CROP, 2), np.float32)) == pytest.approx(np.zeros((2, 4)))
    assert not fit.field(np.zeros((2, 4))).any()


@QUICK
@given(st.sampled_from(MOUTH), st.floats(0, 360), SHIFTS, SHIFTS, SLOPES, SLOPES)
def test_a_moving_mouth_region_is_left_over(
    fit: HeadFit, anchor: Floats, name: str, degrees: float, dx: float, dy: float, zoom: float, roll: float
) -> None:
    head = fit.field(motion(dx, dy, zoom, -roll, roll, zoom))
    way = np.array([np.cos(np.radians(degrees)), -np.sin(np.radians(degrees))], np.float32)
    fitted = fit.field(fit.coefficients(head + 3 * bump(anchor, name, 0.12 * CROP_IOD) * way))
    assert lengths(fitted - head)[fit.hull].max() < 0.1


def test_a_whole_smile_is_left_over(fit: HeadFit, anchor: Floats) -> None:
    head = fit.field(motion(4.0, -3.0, 0.5, 0.2, -0.3, 0.4))
    smile = bump(anchor, "Right Mouth Corner", 10) * np.array([2.2, -2.0], np.float32)
    smile = smile + bump(anchor, "Left Mouth Corner", 10) * np.array([-2.2, -2.0], np.float32)
    fitted = fit.field(fit.coefficients(head + smile))
    assert lengths(fitted - head)[fit.hull].max() < 0.1


@pytest.mark.parametrize("code", ["AU1", "AU4", "AU9", "AU12", "LAU12", "AU15", "AU17"])
def test_head_and_expression_of_a_phantom_are_told_apart(portrait: PhantomFace, code: str) -> None:
    acted = scene(portrait, (code, 0.03), nuisance=STILL_FACE)
    fit = HeadFit(acted.landmarks)
    fitted = fit.field(fit.coefficients(acted.facial))
    assert lengths(acted.head)[fit.hull].mean() > 0.5
    assert lengths(fitted - acted.head)[fit.hull].mean() < 0.1
    assert lengths(fitted - acted.head)[fit.hull].max() < 0.3


@pytest.mark.parametrize("axis", [0, 1], ids=["turn", "nod"])
def test_most_of_what_depth_adds_to_a_turning_head_is_taken_out(fit: HeadFit, axis: int) -> None:
    coefficients = np.zeros((2, 4))
    coefficients[axis, 3] = 1.0
    flow = fit.field(coefficients)
    left = flow - fit.field(fit.coefficients(flow))
    # Depth is held back a little, since a turn looks much like an expression.
    assert lengths(left)[fit.hull].mean() < 0.25 * lengths(flow - flow[fit.hull].mean(axis=0))[fit.hull].mean()


def test_the_nose_is_nearer_than_the_cheeks(fit: HeadFit, anchor: Floats) -> None:
    depth = fit.field(np.array([[0.0, 0, 0, 1], [0, 0, 0, 0]]))[..., 0]
    nose, cheek = (np.round(anchor[k, :2]).astype(int) for k in (4, 234))
    x, y = nose
    assert depth[y, x] < -0.2
    assert depth[cheek[1], cheek[0]] > depth[y, x] + 0.4


def test_the_hull_holds_all_regions(fit: HeadFit, anchor: Floats) -> None:
    x, y = np.round(region_centres(anchor)).astype(int).T
    assert fit.hull.shape == (CROP, CROP)
    assert fit.hull[y, x].all()
    assert not fit.hull[0, [0, -1]].any()


@pytest.mark.parametrize("shift", [(230, 0), (-230, 0), (0, 260), (0, -260), (5000, 5000)])
def test_a_face_out_of_the_crop_is_refused(anchor: Floats, shift: tuple[int, int]) -> None:
    outside = anchor + np.array([*shift, 0], np.float32)
    with pytest.raises(ValueError, match="cut off or turned away"):
        HeadFit(outside).coefficients(np.zeros((CROP, CROP, 2), np.float32))


def test_half_a_face_is_enough(anchor: Floats) -> None:
    fit = HeadFit(anchor + np.array([110, 0, 0], np.float32))
    flow = fit.field(motion(2.0, -1.0, 0.5, 0.1, -0.2, 0.3))
    assert lengths(fit.field(fit.coefficients(flow)) - flow)[fit.hull].max() < 1e-3
