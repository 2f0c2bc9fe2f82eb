"""Flow engines behind one small interface; `open_engine` makes one by name."""

from engines.runtime.gpu import NoGpuError
from engines.runtime.interface import (
    BatchEngine,
    CropError,
    EngineError,
    FlowEngine,
    FlowFields,
    FollowingEngine,
    WeightsError,
    encode_all,
    encode_each,
    flow_all,
    follow_all,
)
from engines.runtime.registry import ENGINES, GPU, HEADLESS, PRECISIONS, open_engine

__all__ = [
    "ENGINES", "GPU", "HEADLESS", "PRECISIONS", "BatchEngine", "CropError", "EngineError", "FlowEngine", "FlowFields",
    "FollowingEngine", "NoGpuError", "WeightsError", "encode_all", "encode_each", "flow_all", "follow_all",
    "open_engine",
]  # fmt: skip
