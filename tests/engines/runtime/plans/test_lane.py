from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")

from calib.int8 import Crop
from engines.runtime.plans.builder import prepared
from engines.runtime.plans.lane import FEATURES, Lane
from engines.runtime.plans.store import PlanError
from engines.runtime.weights import Weights
from tests.engines.runtime.host_gpu import HostDevice, library
from tests.engines.runtime.test_openvino import encoder, follower, matcher
from tests.engines.runtime.test_openvino import folder as folder  # a network that is compiled in no time

Pairs = list[tuple[Crop, Crop]]


def opened(device: HostDevice, parts: dict[str, bytes]) -> Lane:
    made = library(device)
    return Lane(device, made, made.module.Runtime(None), parts)  # type: ignore[arg-type]


def test_features_go_from_the_encoder_to_a_block_and_from_there_to_where_they_are_wanted(
    folder: Path, calibration: Pairs
) -> None:
    """By the copies that it tells: two crops in one batch, matched the other way round."""
    device = HostDevice()
    with device.current():
        lane = opened(device, prepared(Weights(folder), "fp32", 2))
        assert lane.batch == 2
        layout = {name: 4_000_000 * k for k, name in enumerate(n for n in FEATURES if n in lane.encoder.ports)}
        lane.crops[:] = np.stack(calibration[0])
        lane.encode()
        blocks = [device.memory(4_000_000 * len(layout)) for _ in range(2)]
        for slot, block in enumerate(blocks):
            for copy in lane.saved(slot, layout):
                device.copy(int(block) + copy.target, lane.encoder.start + copy.source, copy.size)
        for matching in (lane.matcher, lane.follower):
            for block, copies in zip(reversed(blocks), matching.given(1, layout), strict=True):
                for copy in copies:
                    device.copy(matching.stage.start + copy.target, int(block) + copy.source, copy.size)
        lane.follower.guesses[1] = 0.5
        lane.matcher.run()
        lane.follower.run()
        device.wait()
        second, first = (crop[1::4, 1::4, :2].astype(np.float32) for crop in calibration[0])
        assert lane.matcher.guesses is None
        assert np.array_equal(lane.matcher.facial[1], second - first)
        assert np.array_equal(lane.follower.facial[1], second + np.float32(0.5))
        assert np.array_equal(lane.follower.head[1], first)
        for block in blocks:
            device.free(block)
        lane.close()
    device.close()


@pytest.mark.parametrize(
    "parts",
    [{"matcher": matcher(channels=5)}, {"matcher": follower()}, {"follower": matcher()}, {"encoder": matcher()},
     {"follower": follower("rest")}],
    ids=["other features", "a matcher that wants a guess", "a follower that wants none", "no encoder", "unknown"],
)  # fmt: skip
def test_parts_that_do_not_fit_together_are_refused_and_freed(parts: dict[str, bytes]) -> None:
    device = HostDevice()
    whole = {"encoder": encoder(), "matcher": matcher(), "follower": follower()}
    with device.current(), pytest.raises(PlanError, match="do not fit together"):
        opened(device, whole | parts)
    device.close()
