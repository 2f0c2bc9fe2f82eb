"""The weights that come with the project, on every backend that runs here."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calib.face import Floats
from calib.phantom import Nuisance, PhantomFace
from engines.runtime.dis import DisEngine
from engines.runtime.interface import EngineError, FlowEngine, FollowingEngine
from engines.runtime.reference import Reference, allowed_px
from engines.runtime.registry import ENGINES, open_engine
from engines.runtime.weights import MANIFEST, SHIPPED, Weights
from tests.engines.scenes import STILL, Scene, scene

pytestmark = pytest.mark.skipif(not (SHIPPED / MANIFEST).is_file(), reason="no weights are shipped yet")

NETWORKS = [name for name in ENGINES if name != "dis"]
UNITS = ["AU1", "AU4", "AU9", "AU12", "LAU12", "AU15", "AU17"]


class Backends(dict[str, FlowEngine]):
    """The engines by name, opened when first asked for: that takes seconds."""

    def __missing__(self, name: str) -> FlowEngine:
        try:
            self[name] = open_engine(name)
        except EngineError as error:
            if "away from the reference" in str(error):
                raise
            pytest.skip(str(error))
        return self[name]


@pytest.fixture(scope="module")
def backends() -> Iterator[Backends]:
    opened = Backends()
    yield opened
    for engine in opened.values():
        engine.close()


@pytest.fixture(params=NETWORKS)
def engine(request: pytest.FixtureRequest, backends: Backends) -> FlowEngine:
    """Every backend that has what it needs here."""
    return backends[request.param]


@pytest.fixture
def network(backends: Backends) -> FlowEngine:
    """The backend that runs everywhere."""
    return backends["meflownet"]


@pytest.fixture(scope="module")
def acted(portrait: PhantomFace) -> dict[str, Scene]:
    """Small expressions of a swaying head before a noisy camera in changing light."""
    return {code: scene(portrait, (code, 0.02), nuisance=Nuisance(noise=2.0), seed=5) for code in UNITS}


def between(engine: FlowEngine, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    fields = engine.flow(engine.encode(first), engine.encode(second))
    return fields.facial, fields.head if fields.head is not None else np.zeros_like(fields.facial)


def error(found: Floats, wanted: Floats, valid: NDArray[np.bool_]) -> float:
    return float(np.hypot(*(found - wanted)[valid].T).mean())


def test_every_file_is_the_one_that_was_trained() -> None:
    weights = Weights()
    for part in (
        "_encoder.onnx",
        "_matcher.onnx",
        "_matcher_int8.onnx",
        "_follower.onnx",
        "_follower.npz",
        "_reference.npz",
        ".npz",
    ):
        assert weights.read(f"meflownet_{weights.size}{part}")


def test_every_backend_agrees_with_the_reference(engine: FlowEngine) -> None:
    assert Reference(Weights()).check(engine, allowed_px(engine.name.rpartition("-")[2])) >= 0


def test_every_backend_is_near_the_truth(engine: FlowEngine, acted: dict[str, Scene]) -> None:
    smile = acted["AU12"]
    facial, head = between(engine, smile.first, smile.second)
    still = np.zeros_like(facial)
    assert error(facial, smile.facial, smile.valid) < 0.2 * error(still, smile.facial, smile.valid)
    assert error(head, smile.head, smile.valid) < 0.3 * error(still, smile.head, smile.valid)


def test_from_a_guess_a_pixel_off_every_backend_is_as_near_to_the_truth(
    engine: FlowEngine, acted: dict[str, Scene]
) -> None:
    if not isinstance(engine, FollowingEngine):
        pytest.skip(f"{engine.name} goes on from no guess")
    for s in acted.values():
        first, second = engine.encode(s.first), engine.encode(s.second)
        found = engine.flow(first, second)
        followed = engine.follow(first, second, found.found + np.array([0.6, -0.8], np.float32))
        assert error(followed.facial, s.facial, s.valid) < 1.2 * error(found.facial, s.facial, s.valid) + 0.02


def test_it_is_well_below_dis(network: FlowEngine, acted: dict[str, Scene]) -> None:
    dis = DisEngine()
    ours, theirs = (
        np.mean([error(between(e, s.first, s.second)[0], s.facial, s.valid) for s in acted.values()])
        for e in (network, dis)
    )
    assert ours < 0.6 * theirs


@pytest.mark.parametrize("code", UNITS)
def test_expressions_are_told_apart_from_the_head(network: FlowEngine, acted: dict[str, Scene], code: str) -> None:
    s = acted[code]
    facial, head = between(network, s.first, s.second)
    wanted = s.facial - s.head
    moved = s.valid & (np.hypot(*wanted.transpose(2, 0, 1)) > 0.5 * np.hypot(*wanted[s.valid].T).max())
    assert error(facial - head, wanted, moved) < 0.5 * error(np.zeros_like(wanted), wanted, moved)


def test_a_head_that_moves_alone_has_little_expression(network: FlowEngine, portrait: PhantomFace) -> None:
    swaying = scene(portrait, nuisance=Nuisance(noise=2.0), seed=7)
    facial, head = between(network, swaying.first, swaying.second)
    still = np.zeros_like(facial)
    assert error(swaying.head, still, swaying.valid) > 0.5
    assert error(facial - head, still, swaying.valid) < 0.1
    assert error(head, swaying.head, swaying.valid) < 0.2


def test_a_crop_does_not_move_against_itself(engine: FlowEngine, acted: dict[str, Scene]) -> None:
    crop, face = acted["AU12"].first, acted["AU12"].valid
    for flow in between(engine, crop, crop):
        assert np.hypot(*flow[face].T).mean() < 0.02


def test_light_alone_moves_nothing(network: FlowEngine, portrait: PhantomFace) -> None:
    still = scene(portrait, nuisance=STILL)
    brighter = np.asarray(cv2.convertScaleAbs(still.first, alpha=1.06), np.uint8)
    facial, _ = between(network, still.first, brighter)
    assert np.hypot(*facial[still.valid].T).mean() < 0.05


@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (0, -2), (-4, 3)])
def test_a_shifted_crop_flows_as_far_as_it_was_shifted(
    network: FlowEngine, acted: dict[str, Scene], dx: int, dy: int
) -> None:
    s = acted["AU12"]
    shifted: NDArray[np.uint8] = np.roll(s.first, (dy, dx), axis=(0, 1))
    facial, head = between(network, s.first, shifted)
    assert np.median(facial[s.valid], axis=0) == pytest.approx([dx, dy], abs=0.1)
    assert np.hypot(*(facial - head)[s.valid].T).mean() < 0.1
