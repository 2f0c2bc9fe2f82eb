import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.face import LOWER_LIDS, UPPER_LIDS, Doubles, Floats, region_centres
from calib.facs import ACTION_UNITS, pattern
from calib.phantom import Nuisance, PhantomEvent, PhantomFace, PhantomScript, PhantomVideo, TrueFlow
from calib.phantom.head import CAMERA_IOD, SolidHead, skin_depth

CODES = [f"AU{u.number}" for u in ACTION_UNITS] + [f"{s}AU{u.number}" for u in ACTION_UNITS if u.sided for s in "LR"]
STILL = Nuisance(sway_iod=0, roll_deg=0, zoom=0, turn_deg=0, light=0, noise=0)
SWAYING = Nuisance(light=0, noise=0)
ONSET, APEX, OFFSET = 1.0, 1.2, 1.5
REST = 0.4
QUICK = settings(max_examples=20)


def event(*units: tuple[str, float]) -> PhantomEvent:
    return PhantomEvent(ONSET, APEX, OFFSET, units)


def small(face: PhantomFace, script: PhantomScript) -> PhantomVideo:
    return PhantomVideo(face, script, 256, 256, 70.0)


@pytest.fixture(scope="module")
def busy(portrait: PhantomFace) -> PhantomVideo:
    """A swaying head that smiles and frowns, without noise: frames and flow must agree."""
    return PhantomVideo(portrait, PhantomScript((event(("AU12", 0.03), ("AU4", 0.03)),), nuisance=SWAYING, seed=2))


@pytest.fixture(scope="module")
def noisy(portrait: PhantomFace) -> PhantomVideo:
    return small(portrait, PhantomScript((event(("AU12", 0.03)),), (1.1,), seed=4))


def grid(flow: TrueFlow) -> Floats:
    height, width = flow.valid.shape
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.asarray(np.stack([x, y], axis=-1), dtype=np.float32)


def sampled(field: Floats, points: Floats) -> Doubles:
    """A field or a picture at some points (h, w, 2), with bilinear interpolation."""
    return np.asarray(cv2.remap(field, points.astype(np.float32), None, cv2.INTER_LINEAR), dtype=np.float64)


def unlike(video: PhantomVideo, t0: float, t1: float, flow: Floats | None = None) -> Floats:
    """Grey levels between the frame at t0 and the one at t1, brought back by a flow, (H, W)."""
    first, second = video.frame(t0).astype(np.float32), video.frame(t1).astype(np.float32)
    if flow is not None:
        points = grid(video.flow(t0, t1)) + flow
        second = cv2.remap(second, points, None, cv2.INTER_CUBIC)
    return np.asarray(np.abs(second - first).max(axis=-1), dtype=np.float32)


def test_a_frame_depends_on_its_time_alone(portrait: PhantomFace) -> None:
    script = PhantomScript((event(("AU12", 0.03)),), (1.1,), Nuisance(jpeg=90), seed=4)
    one, other = small(portrait, script), small(portrait, script)
    forwards = [one.frame(t) for t in (0.0, 1.15, 1.3)]
    backwards = [other.frame(t) for t in (1.3, 1.15, 0.0)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(forwards, backwards, strict=True))
    assert not np.array_equal(forwards[0], forwards[1])


def test_frames_have_the_size_asked_for(portrait: PhantomFace) -> None:
    video = PhantomVideo(portrait, PhantomScript(), 320, 200, 50.0)
    flow = video.flow(0.0, 1.0)
    assert video.frame(0.3).shape == (200, 320, 3)
    assert video.frame(0.3).dtype == np.uint8
    assert flow.facial.shape == flow.head.shape == flow.expression.shape == (200, 320, 2)
    assert flow.facial.dtype == flow.head.dtype == np.float32
    assert flow.valid.shape == (200, 320)


@pytest.mark.parametrize(("t0", "t1"), [(REST, APEX), (APEX, REST), (1.1, 1.3)])
def test_the_flow_explains_the_frames(busy: PhantomVideo, t0: float, t1: float) -> None:
    flow = busy.flow(t0, t1)
    warped = unlike(busy, t0, t1, flow.facial)[flow.valid].mean()
    assert warped < 1.0
    assert warped < 0.25 * unlike(busy, t0, t1)[flow.valid].mean()


