"""Int8 convolutions for the exported matcher, by ONNX Runtime's static quantisation (QDQ).

The encoder stays in float32: rounding its features alone moved the flow by 0.04 px.
"""

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from calib.int8 import Crop
from engines.runtime.plans.graph import KEEP_FLOAT


class _Reader(CalibrationDataReader):
    """Hands the quantiser one set of inputs after the other."""

    def __init__(self, feeds: Sequence[dict[str, Any]]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> dict[str, Any] | None:
        """The next inputs, None at the end."""
        return next(self._feeds, None)


def quantised(encoder: bytes, matcher: bytes, pairs: Sequence[tuple[Crop, Crop]]) -> bytes:
    """The matcher's graph with int8 convolutions.

    Args:
        encoder, matcher: the float32 graphs.
        pairs: the calibration set.
    """
    encode = onnxruntime.InferenceSession(encoder, providers=["CPUExecutionProvider"])
    names = [output.name for output in encode.get_outputs()]
    wanted = {entry.name for entry in onnx.load_from_string(matcher).graph.input}
    feeds = []
    for pair in pairs:
        first, second = (dict(zip(names, encode.run(None, {"crop": crop[None]}), strict=True)) for crop in pair)
        both = {f"first_{k}": v for k, v in first.items()} | {f"second_{k}": v for k, v in second.items()}
        feeds.append({name: value for name, value in both.items() if name in wanted})
    return _quantised(matcher, feeds)


def _quantised(graph: bytes, feeds: Sequence[dict[str, Any]]) -> bytes:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # the quantiser writes its advice to the root logger
    try:
        with tempfile.TemporaryDirectory() as folder:
            source, ready, target = (Path(folder) / name for name in ("source.onnx", "ready.onnx", "target.onnx"))
            source.write_bytes(graph)
            quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
            nodes = onnx.load(str(ready)).graph.node
            kept = [n.name for n in nodes if n.op_type == "Conv" and any(part in n.name for part in KEEP_FLOAT)]
            quantize_static(
                str(ready), str(target), _Reader(feeds), quant_format=QuantFormat.QDQ, per_channel=True,
                op_types_to_quantize=["Conv"], nodes_to_exclude=kept,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, extra_options={"DedicatedQDQPair": True},
            )  # fmt: skip
            return target.read_bytes()
    finally:
        root.setLevel(level)
