"""Which engines there are, and how each is opened."""

import math
from collections.abc import Callable
from pathlib import Path

from engines.runtime.dis import DisEngine
from engines.runtime.interface import EngineError, FlowEngine, WeightsError
from engines.runtime.openvino import OpenVinoEngine
from engines.runtime.reference import Reference
from engines.runtime.torch import TorchEngine
from engines.runtime.weights import Weights

ENGINES: dict[str, Callable[[Path | None], FlowEngine]] = {
    "meflownet": lambda weights: OpenVinoEngine("f32", weights),
    "meflownet-bf16": lambda weights: OpenVinoEngine("bf16", weights),
    "meflownet-int8": lambda weights: OpenVinoEngine("int8", weights),
    "meflownet-torch": TorchEngine,
    "dis": lambda _: DisEngine(),
}
"""Engines by name; each is opened with a folder of weights, None for the shipped ones."""

TIMED = ("meflownet", "meflownet-bf16", "meflownet-int8")
"""What "auto" times against each other, the most exact first; the others are for machines where none of these works."""

_WORTH = 0.95
"""A less exact engine is taken only if it needs less than this share of the time."""


def open_engine(name: str = "auto", weights: Path | None = None) -> FlowEngine:
    """Open an engine by name; "auto" takes the fastest of `TIMED` on this machine, else the first of all that works.

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
    reasons: list[str] = []
    best: FlowEngine | None = None
    best_s = math.inf
    for candidate, opener in ENGINES.items():
        if best is not None and candidate not in TIMED:
            break
        try:
            engine = opener(weights)
        except WeightsError:
            raise
        except EngineError as error:
            reasons.append(f"{candidate}: {error}")
            continue
        if candidate not in TIMED:
            return engine
        taken_s = Reference(Weights(weights)).pace_s(engine)
        if taken_s >= _WORTH * best_s:
            engine.close()
            continue
        if best is not None:
            best.close()
        best, best_s = engine, taken_s
    if best is None:
        raise EngineError("no flow engine works here: " + "; ".join(reasons))
    return best