def test_the_head_alone_does_not_explain_an_expression(busy: PhantomVideo) -> None:
    flow = busy.flow(REST, APEX)
    moving = flow.valid & (np.hypot(*np.moveaxis(flow.expression, -1, 0)) > 1.0)
    assert moving.sum() > 500
    with_head = unlike(busy, REST, APEX, flow.head)[moving].mean()
    assert with_head > 3 * unlike(busy, REST, APEX, flow.facial)[moving].mean()


@pytest.mark.parametrize("t", [0.0, 1.1, APEX, 1.4])
def test_nothing_flows_in_no_time(busy: PhantomVideo, t: float) -> None:
    flow = busy.flow(t, t)
    assert np.abs(flow.facial).max() < 0.02
    assert np.abs(flow.head).max() < 0.01


@QUICK
@given(st.floats(0, 5), st.floats(0, 5))
def test_without_a_script_all_motion_is_the_heads(noisy: PhantomVideo, t0: float, t1: float) -> None:
    shift = OFFSET  # from here on nothing is scripted
    flow = noisy.flow(shift + t0, shift + t1)
    assert np.abs(flow.expression).max() < 1e-3


def test_the_head_does_move(noisy: PhantomVideo) -> None:
    assert np.hypot(*noisy.flow(2.0, 3.0).head.reshape(-1, 2).T).mean() > 0.3


def test_without_sway_all_motion_is_expression(portrait: PhantomFace) -> None:
    video = small(portrait, PhantomScript((event(("AU12", 0.03)),), nuisance=STILL))
    flow = video.flow(REST, APEX)
    assert np.abs(flow.head).max() < 1e-3
    assert np.hypot(*flow.expression.reshape(-1, 2).T).max() > 0.02 * 70


def test_flow_composes(busy: PhantomVideo) -> None:
    first, second, whole = busy.flow(REST, 1.1), busy.flow(1.1, 1.3), busy.flow(REST, 1.3)
    onwards = first.facial + sampled(second.facial, grid(first) + first.facial)
    assert np.abs(onwards - whole.facial)[whole.valid].max() < 0.03


def test_flow_back_undoes_the_flow(busy: PhantomVideo) -> None:
    there, back = busy.flow(REST, APEX), busy.flow(APEX, REST)
    returned = there.facial + sampled(back.facial, grid(there) + there.facial)
    assert np.abs(returned)[there.valid].max() < 0.03


@pytest.mark.parametrize("code", CODES)
def test_what_is_in_a_region_at_the_apex_has_come_as_far_as_scripted(portrait: PhantomFace, code: str) -> None:
    video = small(portrait, PhantomScript((event((code, 0.03)),), nuisance=STILL))
    came = -video.flow(APEX, REST).expression
    x, y = np.round(region_centres(video.face.landmarks)).astype(int).T
    assert np.hypot(*came[y, x].T).max() == pytest.approx(0.03 * 70, rel=0.02)


@pytest.mark.parametrize("code", CODES)
def test_a_small_peak_is_as_large_as_scripted_in_the_units_strongest_region(portrait: PhantomFace, code: str) -> None:
    video = small(portrait, PhantomScript((event((code, 0.01)),), nuisance=STILL))
    went = video.flow(REST, APEX).expression
    x, y = np.round(region_centres(video.face.landmarks)).astype(int).T
    assert np.hypot(*went[y, x].T).max() == pytest.approx(0.01 * 70, rel=0.1)
    assert (went[y, x] * pattern(code)).sum() > 0.98 * np.linalg.norm(went[y, x]) * np.linalg.norm(pattern(code))


@pytest.mark.parametrize("code", ["AU1", "AU2", "AU4", "AU6", "AU9", "AU10", "AU12", "LAU12", "RAU14", "AU15", "AU20"])
def test_a_large_micro_expression_is_too(portrait: PhantomFace, code: str) -> None:
    video = small(portrait, PhantomScript((event((code, 0.03)),), nuisance=STILL))
    x, y = np.round(region_centres(video.face.landmarks)).astype(int).T
    assert np.hypot(*video.flow(REST, APEX).expression[y, x].T).max() == pytest.approx(0.03 * 70, rel=0.1)


