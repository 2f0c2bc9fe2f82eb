"""The reference answer that comes with the weights: what torch said to one pair of crops, in float32."""

import io
from typing import TYPE_CHECKING

import numpy as np

from engines.runtime.interface import EngineError
from engines.runtime.weights import Weights

if TYPE_CHECKING:
    from engines.runtime.interface import FlowEngine


def check_reference(engine: "FlowEngine", weights: Weights, tolerance_px: float) -> float:
    """Hold an engine against the reference answer: it catches a runtime that computes too roughly.

    Args:
        engine: freshly opened.
        weights: where the answer lies.
        tolerance_px: largest mean distance allowed.

    Returns:
        The larger mean distance of facial and head flow, px.

    Raises:
        EngineError: the distance is larger.
    """
    with np.load(io.BytesIO(weights.read(f"meflownet_{weights.size}_reference.npz"))) as reference:
        fields = engine.flow(engine.encode(reference["first"]), engine.encode(reference["second"]))
        assert fields.head is not None
        pairs = ((fields.facial, reference["facial"]), (fields.head, reference["head"]))
        apart = max(float(np.hypot(*np.moveaxis(flow[1::4, 1::4] - true, -1, 0)).mean()) for flow, true in pairs)
    if not apart <= tolerance_px:
        raise EngineError(f"{engine.name} is {apart:.3f} px away from the reference answer of {weights.folder}, "
                          f"{tolerance_px:g} px are allowed: this machine computes it too roughly")  # fmt: skip
    return apart
