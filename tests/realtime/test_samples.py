import msgspec
import numpy as np
import pytest

from calib.face import Doubles
from realtime.samples import Samples
from tests.realtime.curves import motion


def level(value: float) -> Doubles:
    return np.full((29, 2), value)


def test_samples_come_in_order_and_repeated_or_late_ones_are_dropped() -> None:
    samples = Samples()
    taken = [samples.take(motion(t, level(0))) is not None for t in (0.0, 0.1, 0.1, 0.05, 0.2)]
    assert taken == [True, True, False, False, True]
    assert [s.t_s for s in samples] == pytest.approx([0.0, 0.1, 0.2])
    assert samples.newest.t_s == pytest.approx(0.2)


@pytest.mark.parametrize("fps", [60, 100, 240])
def test_fast_frames_are_averaged_over_the_time_of_one_slow_one(fps: int) -> None:
    samples, rng = Samples(), np.random.default_rng(0)
    raw = rng.standard_normal((fps, 29, 2))
    smooth = [samples.take(motion(k / fps, raw[k])) for k in range(fps)]
    later = np.stack([s.displacement for s in smooth[fps // 4 :] if s is not None])
    width = int(0.034 * fps) + 1
    assert later.std() == pytest.approx(1 / np.sqrt(width), rel=0.15)


def test_a_return_to_an_earlier_anchor_leaves_no_step_in_what_was_before() -> None:
    samples = Samples()
    for k, (anchor, value) in enumerate([(0, 0.0), (1, 0.0), (1, 0.02), (0, 0.003)]):
        samples.take(msgspec.structs.replace(motion(k / 10, level(value)), epoch=anchor))
        assert (samples.step is not None) == (k == 3)
    assert samples.step == pytest.approx(level(-0.017))
    assert [float(s.displacement[0, 0]) for s in samples] == pytest.approx([-0.017, -0.017, 0.003, 0.003])


def test_what_is_no_number_is_no_sample() -> None:
    samples = Samples()
    assert samples.take(motion(0.0, level(float("nan")))) is None
    assert samples.take(motion(0.1, level(0.0))) is not None


def test_an_averaged_sample_stands_at_the_mean_of_its_times() -> None:
    samples = Samples()
    for k in range(20):
        sample = samples.take(motion(k / 100, level(k / 100)))
    assert sample is not None
    assert sample.t_s == pytest.approx(sample.displacement[0, 0])


def test_since_tells_the_newest_ones_and_old_ones_are_forgotten() -> None:
    samples = Samples()
    for k in range(300):
        samples.take(motion(k / 30, level(0)))
    assert [s.t_s for s in samples.since(9.9)] == pytest.approx([9.9, 9.933, 9.967], abs=1e-3)
    assert samples.since(11.0) == []
    assert min(s.t_s for s in samples) > 3.5


def test_an_eye_is_shut_by_what_it_is_less_open_than_usual() -> None:
    samples = Samples()
    for k in range(60):
        blinks = k in (50, 51)
        eyes = (0.1 if blinks else 0.3), 0.4
        samples.take(msgspec.structs.replace(motion(k / 30, level(0)), eye_opening=eyes))
    assert samples.shut(1.9) == pytest.approx(0)
    assert samples.shut(50 / 30) == pytest.approx(2 / 3)
    assert Samples().shut(0.0) == 0
