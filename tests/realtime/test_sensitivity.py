from collections.abc import Iterator

import numpy as np
import pytest

from engines.runtime import FlowEngine, open_engine
from realtime.config import CalibrateConfig, Config, SpotConfig
from realtime.recording import NoRestError
from realtime.rest import Rest, measure_rest
from realtime.sensitivity import measure_sensitivity
from tests.realtime.rests import recording

# Nothing but the noise sets the thresholds.
CONFIG = Config(spot=SpotConfig(threshold_iod=0.0005), calibrate=CalibrateConfig(passes=3))


@pytest.fixture(scope="module")
def engine() -> Iterator[FlowEngine]:
    opened = open_engine("dis")
    yield opened
    opened.close()


def test_more_noise_is_a_higher_floor_and_hides_larger_movements(engine: FlowEngine) -> None:
    floors, sizes = [], []
    for noise in (1.0, 16.0):
        recorded = recording(seconds=4.7, noise=noise)
        rest = measure_rest(recorded, CONFIG, engine, lambda share: None)
        done: list[float] = []
        seen = measure_sensitivity(recorded, rest, CONFIG, engine, done.append)
        floors.append(float(np.median(rest.baseline.sigma_iod)))
        sizes.append(seen.iod)
        assert sum(seen.tried) >= 6
        assert seen.detection.sizes[0] == pytest.approx(0.002)
        assert seen.frame_px == pytest.approx(seen.iod * rest.iod_px)
        assert done == sorted(done)
        assert done[-1] == pytest.approx(1.0)
    assert floors[1] > 1.5 * floors[0]
    assert sizes[1] > sizes[0]


def test_a_rest_full_of_blinks_leaves_no_room(engine: FlowEngine) -> None:
    recorded = recording(seconds=3.2)
    still = measure_rest(recorded, CONFIG, engine, lambda share: None)
    busy = Rest(**{**vars(still), "busy": ((5.0, 9.0),)})
    with pytest.raises(NoRestError, match="without a blink or a movement: rest for longer"):
        measure_sensitivity(recorded, busy, CONFIG, engine, lambda share: None)