def test_the_expression_follows_the_scripts_course(portrait: PhantomFace) -> None:
    video = small(portrait, PhantomScript((event(("AU12", 0.03)),), nuisance=STILL))
    sizes = [float(np.abs(video.flow(REST, t).expression).max()) for t in (ONSET, 1.05, 1.1, 1.15, APEX, OFFSET)]
    shares = [video.script.events[0].strength(t) for t in (ONSET, 1.05, 1.1, 1.15, APEX, OFFSET)]
    assert [size / max(sizes) for size in sizes] == pytest.approx(shares, abs=0.03)


def test_overlapping_expressions_add_up(portrait: PhantomFace) -> None:
    both = small(portrait, PhantomScript((event(("AU12", 0.02)), event(("AU4", 0.02))), nuisance=STILL))
    alone = [small(portrait, PhantomScript((event((code, 0.02)),), nuisance=STILL)) for code in ("AU12", "AU4")]
    total = sum(video.flow(REST, APEX).expression for video in alone)
    assert np.abs(both.flow(REST, APEX).expression - total).max() < 0.06


@pytest.mark.parametrize(("t0", "t1"), [(REST, APEX), (1.1, 2.0), (0.0, 0.9)])
def test_mesh_points_go_with_the_flow(busy: PhantomVideo, t0: float, t1: float) -> None:
    before, after = busy.landmarks(t0), busy.landmarks(t1)
    carried = before[:, :2] + sampled(busy.flow(t0, t1).facial, before[None, :, :2])[0]
    assert np.abs(carried - after[:, :2]).max() < 0.05
    assert after.shape == (478, 3)
    assert after.dtype == np.float32


def test_at_rest_the_head_carries_the_mesh_points(busy: PhantomVideo) -> None:
    solid = SolidHead(skin_depth(busy.face.landmarks, busy.width, busy.height), busy.iod_px)
    seen = solid.seen(busy.face.landmarks[None, :, :2], busy.head(3.0))[0]
    assert busy.landmarks(3.0)[:, :2] == pytest.approx(seen, abs=0.01)


@QUICK
@given(st.floats(0, 1000))
def test_the_head_stays_within_its_amplitudes(noisy: PhantomVideo, t: float) -> None:
    nuisance, head = noisy.script.nuisance, noisy.head(t)
    assert np.abs(head[:2, 3]).max() <= nuisance.sway_iod + 1e-9
    assert abs(1 / (1 + head[2, 3] / CAMERA_IOD) - 1) <= nuisance.zoom + 1e-9
    away, across = head[:3, 2], head[:3, 0]
    assert np.degrees(np.arccos(away[2])) <= np.hypot(nuisance.turn_deg, nuisance.turn_deg) + 1e-6
    assert abs(np.degrees(np.arctan2(across[1], across[0]))) <= nuisance.roll_deg + 0.05


