"""How large the numbers become that go into the matcher's convolutions: what the int8 scales are set by."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from calib.int8 import Crop
from engines.runtime.core import openvino_core
from engines.runtime.interface import EngineError


def peaks(
    encoder: bytes,
    matcher: bytes,
    tensors: Sequence[str],
    pairs: Iterable[tuple[Crop, Crop]],
    advance: Callable[[int], None] = lambda done: None,
) -> dict[str, float]:
    """Largest magnitude of some of the matcher's tensors, by name.

    Args:
        encoder, matcher: the exported graphs, for one pair.
        tensors: names of the matcher's tensors.
        pairs: a calibration set, as `calib.int8` makes it.
        advance: is told how many pairs are done.

    Raises:
        EngineError: OpenVINO, which computes them, is missing or cannot load the graphs; or some tensor stays zero or
            is no number, so that the set does not fit these weights.
    """
    core = openvino_core()
    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    wanted = list(dict.fromkeys(tensors))
    try:
        graph = core.read_model(matcher)
        graph.add_outputs(wanted)
        match = core.compile_model(graph, "CPU", settings).create_infer_request()
        encode = core.compile_model(core.read_model(encoder), "CPU", settings).create_infer_request()
    except RuntimeError as error:
        raise EngineError(f"OpenVINO cannot load the graphs ({str(error).strip().splitlines()[-1]})") from None
    names = [port.any_name for port in encode.model_outputs]
    inputs = {port.any_name for port in match.model_inputs}
    largest = dict.fromkeys(wanted, 0.0)
    for number, pair in enumerate(pairs):
        feed: dict[str, Any] = {}
        for side, crop in zip(("first", "second"), pair, strict=True):
            encode.infer({"crop": crop[None]})
            feed |= {f"{side}_{n}": encode.get_tensor(n).data.copy() for n in names if f"{side}_{n}" in inputs}
        match.infer(feed)
        for name in wanted:
            largest[name] = max(largest[name], float(np.abs(match.get_tensor(name).data).max()))
        advance(number + 1)
    empty = [name for name, peak in largest.items() if not (np.isfinite(peak) and peak > 0)]
    if empty:
        raise EngineError(f"the calibration set does not fit these weights: nothing was measured at {empty[0]}")
    return largest
