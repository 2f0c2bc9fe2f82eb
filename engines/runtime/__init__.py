"""Flow engines behind one small interface; `open_engine` makes one by name."""

from engines.runtime.interface import CropError, EngineError, FlowEngine, FlowFields, WeightsError
from engines.runtime.registry import ENGINES, open_engine

__all__ = ["ENGINES", "CropError", "EngineError", "FlowEngine", "FlowFields", "WeightsError", "open_engine"]
