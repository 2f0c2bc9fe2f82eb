"""The reference answer that comes with the weights: what torch said to one pair of crops, in float32."""

import io
from zipfile import BadZipFile

import numpy as np

from engines.runtime.interface import EngineError, FlowEngine, WeightsError
from engines.runtime.weights import Weights


def check_reference(engine: FlowEngine, weights: Weights, tolerance_px: float) -> float:
    """Hold an engine against the reference answer: it catches a runtime that computes too roughly.

    Args:
        engine: freshly opened.
        weights: where the answer lies.
        tolerance_px: largest mean distance allowed.

    Returns:
        The larger mean distance of facial and head flow, px.

    Raises:
        EngineError: the distance is larger, or the file holds no such answer.
    """
    name = f"meflownet_{weights.size}_reference.npz"
    try:
        with np.load(io.BytesIO(weights.read(name))) as file:
            first, second, facial, head = (file[key] for key in ("first", "second", "facial", "head"))
    except (ValueError, KeyError, EOFError, BadZipFile) as error:
        raise WeightsError(f"{weights.folder / name}: not a reference answer ({error})") from None
    fields = engine.flow(engine.encode(first), engine.encode(second))
    assert fields.head is not None
    pairs = ((fields.facial, facial), (fields.head, head))
    apart = max(float(np.hypot(*np.moveaxis(flow[1::4, 1::4] - true, -1, 0)).mean()) for flow, true in pairs)
    if not apart <= tolerance_px:
        raise EngineError(f"{engine.name} is {apart:.3f} px away from the reference answer of {weights.folder}, "
                          f"{tolerance_px:g} px are allowed: this machine computes it too roughly")  # fmt: skip
    return apart
