from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from calib.face import CROP
from calib.phantom import Nuisance, PhantomFace
from engines.refine import refined_flow
from engines.runtime import CropError, EngineError, FlowEngine, FlowFields, open_engine
from tests.engines.scenes import Scene, scene

MOVING = Nuisance(light=0, noise=1.0)


class Counting:
    """Another engine, and how often it was asked."""

    def __init__(self, engine: FlowEngine) -> None:
        self._engine, self.name = engine, engine.name
        self.encoded = self.measured = 0

    def encode(self, crop: NDArray[np.uint8]) -> Any:
        self.encoded += 1
        return self._engine.encode(crop)

    def flow(self, first: Any, second: Any) -> FlowFields:
        self.measured += 1
        return self._engine.flow(first, second)

    def close(self) -> None:
        """The fixture closes it."""


@pytest.fixture(scope="module", params=["meflownet", "dis"])
def engine(request: pytest.FixtureRequest) -> Iterator[FlowEngine]:
    try:
        opened = open_engine(request.param)
    except EngineError as error:
        pytest.skip(str(error))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def small(portrait: PhantomFace) -> Scene:
    return scene(portrait, ("AU12", 0.015), ("AU4", 0.01), nuisance=MOVING, seed=4)


@pytest.fixture(scope="module")
def large(portrait: PhantomFace) -> Scene:
    return scene(portrait, ("AU12", 0.08), ("AU25", 0.05), nuisance=MOVING, seed=4)


def off(flow: NDArray[Any], true: NDArray[Any], of: Scene) -> float:
    """Mean endpoint error, px."""
    return float(np.linalg.norm((flow - true)[of.valid], axis=-1).mean())


@pytest.mark.parametrize("which", ["small", "large"])
def test_two_passes_leave_less_error_than_one(engine: FlowEngine, which: str, request: pytest.FixtureRequest) -> None:
    seen: Scene = request.getfixturevalue(which)
    counting = Counting(engine)
    refined = refined_flow(counting, seen.first, seen.second, seen.landmarks)
    assert (counting.encoded, counting.measured) == (3, 2)
    once = engine.flow(engine.encode(seen.first), engine.encode(seen.second))
    assert off(refined.facial, seen.facial, seen) < 0.95 * off(once.facial, seen.facial, seen)
    if once.head is not None:
        assert off(refined.head, seen.head, seen) < 0.9 * off(once.head, seen.head, seen)
        apart = off(once.facial - once.head, seen.facial - seen.head, seen)
        assert off(refined.expression, seen.facial - seen.head, seen) < apart


def test_what_is_the_same_has_not_moved(engine: FlowEngine, small: Scene) -> None:
    still = refined_flow(engine, small.first, small.first, small.landmarks)
    assert np.abs(still.facial[small.valid]).mean() < 0.02
    assert np.abs(still.expression[small.valid]).max() < 0.2


@pytest.mark.parametrize("place", [0, 1])
def test_a_crop_that_shows_nothing_is_refused(engine: FlowEngine, small: Scene, place: int) -> None:
    crops = [small.first, small.second]
    crops[place] = np.zeros((CROP, CROP, 3), np.uint8)
    with pytest.raises(CropError, match="black"):
        refined_flow(engine, crops[0], crops[1], small.landmarks)
