"""The GPU engines on a GPU; elsewhere all of this skips. `python -m bench gpu` runs it and writes its page."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from calib.int8 import Crop
from engines.runtime.cuda import CudaEngine
from engines.runtime.gpu import NoGpuError, find_gpu
from engines.runtime.interface import EngineError, FlowFields, encode_all, flow_all, follow_all
from engines.runtime.plans.builder import build, plan_spec, prepared
from engines.runtime.plans.graph import Precision
from engines.runtime.plans.library import open_library
from engines.runtime.plans.store import PlanStore
from engines.runtime.tensorrt import TensorRtEngine
from engines.runtime.torch import TorchEngine
from engines.runtime.weights import Weights

Pairs = list[tuple[Crop, Crop]]
GpuEngine = TensorRtEngine | CudaEngine

BATCHES = (1, 4, 64)
KINDS = ("tensorrt fp16", "tensorrt int8", "tensorrt fp32", "cuda fp16", "cuda fp16-fused", "cuda bf16")


def gpu_at_hand() -> bool:
    try:
        find_gpu()
    except NoGpuError:
        return False
    return True


pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not gpu_at_hand(), reason="no NVIDIA GPU here"),
    pytest.mark.timeout(1800),  # building takes minutes
]


def silent(what: str, share: float) -> None:
    """Nobody looks."""


def _cuda(kind: str) -> CudaEngine:
    precision, _, fused = kind.partition("-")
    return CudaEngine(precision, fused=bool(fused))  # type: ignore[arg-type]


class Engines(dict[str, GpuEngine]):
    """The engines by kind, built and opened when first asked for; it holds one at a time."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._store = PlanStore(folder)

    def __missing__(self, kind: str) -> GpuEngine:
        backend, precision = kind.split()
        self.close()
        try:
            self[kind] = self._tensorrt(precision) if backend == "tensorrt" else _cuda(precision)  # type: ignore[arg-type]
        except EngineError as error:
            if "away from the reference" in str(error):
                raise
            pytest.skip(str(error))
        return self[kind]

    def _tensorrt(self, precision: Precision) -> TensorRtEngine:
        library, gpu, files = open_library(), find_gpu(), Weights()
        library.serves(gpu)
        for batch in BATCHES:
            spec = plan_spec(files, library, gpu, precision, batch)
            if not self._store.path(spec).is_file():
                graphs = prepared(files, precision, batch)
                self._store.save(spec, build(library, gpu.capability, graphs, silent))
        return TensorRtEngine(precision, None, self._store)

    def close(self) -> None:
        for engine in self.values():
            engine.close()
        self.clear()


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    opened = Engines(tmp_path_factory.mktemp("plans"))
    yield opened
    opened.close()


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest, engines: Engines) -> GpuEngine:
    return engines[request.param]


@pytest.fixture(scope="module")
def exact(calibration: Pairs) -> list[FlowFields]:
    """What the network answers as it was trained, on the CPU."""
    pytest.importorskip("torch")
    cpu = TorchEngine(device="cpu")
    fields = [cpu.flow(*(cpu.encode(crop) for crop in pair)) for pair in calibration]
    cpu.close()
    return fields


def apart_px(found: FlowFields, wanted: FlowFields) -> float:
    return float(np.hypot(*np.moveaxis(found.facial - wanted.facial, -1, 0)).mean())


def test_one_pair_is_answered_as_on_the_cpu(
    engine: GpuEngine, calibration: Pairs, exact: list[FlowFields], capsys: pytest.CaptureFixture[str]
) -> None:
    apart = [
        apart_px(engine.flow(engine.encode(first), engine.encode(second)), wanted)
        for (first, second), wanted in zip(calibration, exact, strict=True)
    ]
    with capsys.disabled():
        print(f"\n{engine.name}: {max(apart):.5f} px from the CPU's answer")  # noqa: T201
    assert max(apart) < (0.06 if "int8" in engine.name else 0.03)


@pytest.mark.parametrize("count", [2, 3, 5, 64, 70])
def test_many_at_once_are_as_one_by_one(
    engine: GpuEngine, calibration: Pairs, exact: list[FlowFields], count: int
) -> None:
    pairs = [calibration[k % 3] for k in range(count)]
    firsts, seconds = (encode_all(engine, [pair[side] for pair in pairs]) for side in (0, 1))
    for k, found in enumerate(flow_all(engine, list(zip(firsts, seconds, strict=True)))):
        assert apart_px(found, exact[k % 3]) < (0.06 if "int8" in engine.name else 0.03)


def test_a_flow_is_followed_as_on_the_cpu(engine: GpuEngine, calibration: Pairs, exact: list[FlowFields]) -> None:
    pytest.importorskip("torch")
    cpu = TorchEngine(device="cpu")
    guesses = [np.float32(0.8) * fields.found for fields in exact]
    firsts, seconds = (encode_all(engine, [pair[side] for pair in calibration]) for side in (0, 1))
    for found, pair, guess in zip(
        follow_all(engine, list(zip(firsts, seconds, guesses, strict=True))), calibration, guesses, strict=True
    ):
        wanted = cpu.follow(cpu.encode(pair[0]), cpu.encode(pair[1]), guess)
        assert apart_px(found, wanted) < 0.03
    cpu.close()


def test_a_thousand_frames_come_out_the_same_and_memory_stays(engine: GpuEngine, calibration: Pairs) -> None:
    anchor, (first, second) = engine.encode(calibration[0][0]), calibration[0]
    wanted = engine.flow(anchor, engine.encode(second)).facial
    for _ in range(1000):
        engine.flow(anchor, engine.encode(first))
    assert np.abs(engine.flow(anchor, engine.encode(second)).facial - wanted).max() < 1e-3


def test_features_stay_what_they_were_while_they_are_kept(engine: GpuEngine, calibration: Pairs) -> None:
    (first, second), others = calibration[0], calibration[1]
    kept, moved = [engine.encode(first) for _ in range(20)], engine.encode(second)
    wanted = engine.flow(kept[0], moved).facial
    for crop in others:
        encode_all(engine, [crop] * 3)
        engine.encode(crop)
    for features in kept:
        assert np.abs(engine.flow(features, moved).facial - wanted).max() < 1e-3


@pytest.mark.parametrize("followed", [False, True])
@pytest.mark.parametrize("batch", BATCHES)
def test_how_long_it_takes_is_told(
    engine: GpuEngine, calibration: Pairs, batch: int, followed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """A live frame is one encoding and one flow, which goes on from the last frame's: told, not asserted."""
    first, second = calibration[0]
    anchors, times = encode_all(engine, [first] * batch), []
    guesses = [engine.flow(anchors[0], engine.encode(second)).found] * batch
    for _ in range(220):
        began = time.perf_counter()
        seconds = encode_all(engine, [second] * batch)
        if followed:
            fields = follow_all(engine, list(zip(anchors, seconds, guesses, strict=True)))
        else:
            fields = flow_all(engine, list(zip(anchors, seconds, strict=True)))
        times.append(1000 * (time.perf_counter() - began))
    assert len(fields) == batch
    p50, p95, p99 = np.percentile(times[20:], [50, 95, 99])
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{engine.name}, batch {batch}{', followed' * followed}: "
            f"p50 {p50:.3f} ms, p95 {p95:.3f} ms, p99 {p99:.3f} ms, {1000 * batch / p50:.0f} pairs/s"
        )
