"""Which engines there are, and how each is opened."""

from collections.abc import Callable
from pathlib import Path

from engines.runtime.dis import DisEngine
from engines.runtime.interface import EngineError, FlowEngine, WeightsError
from engines.runtime.openvino import OpenVinoEngine
from engines.runtime.torch import TorchEngine

ENGINES: dict[str, Callable[[Path | None], FlowEngine]] = {
    "meflownet": lambda weights: OpenVinoEngine("f32", weights),
    "meflownet-int8": lambda weights: OpenVinoEngine("int8", weights),
    "meflownet-bf16": lambda weights: OpenVinoEngine("bf16", weights),
    "meflownet-torch": TorchEngine,
    "dis": lambda _: DisEngine(),
}
"""Engines by name, the preferred one first; each is opened with a folder of weights, None for the shipped ones.

Float32 leads: where this was measured (a processor without int8 or bfloat16 arithmetic) the others were not faster.
"""


def open_engine(name: str = "auto", weights: Path | None = None) -> FlowEngine:
    """Open an engine by name; "auto" takes the first of `ENGINES` that works here.

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
    for candidate, opener in ENGINES.items():
        try:
            return opener(weights)
        except WeightsError:
            raise
        except EngineError as error:
            reasons.append(f"{candidate}: {error}")
    raise EngineError("no flow engine works here: " + "; ".join(reasons))