def test_a_seed_is_a_path_of_the_head(portrait: PhantomFace) -> None:
    one, same, other = (small(portrait, PhantomScript(seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.head(0.7), same.head(0.7))
    assert not np.allclose(one.head(0.7), other.head(0.7), atol=1e-3)


@pytest.mark.parametrize("nuisance", [STILL, SWAYING], ids=["still", "swaying"])
@pytest.mark.parametrize(("t0", "t1"), [(REST, 1.19), (1.19, REST), (1.19, 1.25)])
def test_what_a_blink_covers_is_not_valid(portrait: PhantomFace, nuisance: Nuisance, t0: float, t1: float) -> None:
    video = small(portrait, PhantomScript(blinks_s=(1.1,), nuisance=nuisance))
    flow = video.flow(t0, t1)
    wrong = unlike(video, t0, t1, flow.facial)
    face = small(portrait, PhantomScript(nuisance=nuisance)).flow(t0, t1).valid
    assert wrong[face & ~flow.valid].max() > 60
    assert (wrong[flow.valid] > 30).mean() < 1e-3
    assert wrong[flow.valid].mean() < 1.5


def test_a_blink_changes_only_the_eyes_surroundings(portrait: PhantomFace) -> None:
    video = small(portrait, PhantomScript(blinks_s=(1.1,), nuisance=STILL))
    changed = unlike(video, REST, 1.19) > 2
    near = np.zeros_like(changed)
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        eye = video.face.landmarks[[*upper, *lower], :2]
        (x0, y0), (x1, y1) = (eye.min(axis=0) - 0.2 * 70).astype(int), (eye.max(axis=0) + 0.1 * 70).astype(int)
        near[y0:y1, x0:x1] = True
    assert changed.sum() > 100
    assert not (changed & ~near).any()
    # The eyeball is covered by skin: lighter than a pupil.
    for pupil in (468, 473):
        x, y = np.round(video.face.landmarks[pupil, :2]).astype(int)
        assert int(video.frame(1.19)[y, x].min()) > int(video.frame(REST)[y, x].min()) + 30


def test_after_a_blink_the_eyes_are_as_before(portrait: PhantomFace) -> None:
    video = small(portrait, PhantomScript(blinks_s=(1.1,), nuisance=STILL))
    assert np.array_equal(video.frame(1.0), video.frame(1.4))
    assert np.array_equal(video.flow(1.0, 1.4).valid, video.flow(0.2, 0.3).valid)


def test_the_valid_area_is_the_face(busy: PhantomVideo) -> None:
    valid = busy.flow(REST, APEX).valid
    x, y = np.round(region_centres(busy.landmarks(REST))).astype(int).T
    assert valid[y, x].all()
    assert not valid[0].any()
    assert not valid[:, [0, -1]].any()


def test_sensor_noise_is_as_strong_as_asked(portrait: PhantomFace) -> None:
    clean = small(portrait, PhantomScript(nuisance=STILL)).frame(0.5).astype(np.float64)
    for sigma in (1.0, 2.0, 4.0):
        nuisance = Nuisance(sway_iod=0, roll_deg=0, zoom=0, turn_deg=0, light=0, noise=sigma)
        video = small(portrait, PhantomScript(nuisance=nuisance))
        inside = (clean > 25) & (clean < 230)
        assert (video.frame(0.5) - clean)[inside].std() == pytest.approx(sigma, rel=0.1)
        assert not np.array_equal(video.frame(0.5), video.frame(0.6))


def test_light_changes_the_frames_and_not_the_flow(portrait: PhantomFace) -> None:
    step = Nuisance(sway_iod=0, roll_deg=0, zoom=0, turn_deg=0, light=0, noise=0, light_step_s=1.0, light_step=0.06)
    video = small(portrait, PhantomScript(nuisance=step))
    before, after = video.frame(0.99).astype(np.float64), video.frame(1.0).astype(np.float64)
    unclipped = (before > 60) & (before < 220)
    assert (after[unclipped] / before[unclipped]).mean() == pytest.approx(1.06, abs=0.003)
    assert np.abs(video.flow(0.99, 1.0).facial).max() < 1e-3


def test_slow_light_stays_within_its_amplitude(portrait: PhantomFace) -> None:
    drift = Nuisance(sway_iod=0, roll_deg=0, zoom=0, turn_deg=0, light=0.05, noise=0)
    plain = small(portrait, PhantomScript(nuisance=STILL)).frame(0.0).astype(np.float64)
    video = small(portrait, PhantomScript(nuisance=drift))
    middle = (plain > 60) & (plain < 220)
    gains = [float((video.frame(t)[middle] / plain[middle]).mean()) for t in np.linspace(0, 9, 10)]
    assert max(gains) - min(gains) > 0.06
    assert all(0.945 <= gain <= 1.055 for gain in gains)


def test_compressed_frames_look_alike(portrait: PhantomFace) -> None:
    packed = Nuisance(sway_iod=0, roll_deg=0, zoom=0, turn_deg=0, light=0, noise=0, jpeg=90)
    plain = small(portrait, PhantomScript(nuisance=STILL)).frame(0.0).astype(np.float64)
    lossy = small(portrait, PhantomScript(nuisance=packed)).frame(0.0).astype(np.float64)
    assert 0 < np.abs(plain - lossy).mean() < 4


def test_the_size_of_the_frame_does_not_change_the_motion(portrait: PhantomFace) -> None:
    script = PhantomScript((event(("AU12", 0.03)),), nuisance=STILL)
    half, full = PhantomVideo(portrait, script, 320, 240, 50.0), PhantomVideo(portrait, script, 640, 480, 100.0)
    small_flow, large_flow = half.flow(REST, APEX).expression, full.flow(REST, APEX).expression
    assert np.abs(large_flow[::2, ::2] / 2 - small_flow).max() < 0.05
