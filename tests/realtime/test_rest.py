import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from calib.phantom import PhantomEvent
from engines.runtime import FlowEngine, open_engine
from realtime.config import Config
from realtime.recording import NoRestError, Recording
from realtime.rest import Rest, measure_rest
from tests.realtime.rests import recording


@pytest.fixture(scope="module")
def engine() -> Iterator[FlowEngine]:
    opened = open_engine("dis")
    yield opened
    opened.close()


def rest(recorded: Recording, engine: FlowEngine) -> Rest:
    return measure_rest(recorded, Config(), engine, lambda share: None)


def test_a_rest_gives_the_noise_the_face_and_the_blinks(engine: FlowEngine) -> None:
    done: list[float] = []
    found = measure_rest(recording(blinks_s=(1.5,)), Config(), engine, done.append)
    assert found.iod_px == pytest.approx(70, rel=0.05)
    assert 60 < found.brightness < 220
    assert found.noise == pytest.approx(2.1, abs=0.5)
    assert 0 < np.median(found.baseline.sigma_iod) < 0.002
    assert len(found.transforms) == 97
    assert found.mesh.shape == (478, 3)
    assert min(start for start, _ in found.busy) == pytest.approx(6.4, abs=0.15)
    assert max(end for _, end in found.busy) == pytest.approx(6.85, abs=0.2)
    assert done == sorted(done)
    assert done[-1] == pytest.approx(1.0)


def test_a_performance_is_no_rest(engine: FlowEngine) -> None:
    acts = tuple(PhantomEvent(t, t + 0.18, t + 0.4, (("AU12", 0.04),)) for t in (0.9, 2.2))
    with pytest.raises(NoRestError, match=r"the face moved 2 times in 3 s \(at .*\): keep a resting face"):
        rest(recording(events=acts), engine)


def test_a_face_that_leaves_is_no_rest(engine: FlowEngine) -> None:
    whole = recording()
    gone = tuple(np.full_like(f, 90) if 50 <= k < 60 else f for k, f in enumerate(whole.frames))
    with pytest.raises(NoRestError, match=r"face left the picture after 1\.7 s: stay in the picture"):
        rest(dataclasses.replace(whole, frames=gone), engine)


def test_darkness_shows_nothing(engine: FlowEngine) -> None:
    with pytest.raises(NoRestError, match=r"too dark: .* turn a light on"):
        rest(recording(gain=0.07), engine)


def test_too_short_and_too_slow_is_said_before_any_work(engine: FlowEngine) -> None:
    whole = recording(seconds=3.2)
    short = dataclasses.replace(whole, frames=whole.frames[:40], times_ns=whole.times_ns[:40])
    slow = dataclasses.replace(whole, frames=whole.frames[::5], times_ns=whole.times_ns[::5])
    with pytest.raises(NoRestError, match=r"only 1\.3 s with a face \(40 frames\): a rest must be 3 s"):
        rest(short, engine)
    with pytest.raises(NoRestError, match="only 6 frames a second: 10 are needed"):
        rest(slow, engine)
