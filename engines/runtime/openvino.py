"""MEFlowNet on the CPU by OpenVINO: in float32, or with convolutions in bfloat16 or int8."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engines.runtime.core import openvino_core
from engines.runtime.interface import EngineError, FlowFields, WeightsError, check_crop
from engines.runtime.reference import Reference
from engines.runtime.weights import Weights

Precision = Literal["f32", "bf16", "int8"]

_FEW = 9
"""Channels: a convolution that takes or gives no more than these, or sees one place only, stays in float32: others give
what displacements are solved from, and that in bfloat16 would move the flow by pixels; or they gain no time."""


@dataclass
class _Encoded:
    """An encoded crop.

    Attributes:
        crop: itself.
        features: by name, those that a second crop needs.
        more: those that only a first one needs; empty before it is one.
    """

    crop: NDArray[np.uint8]
    features: dict[str, Any]
    more: dict[str, Any] = field(default_factory=dict)


class OpenVinoEngine:
    """The exported encoder and matcher, one thread each call.

    Few crops are ever the first of a pair, and those of very many pairs: what only a first crop needs is computed when
    it becomes one.
    """

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
        graphs = []
        for part in ("encoder", "matcher_int8" if precision == "int8" else "matcher"):
            name = f"meflownet_{files.size}_{part}.onnx"
            content = files.read(name)
            with _loading(files.folder / name):
                graphs.append(core.read_model(content))
        encoder, matcher = graphs
        if precision == "bf16":
            for graph in graphs:
                _round(graph)
        given = {port.any_name: port.partial_shape for port in encoder.outputs}
        wanted = {port.any_name: port.partial_shape for port in matcher.inputs}
        self._first, self._second = ([n for n in given if f"{side}_{n}" in wanted] for side in ("first", "second"))
        expected = {f"first_{n}": given[n] for n in self._first} | {f"second_{n}": given[n] for n in self._second}
        if expected != wanted or {port.any_name for port in matcher.outputs} != {"facial", "head"}:
            raise WeightsError(f"{files.folder}: encoder and matcher do not fit together; export both anew")
        self._only_first = [name for name in self._first if name not in self._second]
        with _loading(files.folder):
            self._encoder, self._anchor, self._matcher = (
                core.compile_model(graph, "CPU", settings)
                for graph in (_part(encoder, self._second), _part(encoder, self._only_first), matcher)
            )
        self._own = _Requests()
        Reference(files).check(self, 0.03 if precision == "int8" else 0.01)

    def encode(self, crop: NDArray[np.uint8]) -> Any:
        """What any pair needs of the crop; see `FlowEngine.encode`."""
        check_crop(crop)
        own = np.array(crop, order="C")
        return _Encoded(own, self._run(self._encoder, {"crop": own[None]}, self._second))

    def flow(self, first: Any, second: Any) -> FlowFields:
        """See `FlowEngine.flow`."""
        if not first.more:
            first.more = self._run(self._anchor, {"crop": first.crop[None]}, self._only_first)
        feed = {f"second_{n}": second.features[n] for n in self._second}
        if self._own.anchor is not first:
            # A request keeps what it was given last: an anchor stays through an event.
            known = first.features | first.more
            feed |= {f"first_{n}": known[n] for n in self._first}
            self._own.anchor = first
        flows = self._run(self._matcher, feed, ["facial", "head"])
        return FlowFields(flows["facial"][0], flows["head"][0])

    def _run(self, model: Any, feed: dict[str, Any], names: list[str]) -> dict[str, Any]:
        """A model's outputs by name, as arrays of their own."""
        request = self._own.of(model)
        request.infer(feed, share_inputs=True)
        return {name: request.get_tensor(name).data.copy() for name in names}

    def close(self) -> None:
        """Release the graphs."""
        del self._encoder, self._anchor, self._matcher, self._own


class _Requests(threading.local):
    """The calling thread's own requests: each has the arrays that it works on in itself.

    Attributes:
        anchor: the first crop of the matcher's last pair, whose features its request still holds.
    """

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}
        self.anchor: Any = None

    def of(self, model: Any) -> Any:
        """The request to a model."""
        if id(model) not in self._made:
            self._made[id(model)] = model.create_infer_request()
        return self._made[id(model)]


@contextmanager
def _loading(place: Path) -> Iterator[None]:
    """What OpenVINO says of a graph that it does not take is said of the weights."""
    try:
        yield
    except RuntimeError as error:
        raise WeightsError(f"{place}: OpenVINO cannot load it ({str(error).strip().splitlines()[-1]})") from None


def _part(graph: Any, outputs: list[str]) -> Any:
    """The part of a graph that leads to some of its outputs."""
    from openvino import Model

    results = [result for result in graph.get_results() if result.output(0).any_name in outputs]
    return Model(results, graph.get_parameters())


def _round(graph: Any) -> None:
    """Rewrite the graph so that large convolutions take bfloat16, and give float32 again."""
    from openvino import opset13

    for rough in graph.get_ops():
        if rough.get_type_name() != "Convolution":
            continue
        outputs, inputs, height, width = rough.input_value(1).get_shape()
        if min(outputs, inputs) <= _FEW or height * width == 1:
            continue
        inputs = [opset13.convert(rough.input_value(k), "bf16") for k in (0, 1)]
        shape = rough.get_attributes()
        rounded = opset13.convolution(
            *inputs, shape["strides"], shape["pads_begin"], shape["pads_end"], shape["dilations"]
        )
        exact = opset13.convert(rounded.output(0), "f32")
        for target in list(rough.output(0).get_target_inputs()):
            target.replace_source_output(exact.output(0))
    graph.validate_nodes_and_infer_types()
