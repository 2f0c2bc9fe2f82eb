"""Which engines there are, and how each is opened."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from engines.runtime import choice
from engines.runtime.cuda import CudaEngine
from engines.runtime.dis import DisEngine
from engines.runtime.interface import EngineError, FlowEngine, WeightsError
from engines.runtime.openvino import OpenVinoEngine
from engines.runtime.reference import Reference
from engines.runtime.tensorrt import TensorRtEngine
from engines.runtime.torch import TorchEngine
from engines.runtime.weights import Weights

ENGINES: dict[str, Callable[[Path | None], FlowEngine]] = {
    "tensorrt": lambda weights: TensorRtEngine("fp16", weights),
    "tensorrt-int8": lambda weights: TensorRtEngine("int8", weights),
    "tensorrt-fp32": lambda weights: TensorRtEngine("fp32", weights),
    "cuda": lambda weights: CudaEngine("fp16", weights),
    "cuda-fused": lambda weights: CudaEngine("fp16", weights, fused=True),
    "cuda-bf16": lambda weights: CudaEngine("bf16", weights),
    "meflownet": lambda weights: OpenVinoEngine("f32", weights),
    "meflownet-bf16": lambda weights: OpenVinoEngine("bf16", weights),
    "meflownet-int8": lambda weights: OpenVinoEngine("int8", weights),
    "meflownet-torch": TorchEngine,
    "dis": lambda _: DisEngine(),
}
"""Engines by name; each is opened with a folder of weights, None for the shipped ones."""

PRECISIONS = {
    "tensorrt": "fp16", "tensorrt-int8": "int8", "tensorrt-fp32": "fp32",
    "cuda": "fp16", "cuda-fused": "fp16", "cuda-bf16": "bf16",
    "meflownet": "f32", "meflownet-bf16": "bf16", "meflownet-int8": "int8", "meflownet-torch": "f32",
}  # fmt: skip
"""What a network's convolutions are computed in, by the engine's name."""

GPU = ("tensorrt", "tensorrt-int8", "tensorrt-fp32", "cuda", "cuda-fused", "cuda-bf16")
"""What needs an NVIDIA GPU."""

HEADLESS = ("dis",)
"""What tells facial flow only: the head's motion is fitted to it afterwards (`engines.head`)."""

FIRST = ("tensorrt", "cuda")
"""What "auto" takes where there is a GPU: TensorRT if a plan was built (`mellm engine build`), else torch."""

TIMED = ("meflownet", "meflownet-bf16", "meflownet-int8")
"""What "auto" times against each other on a CPU, the most exact first; the others are for where none of these works."""

_WORTH = 0.95
"""A less exact engine is taken only if it needs less than this share of the time."""


def open_engine(name: str = "auto", weights: Path | None = None) -> FlowEngine:
    """Open an engine by name.

    "auto" takes the first of `FIRST` that works, looked for each time, since a GPU and its packages come and go; else
    the fastest of `TIMED` on this machine, as timed the first time and remembered since (`choice`); else the first of
    all that works.

    Args:
        name: of the engine.
        weights: a folder of MEFlowNet's weights; by default the shipped ones.

    Raises:
        EngineError: no such engine, or none works.
        WeightsError: the weights are missing, corrupt or of another network.
    """
    if name != "auto":
        if name not in ENGINES:
            raise EngineError(f"no flow engine {name!r}; there are: auto, {', '.join(ENGINES)}")
        return ENGINES[name](weights)
    files = Weights(weights)
    reasons: list[str] = []
    found = _first(FIRST, weights, reasons) or _remembered(files, weights, reasons)
    if found is not None:
        return found
    found = _first([name for name in ENGINES if name not in (*GPU, *TIMED)], weights, reasons)
    if found is not None:
        return found
    raise EngineError("no flow engine works here: " + "; ".join(reasons))


def _first(names: Sequence[str], weights: Path | None, reasons: list[str]) -> FlowEngine | None:
    """The first of some engines that works here."""
    for name in names:
        engine = _try(name, weights, reasons) if name in ENGINES else None
        if engine is not None:
            return engine
    return None


def _remembered(files: Weights, weights: Path | None, reasons: list[str]) -> FlowEngine | None:
    """The one of `TIMED` that was the fastest before, or is now; None if none works here."""
    key = choice.machine_key(files)
    known = choice.recall(key)
    if known in TIMED and known in ENGINES:
        with suppress(EngineError):
            return ENGINES[known](weights)
    found = _fastest(files, weights, reasons)
    if found is not None:
        choice.remember(key, found.name)
    return found


def _fastest(files: Weights, weights: Path | None, reasons: list[str]) -> FlowEngine | None:
    """The fastest of `TIMED`; None if none works here."""
    best: FlowEngine | None = None
    best_s = math.inf
    for candidate in (name for name in TIMED if name in ENGINES):
        engine = _try(candidate, weights, reasons)
        if engine is None:
            continue
        taken_s = Reference(files).pace_s(engine)
        if taken_s >= _WORTH * best_s:
            engine.close()
            continue
        if best is not None:
            best.close()
        best, best_s = engine, taken_s
    return best


def _try(name: str, weights: Path | None, reasons: list[str]) -> FlowEngine | None:
    """An engine, or None and the reason why not; broken weights are no reason to take another."""
    try:
        return ENGINES[name](weights)
    except WeightsError:
        raise
    except EngineError as error:
        reasons.append(f"{name}: {error}")
        return None
