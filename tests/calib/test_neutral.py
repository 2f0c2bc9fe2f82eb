import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.face import REGIONS, Doubles
from calib.neutral import SIGMA_FLOOR_IOD, SIGMA_START_IOD, Baseline, RestLevel, measure_baseline

FPS = 30
STILL: Doubles = np.zeros((len(REGIONS), 2))


def offset(size: float, region: int | None = None) -> Doubles:
    """All regions, or one, moved to the right."""
    moved = STILL.copy()
    moved[slice(None) if region is None else region, 0] = size
    return moved


def feed(rest: RestLevel, start_s: float, seconds: float, displacement: Doubles, fps: float = FPS) -> float:
    """Samples of one displacement; returns when the next would be due."""
    count = round(seconds * fps)
    for k in range(count):
        rest.update(start_s + k / fps, displacement.copy())
    return start_s + count / fps


def trembling(sigma: float, seconds: float, seed: int, fps: float = FPS) -> RestLevel:
    rng = np.random.default_rng(seed)
    rest = RestLevel()
    for k in range(round(seconds * fps)):
        rest.update(k / fps, rng.normal(0, sigma, STILL.shape))
    return rest


def test_before_anything_was_seen_the_noise_is_assumed() -> None:
    rest = RestLevel()
    assert rest.level.shape == (len(REGIONS), 2)
    assert rest.sigma_iod == pytest.approx(np.full(len(REGIONS), SIGMA_START_IOD))


def test_the_first_sample_is_rest() -> None:
    rest = RestLevel()
    rest.update(12.5, offset(0.3))
    assert rest.level == pytest.approx(offset(0.3))


@settings(max_examples=30)
@given(st.floats(-0.2, 0.2), st.floats(0.0, 0.22), st.sampled_from([15.0, 30.0, 60.0, 120.0]))
def test_a_rise_does_not_lift_the_level_within_the_delay(size: float, seconds: float, fps: float) -> None:
    rest = RestLevel()
    t = feed(rest, 0.0, 3.0, STILL, fps)
    feed(rest, t, seconds, offset(size), fps)
    assert rest.level == pytest.approx(STILL)


def test_a_short_twitch_never_moves_the_level() -> None:
    rest = RestLevel()
    t = feed(rest, 0.0, 2.0, STILL)
    t = feed(rest, t, 0.3, offset(0.05))
    for _ in range(60):
        t = feed(rest, t, 1 / FPS, STILL)
        assert rest.level == pytest.approx(STILL)


def test_a_position_that_is_kept_becomes_rest() -> None:
    rest = RestLevel()
    t = feed(rest, 0.0, 2.0, STILL)
    feed(rest, t, 1.6, offset(0.05))
    assert rest.level == pytest.approx(offset(0.05))


def test_every_region_has_its_own_level() -> None:
    rest = RestLevel()
    t = feed(rest, 0.0, 2.0, STILL)
    feed(rest, t, 1.6, offset(0.05, region=18))
    assert rest.level == pytest.approx(offset(0.05, region=18))


def test_the_level_keeps_up_with_a_slow_drift() -> None:
    rest = RestLevel()
    speed = 0.01
    for k in range(5 * FPS):
        rest.update(k / FPS, offset(speed * k / FPS))
    # It follows by less than the delay and the window together.
    assert np.abs(offset(speed * 5) - rest.level).max() < speed * 1.5


@pytest.mark.parametrize("sigma", [0.001, 0.002, 0.005])
def test_sigma_converges_to_the_true_noise(sigma: float) -> None:
    rest = trembling(sigma, 25.0, seed=3)
    assert rest.sigma_iod.mean() == pytest.approx(sigma, rel=0.08)
    assert rest.sigma_iod == pytest.approx(np.full(len(REGIONS), sigma), rel=0.3)


def test_the_level_under_noise_is_far_steadier_than_a_sample() -> None:
    rest = trembling(0.004, 6.0, seed=5)
    assert np.hypot(*rest.level.T).max() < 0.004


def test_sigma_respects_its_floor() -> None:
    rest = RestLevel()
    feed(rest, 0.0, 30.0, STILL)
    assert rest.sigma_iod == pytest.approx(np.full(len(REGIONS), SIGMA_FLOOR_IOD))


