import dataclasses
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")

import onnx

from calib.int8 import Crop
from engines.grid import CELLS
from engines.runtime.device import Device, DeviceError
from engines.runtime.gpu import Gpu
from engines.runtime.interface import BatchEngine, CropError, EngineError, FlowFields
from engines.runtime.openvino import OpenVinoEngine
from engines.runtime.plans.builder import plan_spec, prepared
from engines.runtime.plans.library import FLAVOURS, Library
from engines.runtime.plans.store import PlanError, PlanStore
from engines.runtime.tensorrt import TensorRtEngine
from engines.runtime.weights import Weights
from tests.engines.runtime.host_gpu import GPU, HostDevice, library
from tests.engines.runtime.test_openvino import folder as folder  # a network that is compiled in no time
from tests.engines.runtime.test_openvino import matcher

Pairs = list[tuple[Crop, Crop]]


def fill(store: PlanStore, weights: Path, installed: Library, batches: tuple[int, ...] = (1,), gpu: Gpu = GPU) -> None:
    """Keep plans as `mellm engine build` would."""
    files = Weights(weights)
    for batch in batches:
        store.save(plan_spec(files, installed, gpu, "fp32", batch), prepared(files, "fp32", batch))


def opened(
    store: PlanStore, weights: Path, device: HostDevice | None = None, batches: tuple[int, ...] = (1,)
) -> TensorRtEngine:
    device = device or HostDevice()
    fill(store, weights, library(device), batches)
    return TensorRtEngine("fp32", weights, store, device, library(device))  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> PlanStore:
    return PlanStore(tmp_path / "plans")


@pytest.fixture
def device() -> HostDevice:
    return HostDevice()


@pytest.fixture
def engine(store: PlanStore, folder: Path, device: HostDevice) -> Iterator[TensorRtEngine]:
    with opened(store, folder, device, (1, 3)) as made:
        yield made
    assert device.closed


def change(pair: tuple[Crop, Crop]) -> FlowFields:
    """What the tiny network answers: the change of red and green, and the first crop's own."""
    first, second = (crop[1::4, 1::4, :2].astype(np.float32) for crop in pair)
    return FlowFields(second - first, first)


def same(found: FlowFields, wanted: FlowFields) -> bool:
    assert found.found_head is not None
    assert wanted.found_head is not None
    return np.array_equal(found.found, wanted.found) and np.array_equal(found.found_head, wanted.found_head)


def test_it_answers_what_the_network_does(engine: TensorRtEngine, calibration: Pairs) -> None:
    assert engine.name == "tensorrt-fp32"
    assert engine.batches == [1, 3]
    for first, second in calibration:
        fields = engine.flow(engine.encode(first), engine.encode(second))
        assert fields.found.dtype == np.float32
        assert same(fields, change((first, second)))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 7])
def test_any_number_of_pairs_is_followed_in_order(engine: TensorRtEngine, calibration: Pairs, count: int) -> None:
    """The tiny follower adds the second crop to its guess."""
    pairs = [calibration[k % 3] if k % 2 else calibration[k % 3][::-1] for k in range(count)]
    firsts, seconds = (engine.encode_many([pair[side] for pair in pairs]) for side in (0, 1))
    guesses = [np.full((CELLS, CELLS, 2), 0.25 * k, np.float32) for k in range(count)]
    engine.flow_many(list(zip(seconds, firsts, strict=True)))
    fields = engine.follow_many(list(zip(firsts, seconds, guesses, strict=True)))
    assert len(fields) == count
    for found, pair, guess in zip(fields, pairs, guesses, strict=True):
        first, second = (crop[1::4, 1::4, :2].astype(np.float32) for crop in pair)
        assert same(found, FlowFields(guess + second, first))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 7])
def test_any_number_of_pairs_is_answered_in_order(engine: TensorRtEngine, calibration: Pairs, count: int) -> None:
    assert isinstance(engine, BatchEngine)
    pairs = [calibration[k % 3] if k % 2 else calibration[k % 3][::-1] for k in range(count)]
    firsts, seconds = (engine.encode_many([pair[side] for pair in pairs]) for side in (0, 1))
    fields = engine.flow_many(list(zip(firsts, seconds, strict=True)))
    assert len(fields) == count
    for found, pair in zip(fields, pairs, strict=True):
        assert same(found, change((pair[0], pair[1])))


def test_as_few_runs_are_made_as_the_plans_allow(
    engine: TensorRtEngine, device: HostDevice, calibration: Pairs
) -> None:
    for count, runs in ((1, 1), (2, 1), (3, 1), (4, 2), (6, 2), (7, 3)):
        before = device.launches
        engine.encode_many([calibration[0][0]] * count)
        assert device.launches - before == runs


