import numpy as np
import pytest

from calib.face import REGIONS, Doubles
from calib.facs import pattern
from calib.phantom import PhantomEvent
from realtime.config import SpotConfig
from realtime.curve import SEEN
from realtime.movement import Movement, Step
from realtime.samples import Samples
from tests.realtime.curves import displacement, motion

CONFIG = SpotConfig()
NOISE = 0.0003


def followed(
    events: list[PhantomEvent], until_s: float, fps: float = 30.0
) -> tuple[Movement, list[tuple[float, Step]]]:
    """A movement noticed when it has gone 0.005 IOD, followed to its end."""
    rng = np.random.default_rng(1)
    samples, steps = Samples(), list[tuple[float, Step]]()
    movement: Movement | None = None
    for k in range(int(until_s * fps)):
        t_s = k / fps
        moved = displacement(events, t_s)
        sample = samples.take(motion(t_s, moved + NOISE * rng.standard_normal(moved.shape)))
        assert sample is not None
        if movement is None:
            if np.hypot(*sample.displacement[SEEN].T).max() > 0.005:
                still: Doubles = np.zeros((len(REGIONS), 2))
                movement = Movement(0, still, np.full(len(REGIONS), NOISE), SEEN, 0.0, 1.0, still)
                movement.rise(samples, sample)
        else:
            steps.append((t_s, movement.follow(samples, sample, CONFIG)))
            if steps[-1][1] == "closed":
                break
    assert movement is not None
    return movement, steps


@pytest.mark.parametrize("fps", [30, 100])
@pytest.mark.parametrize(("rise_s", "fall_s", "hold_s"), [(0.1, 0.1, 0.0), (0.15, 0.25, 0.0), (0.4, 0.6, 0.8)])
def test_onset_apex_and_offset_are_where_they_were(rise_s: float, fall_s: float, hold_s: float, fps: float) -> None:
    event = PhantomEvent(1.0, 1.0 + rise_s, 1.0 + rise_s + hold_s + fall_s, (("AU12", 0.03),), hold_s=hold_s)
    movement, _ = followed([event], 5.0, fps)
    assert movement.onset_s == pytest.approx(event.onset_s, abs=0.05)
    assert movement.apex_s == pytest.approx(event.apex_s, abs=0.05)
    assert movement.offset_s == pytest.approx(event.offset_s, abs=0.06)
    assert movement.level is None


def test_it_grows_then_tells_its_apex_once_then_ends() -> None:
    event = PhantomEvent(1.0, 1.2, 1.9, (("AU4", 0.03),), hold_s=0.4)
    _, steps = followed([event], 4.0)
    kinds = [step for _, step in steps]
    assert kinds.count("apex") == 1
    assert kinds[-1] == "closed"
    assert set(kinds[: kinds.index("apex")]) <= {"grown", "held"}
    told_s = next(t_s for t_s, step in steps if step == "apex")
    assert told_s - event.apex_s < 0.15


def test_its_direction_is_that_of_the_unit_and_its_parts_are_those_that_move() -> None:
    movement, _ = followed([PhantomEvent(1.0, 1.2, 1.5, (("LAU12", 0.03),))], 4.0)
    wanted = np.where(SEEN[:, None], pattern("LAU12"), 0.0)
    assert float((movement.direction * wanted).sum()) / np.linalg.norm(wanted) > 0.98
    moving = np.hypot(*wanted.T)
    assert movement.part[moving > 0.3 * moving.max()].all()
    assert not movement.part[moving < 0.02 * moving.max()].any()
    assert movement.reach.max() == pytest.approx(0.03 * moving.max(), rel=0.1)


def test_one_that_stays_ends_where_it_stays() -> None:
    stays = PhantomEvent(1.0, 1.2, 30.0, (("AU17", 0.03),), hold_s=20.0)
    movement, steps = followed([stays], 8.0)
    assert steps[-1][1] == "closed"
    assert movement.level is not None
    assert movement.offset_s - movement.onset_s == pytest.approx(CONFIG.longest_s, abs=0.1)
    assert np.hypot(*movement.level[SEEN].T).max() > 0.02


def test_one_that_is_free_only_since_the_averaged_moment_begins_there() -> None:
    samples, still = Samples(), np.zeros((len(REGIONS), 2))
    for t_s in (0.0, 0.04, 0.08, 0.10):
        sample = samples.take(motion(t_s, still + 0.01))
    assert sample is not None
    assert 0.08 < sample.t_s < 0.10
    movement = Movement(0, still, np.full(len(REGIONS), NOISE), SEEN, 0.085, 1.0, still)
    movement.rise(samples, sample)
    assert movement.onset_s >= 0.085


def test_confidence_grows_with_how_far_it_left_its_threshold() -> None:
    movement, _ = followed([PhantomEvent(1.0, 1.2, 1.5, (("AU12", 0.03),))], 4.0)
    sure = []
    for score in (1.0, 1.5, 2.0, 4.0):
        movement.score = score
        sure.append(movement.confidence)
    assert sure == sorted(sure)
    assert sure[0] == pytest.approx(0.8)
    assert 0.95 < sure[2] < sure[3] < 1
