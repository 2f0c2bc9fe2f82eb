"""Flow engines behind one small interface; `open_engine` makes one by name."""

from engines.runtime.interface import CropError, EngineError, FlowEngine, FlowFields
from engines.runtime.registry import ENGINES, open_engine

__all__ = ["ENGINES", "CropError", "EngineError", "FlowEngine", "FlowFields", "open_engine"]
