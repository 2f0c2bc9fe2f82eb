"""When a face is at rest: still, and not in the middle of an expression that is held."""

import numpy as np
import pytest

from calib.face import CROP, REGION_INDEX, REGIONS, Doubles, crop_landmarks, crop_transform
from calib.phantom import portrait
from realtime.curve import Curve, Shot

REST_IOD = 0.003


def shot(t_s: float) -> Shot:
    mesh = portrait().landmarks
    crop = np.zeros((CROP, CROP, 3), np.uint8)
    return Shot(round(t_s * 1e9), crop, crop_landmarks(crop_transform(mesh), mesh), 0)


@pytest.fixture
def curve() -> Curve:
    return Curve.begin(shot(0.0))


def smile(size_iod: float) -> Doubles:
    moved = np.zeros((len(REGIONS), 2))
    for side in ("Left", "Right"):
        moved[REGION_INDEX[f"{side} Mouth Corner"]] = 0.0, -size_iod
    return moved


def rests(curve: Curve, displacement: Doubles, since_s: float, until_s: float) -> bool:
    """Whether a face that has stayed at a displacement for some time is at rest at the end of it."""
    for t_s in np.arange(since_s, until_s, 1 / 30):
        curve.remember(shot(float(t_s)), displacement, None, 1.0)
    return curve.resting(REST_IOD)


def test_what_happened_between_two_frames_is_known_if_they_were_measured_from_the_same_anchor(curve: Curve) -> None:
    flows = [np.full((64, 64, 2), px, np.float32) for px in (0.5, 2.0, 3.0, 4.0)]
    for t_s, found in enumerate(flows[:2]):
        curve.remember(shot(t_s), smile(0.0), found, 9.0)
    curve.move_anchor(shot(1.5), smile(0.0))
    curve.remember(shot(2.0), smile(0.0), flows[2], 9.0)
    curve.remember(shot(3.0), smile(0.0), None, 9.0)
    early, late, moved, unknown = curve.history
    assert np.array_equal(late.since(early), flows[1] - flows[0])  # type: ignore[arg-type]
    assert moved.since(late) is None
    assert unknown.since(moved) is moved.since(unknown) is None


def test_a_movement_is_measured_from_a_frame_before_its_onset(curve: Curve) -> None:
    for number in range(10):
        curve.remember(shot(number / 30), smile(0.0), None, 9.0)
    times = [one.t_ns for one in curve.history]
    for onset_ns in (times[5], times[5] + 10_000_000, times[6] - 1_000_000):
        before = curve.before(onset_ns)
        assert before is not None
        assert before.t_ns == times[4]
    first = curve.before(times[0] + 5_000_000)  # nothing earlier is at hand
    assert first is curve.history[0]


def test_a_frame_from_before_a_hole_shows_another_moment(curve: Curve) -> None:
    for t_s in (0.0, 0.03, 0.06, 2.0, 2.03, 2.06):
        curve.remember(shot(t_s), smile(0.0), None, 9.0)
    for _ in range(20):  # a step is short as a rule
        curve.remember(shot(2.06), smile(0.0), None, 9.0)
    after = curve.before(2_010_000_000)
    assert after is not None
    assert after.t_ns == 2_000_000_000
    assert curve.before(1_000_000_000) is None


def test_a_still_face_is_at_rest_after_half_a_second(curve: Curve) -> None:
    assert not rests(curve, smile(0.0), 0.0, 0.3)
    assert rests(curve, smile(0.0), 0.3, 0.6)


def test_a_held_expression_is_no_rest_until_it_has_outlasted_every_expression(curve: Curve) -> None:
    assert rests(curve, smile(0.0), 0.0, 1.0)
    assert not rests(curve, smile(0.03), 1.0, 4.5)
    assert rests(curve, smile(0.0), 4.5, 5.5)
    assert not rests(curve, smile(0.03), 5.5, 9.5)
    assert rests(curve, smile(0.03), 9.5, 11.0)


def test_what_little_is_left_of_an_expression_is_rest(curve: Curve) -> None:
    assert rests(curve, smile(0.03), 0.0, 0.5) is False
    assert rests(curve, smile(0.005), 0.5, 1.2)


def test_rest_is_held_against_the_anchor_and_not_the_beginning(curve: Curve) -> None:
    assert not rests(curve, smile(0.03), 0.0, 1.0)
    curve.move_anchor(shot(1.0), smile(0.03))
    assert rests(curve, smile(0.03), 1.0, 1.6)
    assert not rests(curve, smile(0.0), 1.6, 2.6)