def test_what_comes_out_is_the_callers(engine: TensorRtEngine, calibration: Pairs) -> None:
    (first, second), (third, _) = calibration[:2]
    crop = first.copy()
    a, b = engine.encode(crop), engine.encode(second)
    crop[:] = 0
    there = engine.flow(a, b)
    kept = there.found.copy()
    engine.encode_many([third] * 3)
    engine.flow(b, a)
    assert np.array_equal(there.found, kept)
    assert same(engine.flow(a, b), change((first, second)))
    there.found[:] = 0
    assert same(engine.flow(a, b), change((first, second)))


def test_blocks_of_features_are_used_again(engine: TensorRtEngine, device: HostDevice, calibration: Pairs) -> None:
    anchor = engine.encode(calibration[0][0])
    engine.encode(calibration[0][1])
    held = len(device.live)
    for _ in range(20):
        engine.flow(anchor, engine.encode(calibration[0][1]))
    assert len(device.live) == held
    assert same(engine.flow(anchor, engine.encode(calibration[0][1])), change(calibration[0]))


def test_closing_frees_everything_even_what_a_caller_still_holds(
    store: PlanStore, folder: Path, device: HostDevice, calibration: Pairs
) -> None:
    engine = opened(store, folder, device)
    held = engine.encode(calibration[0][0])
    engine.close()
    assert device.closed
    engine.close()
    del held


