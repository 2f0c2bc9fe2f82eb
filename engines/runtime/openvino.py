"""MEFlowNet on the CPU by OpenVINO, in float32, in bfloat16, or with int8 convolutions."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engines.runtime.interface import EngineError, FlowFields, WeightsError, check_crop
from engines.runtime.reference import check_reference
from engines.runtime.weights import Weights

Precision = Literal["f32", "bf16", "int8"]


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
        try:
            import openvino
        except ImportError as error:
            raise EngineError(f"OpenVINO cannot be loaded ({error}); install the package openvino") from None
        self.name = {"f32": "meflownet", "bf16": "meflownet-bf16", "int8": "meflownet-int8"}[precision]
        core = openvino.Core()
        if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise EngineError("this processor has no bfloat16 arithmetic (AVX512_BF16 or AMX); use meflownet")
        files = Weights(weights)
        settings = {
            "INFERENCE_NUM_THREADS": 1,
            "ENABLE_CPU_PINNING": False,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        }
        compiled = []
        for part in ("encoder", "matcher_int8" if precision == "int8" else "matcher"):
            name = f"meflownet_{files.size}_{part}.onnx"
            content = files.read(name)
            try:
                graph = core.read_model(content)
                if precision == "bf16":
                    _keep_exact(graph)
                compiled.append(core.compile_model(graph, "CPU", settings))
            except RuntimeError as error:
                reason = str(error).strip().splitlines()[-1]
                raise WeightsError(f"{files.folder / name}: OpenVINO cannot load it ({reason})") from None
        self._encoder, self._matcher = (model.create_infer_request() for model in compiled)
        self._outputs = [port.any_name for port in compiled[0].outputs]
        given = {port.any_name: port.partial_shape for port in compiled[0].outputs}
        wanted = {port.any_name: port.partial_shape for port in compiled[1].inputs}
        inputs = set(wanted)
        self._first = [name for name in self._outputs if f"first_{name}" in inputs]
        self._second = [name for name in self._outputs if f"second_{name}" in inputs]
        expected = {f"first_{n}": given[n] for n in self._first} | {f"second_{n}": given[n] for n in self._second}
        if expected != wanted or {port.any_name for port in compiled[1].outputs} != {"facial", "head"}:
            raise WeightsError(f"{files.folder}: encoder and matcher do not fit together; export both anew")
        check_reference(self, files, 0.03 if precision == "int8" else 0.01)

    def encode(self, crop: NDArray[np.uint8]) -> Any:
        """The crop's features by name; see `FlowEngine.encode`."""
        check_crop(crop)
        self._encoder.infer({"crop": np.ascontiguousarray(crop)[None]}, share_inputs=True)
        return {name: self._encoder.get_tensor(name).data.copy() for name in self._outputs}

    def flow(self, first: Any, second: Any) -> FlowFields:
        """See `FlowEngine.flow`."""
        feed = {f"first_{n}": first[n] for n in self._first} | {f"second_{n}": second[n] for n in self._second}
        self._matcher.infer(feed, share_inputs=True)
        facial, head = (self._matcher.get_tensor(name).data[0].copy() for name in ("facial", "head"))
        return FlowFields(facial, head)

    def close(self) -> None:
        """Release the graphs."""
        del self._encoder, self._matcher


def _keep_exact(graph: Any) -> None:
    """Let only convolutions be computed in bfloat16: a flow of 3 px held in it would be wrong by up to 0.01 px."""
    for operation in graph.get_ops():
        if operation.get_type_name() not in ("Convolution", "Constant", "Parameter", "Result"):
            operation.get_rt_info()["precise_0"] = ""
