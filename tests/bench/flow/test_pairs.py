import cv2
import numpy as np
import pytest

from bench.flow import pairs
from bench.flow.pairs import Image, Pair, PairSet, crop_flow, make_pair, make_pairs
from calib.face import CROP, CROP_IOD, Floats, crop_transform, transform_points
from calib.phantom import PhantomFace


def returned(second: Image, flow: Floats) -> Floats:
    """The second crop seen along the flow, which is the first one if the flow is true."""
    grid = np.stack(np.meshgrid(np.arange(CROP), np.arange(CROP)), axis=-1).astype(np.float32)
    return np.asarray(cv2.remap(second.astype(np.float32), grid + flow, None, cv2.INTER_LANCZOS4), dtype=np.float32)


def mismatch(pair: Pair, flow: Floats) -> float:
    """RMS difference of the crops in the face, grey levels, once the gains are made equal."""
    first = pair.crops[0].astype(np.float32)[pair.hull]
    second = returned(pair.crops[1], flow)[pair.hull]
    second *= first.mean() / second.mean()
    return float(np.sqrt(((first - second) ** 2).mean()))


def test_second_crop_along_the_true_flow_is_the_first(clean: Pair) -> None:
    # What is left is the resampling of two crops and their rounding.
    assert mismatch(clean, clean.facial) < 1.5
    assert mismatch(clean, clean.head) > 2 * mismatch(clean, clean.facial)
    assert mismatch(clean, np.zeros_like(clean.facial)) > 4 * mismatch(clean, clean.facial)


@pytest.mark.parametrize("axis", [0, 1])
def test_true_flow_is_right_to_a_twentieth_of_a_pixel(clean: Pair, axis: int) -> None:
    shift = np.zeros(2, np.float32)
    shift[axis] = 0.3
    before, at, after = (mismatch(clean, clean.facial + step * shift) ** 2 for step in (-1, 0, 1))
    # The lowest point of the parabola through the three.
    assert abs(0.3 * (before - after) / (2 * (before + after - 2 * at))) < 0.05


def test_true_flow_in_the_crop_follows_points_of_the_frame(face: PhantomFace) -> None:
    transform = crop_transform(face.landmarks)
    shear = np.array([[0.01, -0.02], [0.03, 0.005]])
    grid = np.stack(np.meshgrid(np.arange(512), np.arange(512)), axis=-1)
    flow = crop_flow((grid @ shear.T + [1.5, -0.5]).astype(np.float32), transform)
    frame_point = face.landmarks[4, :2].astype(np.float64)
    before = transform_points(transform, frame_point)
    after = transform_points(transform, frame_point + shear @ frame_point + [1.5, -0.5])
    measured = cv2.remap(flow, before[None, None].astype(np.float32), None, cv2.INTER_LINEAR)[0, 0]
    np.testing.assert_allclose(measured, after - before, atol=0.01)


def test_static_pairs_have_head_motion_only(face: PhantomFace) -> None:
    pair = make_pair(face, PairSet("static", 2.0), 0.5, np.random.default_rng(0))
    assert pair.motion_px == pytest.approx(0, abs=1e-3)
    assert np.abs(pair.head[pair.hull]).max() > 0.2


@pytest.mark.parametrize("size", [0.0, 0.5])
def test_macro_pairs_are_as_large_as_asked(face: PhantomFace, size: float) -> None:
    pair = make_pair(face, PairSet("macro", 2.0), size, np.random.default_rng(3))
    assert pair.motion_px == pytest.approx(pairs.MACRO_PX[0] ** (1 - size) * pairs.MACRO_PX[1] ** size, rel=0.1)


def test_macro_pairs_do_not_fold(face: PhantomFace) -> None:
    pair = make_pair(face, PairSet("macro", 2.0), 1.0, np.random.default_rng(2))
    du, dv = (np.gradient(pair.facial[..., k]) for k in (0, 1))
    area = (1 + du[1]) * (1 + dv[0]) - du[0] * dv[1]
    assert area[pair.hull].min() > 0


def test_micro_movements_have_their_size_at_the_frames_scale(clean: Pair) -> None:
    scale = CROP_IOD / 100
    # Two units of 2.1 px that overlap on the cheeks.
    assert 1.5 * scale < clean.motion_px < 4.5 * scale


@pytest.mark.parametrize("noise", [0.7, 4.0])
def test_both_frames_have_noise_of_their_own(face: PhantomFace, noise: float) -> None:
    quiet, noisy = (make_pair(face, PairSet("micro", sigma), 0.5, np.random.default_rng(4)) for sigma in (0.0, noise))
    first, second = (
        noisy.frames[k].astype(float) / noisy.frames[k].mean() - quiet.frames[k].astype(float) / quiet.frames[k].mean()
        for k in (0, 1)
    )
    middle = slice(150, 330), slice(200, 440)
    assert abs(np.corrcoef(first[middle].ravel(), second[middle].ravel())[0, 1]) < 0.05
    assert first[middle].std() * noisy.frames[0].mean() == pytest.approx(noise, rel=0.25)


def test_pairs_are_the_same_for_a_seed_and_no_other(face: PhantomFace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "SETS", (PairSet("micro", 2.0),))
    one, same, other = (list(make_pairs([face], 2, seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(a.crops, b.crops) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0].crops, other[0].crops)
    assert not np.array_equal(one[0].facial, one[1].facial)