def test_a_gpu_that_is_full_is_told_and_all_is_freed(
    store: PlanStore, folder: Path, device: HostDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(size: int) -> None:
        raise DeviceError("Test GPU has no 7 MB left")

    monkeypatch.setattr(device, "memory", full)
    with pytest.raises(DeviceError, match="has no 7 MB left"):
        opened(store, folder, device)
    assert device.closed


@pytest.mark.parametrize("dark", [0, 1])
def test_of_several_crops_none_is_encoded_if_one_cannot_be(
    engine: TensorRtEngine, device: HostDevice, calibration: Pairs, dark: int
) -> None:
    crops = list(calibration[0])
    crops[dark] = np.zeros_like(crops[dark])
    before = device.launches
    with pytest.raises(CropError, match="black"):
        engine.encode_many(crops)
    assert device.launches == before


def test_what_cannot_be_recorded_runs_all_the_same(store: PlanStore, folder: Path, calibration: Pairs) -> None:
    device = HostDevice(captures=False)
    with opened(store, folder, device) as engine:
        first, second = (engine.encode(crop) for crop in calibration[1])
        fields = engine.flow(first, second)
        followed = engine.follow(first, second, np.zeros((CELLS, CELLS, 2), np.float32))
    assert same(fields, change(calibration[1]))
    assert np.array_equal(followed.found, calibration[1][1][1::4, 1::4, :2])
    assert device.launches == 0


def test_without_a_plan_it_says_which_command_makes_one(store: PlanStore, folder: Path, device: HostDevice) -> None:
    command = f"mellm engine build --precision fp32 --batch 1 --library tensorrt --weights {folder} --force"
    with pytest.raises(PlanError, match=rf"no TensorRT plan for Test GPU yet .*{re.escape(command)}$"):
        TensorRtEngine("fp32", folder, store, device, library(device))  # type: ignore[arg-type]
    assert device.closed


@pytest.mark.parametrize("other", ["gpu", "version"])
def test_a_plan_of_another_machine_does_not_serve(
    store: PlanStore, folder: Path, device: HostDevice, other: str
) -> None:
    """It lies under another key; put under this machine's key it is refused by what stands in it."""
    gpu = Gpu("Other GPU", "9.0") if other == "gpu" else GPU
    installed = library(device, version="10.0.1" if other == "version" else "10.9.0")
    fill(store, folder, installed, gpu=gpu)
    with pytest.raises(PlanError, match="no TensorRT plan"):
        TensorRtEngine("fp32", folder, store, device, library(device))  # type: ignore[arg-type]
    device = HostDevice()
    ((path, _),) = store
    path.rename(store.path(plan_spec(Weights(folder), library(device), GPU, "fp32", 1)))
    told = "gpu Other GPU instead of Test GPU" if other == "gpu" else "version 10.0.1 instead of 10.9.0"
    with pytest.raises(PlanError, match=f"made for {told}.*mellm engine build"):
        TensorRtEngine("fp32", folder, store, device, library(device))  # type: ignore[arg-type]
    assert device.closed


@pytest.mark.parametrize("kind", ["garbage", "foreign", "wrong"])
def test_a_plan_that_does_not_do_is_refused_and_all_is_freed(
    store: PlanStore, folder: Path, device: HostDevice, kind: str
) -> None:
    files = Weights(folder)
    spec, parts = plan_spec(files, library(device), GPU, "fp32", 1), prepared(files, "fp32", 1)
    if kind == "garbage":
        parts["matcher"] = b"no plan"
    elif kind == "foreign":
        parts["matcher"] = matcher(channels=5)
    else:
        graph = onnx.load_from_string(parts["matcher"])
        graph.graph.node[0].op_type = "Mul"
        parts["matcher"] = graph.SerializeToString()
    store.save(spec, parts)
    says = {
        "garbage": r"does not take the plan's matcher.*driver",
        "foreign": "do not fit together",
        "wrong": "px away",
    }[kind]
    with pytest.raises(EngineError, match=says):
        TensorRtEngine("fp32", folder, store, device, library(device))  # type: ignore[arg-type]
    assert device.closed


@pytest.mark.parametrize("planned", [True, False])
def test_a_driver_that_is_too_old_is_told_where_a_plan_is_there_to_run(
    store: PlanStore, folder: Path, device: HostDevice, planned: bool
) -> None:
    def too_old(log: object) -> None:
        raise TypeError("pybind11::init(): factory function returned nullptr")

    installed = library(device)
    installed.module.Runtime = too_old
    if planned:
        fill(store, folder, installed)
    with pytest.raises(EngineError, match="CUDA 13.0 and may be too old" if planned else "no TensorRT plan"):
        TensorRtEngine("fp32", folder, store, device, installed)  # type: ignore[arg-type]
    assert device.closed


def test_an_rtx_library_that_does_not_list_the_gpu_says_what_to_use(store: PlanStore, folder: Path) -> None:
    device = HostDevice()
    device.gpu = Gpu("Test H100", "9.0")
    with pytest.raises(EngineError, match=r"builds for .*8\.6.*not for Test H100.*--engine cuda"):
        TensorRtEngine("fp32", folder, store, device, library(device, "tensorrt_rtx"))  # type: ignore[arg-type]
    assert device.closed


def test_the_tensorrt_that_a_plan_was_built_with_is_taken_though_a_better_one_is_installed(
    store: PlanStore, folder: Path, calibration: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = HostDevice()
    for flavour in FLAVOURS:
        module = library(device).module
        module.__version__ = "1.7"
        monkeypatch.setitem(sys.modules, flavour, module)
    fill(store, folder, library(device, "tensorrt_rtx", "1.7"))
    with TensorRtEngine("fp32", folder, store, device) as engine:  # type: ignore[arg-type]
        assert same(engine.flow(*engine.encode_many(calibration[0])), change(calibration[0]))


def test_an_rtx_plan_serves_every_gpu_of_its_capability(store: PlanStore, folder: Path, calibration: Pairs) -> None:
    device = HostDevice()
    installed = library(device, "tensorrt_rtx", "1.7")
    fill(store, folder, installed, gpu=Gpu("", "8.6"))
    with TensorRtEngine("fp32", folder, store, device, installed) as engine:  # type: ignore[arg-type]
        assert same(engine.flow(*engine.encode_many(calibration[0])), change(calibration[0]))


def test_the_shipped_network_comes_through_batches_unchanged(
    store: PlanStore, tmp_path: Path, calibration: Pairs
) -> None:
    """The real graphs for three pairs at once, against one pair at a time on the CPU's engine."""
    device = HostDevice()
    fill(store, Weights().folder, library(device), (1,))
    engine = TensorRtEngine("fp32", None, store, device, library(device))  # type: ignore[arg-type]
    engine.close()
    device = HostDevice()
    files = Weights()
    spec = plan_spec(files, library(device), GPU, "fp32", 1)
    store.save(dataclasses.replace(spec, batch=3), prepared(files, "fp32", 3))
    with TensorRtEngine("fp32", None, store, device, library(device)) as engine:  # type: ignore[arg-type]
        firsts, seconds = (engine.encode_many([pair[side] for pair in calibration]) for side in (0, 1))
        fields = engine.flow_many(list(zip(firsts, seconds, strict=True)))
        guesses = [np.float32(0.8) * found.found for found in fields]
        followed = engine.follow_many(list(zip(firsts, seconds, guesses, strict=True)))
    plain = OpenVinoEngine("f32")
    for found, near, guess, pair in zip(fields, followed, guesses, calibration, strict=True):
        first, second = (plain.encode(crop) for crop in pair)
        assert np.abs(found.facial - plain.flow(first, second).facial).max() < 1e-2
        assert np.abs(near.facial - plain.follow(first, second, guess).facial).max() < 1e-2
    plain.close()


def test_the_stand_in_has_what_the_device_has() -> None:
    public = {name for name in vars(Device) if not name.startswith("_")} - {"launch", "release"}
    assert public <= set(dir(HostDevice))