def test_a_noisy_region_does_not_make_the_others_noisy() -> None:
    rng = np.random.default_rng(1)
    rest = RestLevel()
    for k in range(25 * FPS):
        shaking = STILL.copy()
        shaking[7] = rng.normal(0, 0.01, 2)
        rest.update(k / FPS, shaking)
    assert rest.sigma_iod[7] == pytest.approx(0.01, rel=0.3)
    assert np.delete(rest.sigma_iod, 7) == pytest.approx(np.full(len(REGIONS) - 1, SIGMA_FLOOR_IOD))


def test_learning_goes_by_time_and_not_by_frames() -> None:
    slow, fast = RestLevel(), RestLevel()
    feed(slow, 0.0, 2.0, STILL, fps=30)
    feed(fast, 0.0, 2.0, STILL, fps=120)
    assert SIGMA_FLOOR_IOD < slow.sigma_iod[0] < SIGMA_START_IOD
    assert fast.sigma_iod == pytest.approx(slow.sigma_iod, rel=0.05)


def test_restart_takes_the_present_as_rest_and_keeps_the_noise() -> None:
    rest = trembling(0.004, 20.0, seed=2)
    learned = rest.sigma_iod.copy()
    rest.restart(21.0, offset(0.1))
    assert rest.level == pytest.approx(offset(0.1))
    assert rest.sigma_iod == pytest.approx(learned)


def test_after_a_restart_the_past_is_forgotten() -> None:
    rest = RestLevel()
    t = feed(rest, 0.0, 3.0, STILL)
    rest.restart(t, offset(0.1))
    feed(rest, t + 1 / FPS, 0.5, offset(0.1))
    assert rest.level == pytest.approx(offset(0.1))


def test_time_may_start_anywhere() -> None:
    early, late = RestLevel(), RestLevel()
    feed(early, 0.0, 5.0, offset(0.01))
    feed(late, 86_400.0, 5.0, offset(0.01))
    assert late.level == pytest.approx(early.level)
    assert late.sigma_iod == pytest.approx(early.sigma_iod)


def baseline(sigma: float) -> Baseline:
    return Baseline((sigma,) * len(REGIONS))


def test_with_a_baseline_the_noise_begins_there_and_never_falls_below() -> None:
    rest = RestLevel(baseline(0.003))
    assert rest.sigma_iod == pytest.approx(np.full(len(REGIONS), 0.003))
    feed(rest, 0.0, 30.0, STILL)
    assert rest.sigma_iod == pytest.approx(np.full(len(REGIONS), 0.003))


def test_with_a_baseline_the_noise_still_follows_a_noisier_scene() -> None:
    rng = np.random.default_rng(4)
    rest = RestLevel(baseline(0.001))
    for k in range(25 * FPS):
        rest.update(k / FPS, rng.normal(0, 0.004, STILL.shape))
    assert rest.sigma_iod.mean() == pytest.approx(0.004, rel=0.1)


def test_a_baseline_below_the_floor_is_not_believed() -> None:
    assert RestLevel(baseline(0.0)).sigma_iod == pytest.approx(np.full(len(REGIONS), SIGMA_FLOOR_IOD))


@pytest.mark.parametrize("twitches", [0, 6])
def test_the_baseline_is_the_true_noise_whatever_twitches(twitches: int) -> None:
    rng = np.random.default_rng(9)
    rest, distances = RestLevel(), []
    for k in range(8 * FPS):
        moved = rng.normal(0, 0.001, STILL.shape)
        moved += 0.02 * (k % 40 < twitches)
        rest.update(k / FPS, moved)
        if k > FPS:
            distances.append(rest.away)
    measured = np.array(measure_baseline(distances).sigma_iod)
    assert measured.mean() == pytest.approx(0.001, rel=0.3 if twitches else 0.08)


def test_a_baseline_needs_samples_and_all_regions() -> None:
    with pytest.raises(ValueError, match="no samples"):
        measure_baseline([])
    with pytest.raises(ValueError, match="29 regions, not 2"):
        Baseline((0.1, 0.1))
    with pytest.raises(ValueError, match="from 0"):
        Baseline((float("nan"),) * len(REGIONS))


def test_the_heads_pose_at_rest_is_known_too() -> None:
    rest = RestLevel()
    for k in range(60):
        rest.update(k / FPS, STILL, np.array([0.1, -0.05, 0.02]))
    assert rest.pose == pytest.approx([0.1, -0.05, 0.02])
    rest.restart(2.0, STILL, np.array([0.3, 0.0, 0.0]))
    assert rest.pose == pytest.approx([0.3, 0.0, 0.0])
