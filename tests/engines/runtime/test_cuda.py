import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

pytest.importorskip("torch")

from calib.int8 import Crop
from engines.grid import CELLS
from engines.runtime import cuda
from engines.runtime.cuda import CudaEngine
from engines.runtime.gpu import Gpu, NoGpuError
from engines.runtime.interface import BatchEngine, CropError, EngineError
from engines.runtime.torch import TorchEngine

Pairs = list[tuple[Crop, Crop]]


@pytest.fixture(scope="module", params=["fp16", "bf16"])
def engine(request: pytest.FixtureRequest) -> Iterator[CudaEngine]:
    """The shipped network on the CPU, its convolutions rounded as on a GPU; it has passed the reference answer."""
    with CudaEngine(request.param, device="cpu") as opened:
        yield opened


def test_rounded_convolutions_move_the_flow_by_hundredths_of_a_pixel_and_no_more(
    engine: CudaEngine, calibration: Pairs
) -> None:
    exact = TorchEngine()
    for pair in calibration:
        found, wanted = (e.flow(*(e.encode(crop) for crop in pair)) for e in (engine, exact))
        apart = np.hypot(*np.moveaxis(found.facial - wanted.facial, -1, 0))
        assert 0 < apart.mean() < 0.02
    exact.close()


def test_a_flow_is_followed_as_exactly(engine: CudaEngine, calibration: Pairs) -> None:
    exact = TorchEngine()
    for pair in calibration:
        (first, second), (a, b) = ([e.encode(crop) for crop in pair] for e in (engine, exact))
        guess = exact.flow(a, b).found + np.float32(0.5)
        found, wanted = engine.follow(first, second, guess), exact.follow(a, b, guess)
        assert np.hypot(*np.moveaxis(found.facial - wanted.facial, -1, 0)).mean() < 0.02
    exact.close()


@pytest.mark.parametrize("guess", [None, 0.3])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
def test_several_at_once_are_as_one_by_one(
    engine: CudaEngine, calibration: Pairs, count: int, guess: float | None
) -> None:
    assert isinstance(engine, BatchEngine)
    pairs = [calibration[k % 3] for k in range(count)]
    guesses = [np.full((CELLS, CELLS, 2), (guess or 0) * k, np.float32) for k in range(count)]
    firsts, seconds = (engine.encode_many([pair[side] for pair in pairs]) for side in (0, 1))
    if guess is None:
        fields = engine.flow_many(list(zip(firsts, seconds, strict=True)))
    else:
        fields = engine.follow_many(list(zip(firsts, seconds, guesses, strict=True)))
    assert len(fields) == count
    for found, pair, start in zip(fields, pairs, guesses, strict=True):
        first, second = (engine.encode(crop) for crop in pair)
        wanted = engine.flow(first, second) if guess is None else engine.follow(first, second, start)
        assert found.head is not None
        assert wanted.head is not None
        assert np.abs(found.facial - wanted.facial).max() < 0.02
        assert np.abs(found.head - wanted.head).max() < 0.02


def test_more_than_fit_at_once_go_in_several_runs(
    engine: CudaEngine, calibration: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda, "LARGEST", 2)
    first, second = calibration[0]
    encoded = engine.encode_many([first, second, first, second, second])
    assert len(encoded) == 5
    wanted = engine.flow(encoded[0], encoded[1]).facial
    assert np.array_equal(engine.flow(encoded[2], encoded[3]).facial, wanted)


def test_what_comes_out_is_the_callers(engine: CudaEngine, calibration: Pairs) -> None:
    first, second = calibration[0]
    a, b = engine.encode(first), engine.encode(second)
    there = engine.flow(a, b).facial
    kept = there.copy()
    engine.encode(calibration[1][0])
    back = engine.flow(b, a).facial
    assert np.array_equal(there, kept)
    assert not np.allclose(back, kept, atol=0.01)
    assert np.array_equal(engine.flow(a, b).facial, kept)


def test_a_crop_without_anything_to_follow_is_refused(engine: CudaEngine) -> None:
    with pytest.raises(CropError, match="black"):
        engine.encode(np.zeros((256, 256, 3), np.uint8))


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Gpu:
        raise NoGpuError("no NVIDIA driver on this machine")

    monkeypatch.setattr(cuda, "find_gpu", none)
    with pytest.raises(NoGpuError, match="no NVIDIA driver"):
        CudaEngine()


def test_a_torch_without_cuda_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(cuda, "find_gpu", lambda: Gpu("Test GPU", "8.6"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EngineError, match=r"torch .* cannot use Test GPU.*with CUDA"):
        CudaEngine()


def test_a_torch_made_for_cpus_is_not_even_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "find_gpu", lambda: Gpu("Test GPU", "8.6"))
    monkeypatch.setattr(cuda, "load_network", lambda weights: pytest.fail("torch was loaded"))
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.11.0+cpu")
    with pytest.raises(EngineError, match=r"torch 2\.11\.0\+cpu cannot use Test GPU.*with CUDA"):
        CudaEngine()


def test_without_torch_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EngineError, match=r"torch cannot be loaded .*make trainer"):
        CudaEngine("fp16", tmp_path, device="cpu")


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=f"{tmp_path.name}.* is missing"):
        CudaEngine("fp16", tmp_path, device="cpu")


def test_fused_work_is_traced_whole_and_answers_alike(
    engine: CudaEngine, calibration: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    # Traced as for a GPU, and run as it is: to write kernels takes minutes.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    precision: Literal["fp16", "bf16"] = "bf16" if "bf16" in engine.name else "fp16"
    with CudaEngine(precision, device="cpu", fused=True) as fused:
        assert fused.name == f"{engine.name}-fused"
        encoded = [[e.encode(crop) for crop in calibration[0]] for e in (fused, engine)]
        found, wanted = (e.flow(*pair) for e, pair in zip((fused, engine), encoded, strict=True))
        assert np.abs(found.facial - wanted.facial).max() < 1e-4
        found, wanted = (e.follow(a, b, wanted.found) for e, (a, b) in zip((fused, engine), encoded, strict=True))
        assert np.abs(found.facial - wanted.facial).max() < 1e-4


def test_where_no_kernels_can_be_written_another_engine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def without_triton(part: object, **options: object) -> object:
        raise RuntimeError("Cannot find a working triton installation")

    monkeypatch.setattr(torch, "compile", without_triton)
    with pytest.raises(EngineError, match=r"Cannot find a working triton.*--engine cuda does without"):
        CudaEngine(device="cpu", fused=True)


def test_a_gpu_that_torch_cannot_compute_on_is_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(part: object, *where: object) -> object:
        raise RuntimeError("CUDA out of memory\nand more")

    monkeypatch.setattr("torch.nn.Module.to", full)
    with pytest.raises(EngineError, match=r"cannot compute on cpu \(CUDA out of memory\)"):
        CudaEngine(device="cpu")
