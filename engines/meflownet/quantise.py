"""Int8 convolutions for the exported graphs, by ONNX Runtime's static quantisation (QDQ)."""

import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from calib.int8 import Crop

KEEP_FLOAT = ("fine_", "to_half", "solid", "enter", "leave", "up_a", "join_a", "body.0", "body.6", "judge.0", "judge.4")
"""Convolutions, by parts of their names, that stay in float32: what they take or give counts in 0.01 px."""


class _Reader(CalibrationDataReader):
    """Hands the quantiser one set of inputs after the other."""

    def __init__(self, feeds: Sequence[dict[str, Any]]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> dict[str, Any] | None:
        """The next inputs, None at the end."""
        return next(self._feeds, None)


def quantised(files: Mapping[str, bytes], size: str, pairs: Sequence[tuple[Crop, Crop]]) -> dict[str, bytes]:
    """Both graphs with int8 convolutions, by file name.

    Args:
        files: the float32 graphs by file name.
        size: of the network.
        pairs: the calibration set.
    """
    encoder = onnxruntime.InferenceSession(files[f"meflownet_{size}_encoder.onnx"], providers=["CPUExecutionProvider"])
    names = [output.name for output in encoder.get_outputs()]
    crops, features = [], []
    for first, second in pairs:
        a, b = (dict(zip(names, encoder.run(None, {"crop": crop[None]}), strict=True)) for crop in (first, second))
        crops += [{"crop": first[None]}, {"crop": second[None]}]
        features.append({f"first_{k}": v for k, v in a.items()} | {f"second_{k}": v for k, v in b.items()})
    matcher = onnxruntime.InferenceSession(files[f"meflownet_{size}_matcher.onnx"], providers=["CPUExecutionProvider"])
    wanted = {entry.name for entry in matcher.get_inputs()}
    feeds = {"encoder": crops, "matcher": [{k: v for k, v in feed.items() if k in wanted} for feed in features]}
    return {
        f"meflownet_{size}_{part}_int8.onnx": _quantised(files[f"meflownet_{size}_{part}.onnx"], feeds[part])
        for part in ("encoder", "matcher")
    }


def _quantised(graph: bytes, feeds: Sequence[dict[str, Any]]) -> bytes:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # the quantiser writes its advice to the root logger
    try:
        with tempfile.TemporaryDirectory() as folder:
            source, ready, target = (Path(folder) / name for name in ("source.onnx", "ready.onnx", "target.onnx"))
            source.write_bytes(graph)
            quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
            session = onnxruntime.InferenceSession(str(ready), providers=["CPUExecutionProvider"])
            del session
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
