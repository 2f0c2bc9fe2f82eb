"""MEFlowNet on the CPU by OpenVINO: in float32, or with convolutions in bfloat16 or int8."""

import threading
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engines.runtime.core import openvino_core
from engines.runtime.interface import EngineError, FlowFields, WeightsError, check_crop
from engines.runtime.reference import Reference
from engines.runtime.weights import Weights

Precision = Literal["f32", "bf16", "int8"]

_ROUGH = ("down_", "body_", "join_b", "up_b", "body.2", "body.4", "judge.2")
"""Parts of the names of the matcher's convolutions that may be computed in bfloat16: those inside the U-net, the first
guess and the head's judge, whose answers are weighed. All of it in bfloat16 would move the flow by pixels."""


class OpenVinoEngine:
    """The exported encoder and matcher, one thread each call."""

    def __init__(self, precision: Precision = "f32", weights: Path | None = None) -> None:
        """Compile the graphs and hold them against the reference answer.

        Args:
            precision: of the convolutions.
            weights: a folder of weights; by default the shipped ones.

        Raises:
            EngineError: OpenVINO is missing, the processor cannot do the precision, the weights are missing, corrupt
                or of another network, or what they answer is too far from what they should.
        """
        core = openvino_core()
        self.name = {"f32": "meflownet", "bf16": "meflownet-bf16", "int8": "meflownet-int8"}[precision]
        if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise EngineError("this processor has no bfloat16 arithmetic (AVX512_BF16 or AMX); use meflownet")
        files = Weights(weights)
        settings = {
            "INFERENCE_NUM_THREADS": 1,
            "ENABLE_CPU_PINNING": False,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        }
        compiled = []
        for part in ("encoder", "matcher_int8" if precision == "int8" else "matcher"):
            name = f"meflownet_{files.size}_{part}.onnx"
            content = files.read(name)
            try:
                graph = core.read_model(content)
                if precision == "bf16" and part == "matcher":
                    _round(graph)
                compiled.append(core.compile_model(graph, "CPU", settings))
            except RuntimeError as error:
                reason = str(error).strip().splitlines()[-1]
                raise WeightsError(f"{files.folder / name}: OpenVINO cannot load it ({reason})") from None
        self._encoder, self._matcher = compiled
        self._own = _Requests()
        self._outputs = [port.any_name for port in compiled[0].outputs]
        given = {port.any_name: port.partial_shape for port in compiled[0].outputs}
        wanted = {port.any_name: port.partial_shape for port in compiled[1].inputs}
        inputs = set(wanted)
        self._first = [name for name in self._outputs if f"first_{name}" in inputs]
        self._second = [name for name in self._outputs if f"second_{name}" in inputs]
        expected = {f"first_{n}": given[n] for n in self._first} | {f"second_{n}": given[n] for n in self._second}
        if expected != wanted or {port.any_name for port in compiled[1].outputs} != {"facial", "head"}:
            raise WeightsError(f"{files.folder}: encoder and matcher do not fit together; export both anew")
        Reference(files).check(self, 0.03 if precision == "int8" else 0.01)

    def encode(self, crop: NDArray[np.uint8]) -> Any:
        """The crop's features by name; see `FlowEngine.encode`."""
        check_crop(crop)
        request = self._own.of(self._encoder)
        request.infer({"crop": np.ascontiguousarray(crop)[None]}, share_inputs=True)
        return {name: request.get_tensor(name).data.copy() for name in self._outputs}

    def flow(self, first: Any, second: Any) -> FlowFields:
        """See `FlowEngine.flow`."""
        feed = {f"first_{n}": first[n] for n in self._first} | {f"second_{n}": second[n] for n in self._second}
        request = self._own.of(self._matcher)
        request.infer(feed, share_inputs=True)
        facial, head = (request.get_tensor(name).data[0].copy() for name in ("facial", "head"))
        return FlowFields(facial, head)

    def close(self) -> None:
        """Release the graphs."""
        del self._encoder, self._matcher, self._own


class _Requests(threading.local):
    """The calling thread's own requests: each has the arrays that it works on in itself."""

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}

    def of(self, model: Any) -> Any:
        """The request to a model."""
        if id(model) not in self._made:
            self._made[id(model)] = model.create_infer_request()
        return self._made[id(model)]


def _round(graph: Any) -> None:
    """Rewrite the graph so that some convolutions take bfloat16, and give float32 again."""
    from openvino import opset13

    rounded_any = False
    for rough in graph.get_ops():
        name = rough.get_friendly_name()
        if rough.get_type_name() != "Convolution" or not any(part in name for part in _ROUGH):
            continue
        rounded_any = True
        inputs = [opset13.convert(rough.input_value(k), "bf16") for k in (0, 1)]
        shape = rough.get_attributes()
        rounded = opset13.convolution(
            *inputs, shape["strides"], shape["pads_begin"], shape["pads_end"], shape["dilations"]
        )
        exact = opset13.convert(rounded.output(0), "f32")
        for target in list(rough.output(0).get_target_inputs()):
            target.replace_source_output(exact.output(0))
    if not rounded_any:
        raise EngineError("no convolution of these weights is known to bear bfloat16; use meflownet")
    graph.validate_nodes_and_infer_types()
