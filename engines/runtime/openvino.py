"""MEFlowNet on the CPU by OpenVINO: in float32, or with convolutions in bfloat16 or int8."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from calib.face import Floats
from engines.runtime.core import openvino_core
from engines.runtime.interface import EngineError, FlowFields, WeightsError, check_crop
from engines.runtime.reference import Reference, allowed_px
from engines.runtime.weights import Weights

Precision = Literal["f32", "bf16", "int8"]

_FEW = 9
"""Channels: a convolution that takes or gives no more than these, or sees one place only, stays in float32: others give
what displacements are solved from, and that in bfloat16 would move the flow by pixels; or they gain no time."""


@dataclass
class _Encoded:
    """A crop, and those of its features that were wanted so far, by name."""

    crop: NDArray[np.uint8]
    features: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Part:
    """A part of the encoder.

    Attributes:
        model: compiled.
        gives: the names of its features.
    """

    model: Any
    gives: list[str]


@dataclass(frozen=True)
class _Matcher:
    """The matcher, or the follower.

    Attributes:
        model: compiled.
        of_first, of_second: the features that it takes of a pair's crops.
    """

    model: Any
    of_first: list[str]
    of_second: list[str]


class OpenVinoEngine:
    """The exported encoder, matcher and follower, one thread each call.

    Most crops are the second of one pair, whose flow is nearly known, and need little for that: other features are
    computed when they are wanted first.
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
        for part in ("encoder", "matcher_int8" if precision == "int8" else "matcher", "follower"):
            name = f"meflownet_{files.size}_{part}.onnx"
            content = files.read(name)
            with _loading(files.folder / name):
                graphs.append(core.read_model(content))
        encoder, matcher, follower = graphs
        if precision == "bf16":
            for graph in graphs:
                _round(graph)
        given = {port.any_name: port.partial_shape for port in encoder.outputs}
        (first, second), (of_first, of_second) = (_wanted(given, graph) for graph in (matcher, follower))
        if first is None or of_first is None:
            raise WeightsError(f"{files.folder}: encoder, matcher and follower do not fit together; export all anew")

        def compiled(graph: Any) -> Any:
            with _loading(files.folder):
                return core.compile_model(graph, "CPU", settings)

        # These two take nearly all of the time that an engine takes to open.
        with ThreadPoolExecutor(2) as both:
            pair, following = both.map(compiled, (matcher, follower))
        self._pair, self._follower = _Matcher(pair, first, second), _Matcher(following, of_first, of_second)
        # What the second crop of a pair needs whose flow is nearly known; what any second one needs; a first one.
        groups = of_second, [n for n in second if n not in of_second], [n for n in first if n not in second]
        self._parts = [_Part(compiled(_leading_to(encoder, group)), group) for group in groups if group]
        self._own = _Requests()
        Reference(files).check(self, allowed_px(precision))

    def encode(self, crop: NDArray[np.uint8]) -> Any:
        """See `FlowEngine.encode`."""
        check_crop(crop)
        encoded = _Encoded(np.array(crop, order="C"))
        self._features(encoded, self._follower.of_second)
        return encoded

    def flow(self, first: Any, second: Any) -> FlowFields:
        """See `FlowEngine.flow`."""
        return self._match(self._pair, first, second, {})

    def follow(self, first: Any, second: Any, guess: Floats) -> FlowFields:
        """See `FollowingEngine.follow`."""
        return self._match(self._follower, first, second, {"guess": np.ascontiguousarray(guess[None], np.float32)})

    def _match(self, matcher: _Matcher, first: _Encoded, second: _Encoded, feed: dict[str, Any]) -> FlowFields:
        feed |= {f"second_{n}": value for n, value in self._features(second, matcher.of_second).items()}
        if self._own.anchors.get(id(matcher)) is not first:
            # A request keeps what it was given last: an anchor stays through an event.
            feed |= {f"first_{n}": value for n, value in self._features(first, matcher.of_first).items()}
            self._own.anchors[id(matcher)] = first
        flows = self._run(matcher.model, feed, ["facial", "head"])
        return FlowFields(flows["facial"][0], flows["head"][0])

    def _features(self, encoded: _Encoded, names: list[str]) -> dict[str, Any]:
        """Some of a crop's features, computed if they are not yet."""
        for part in self._parts:
            if part.gives[0] not in encoded.features and not set(names).isdisjoint(part.gives):
                encoded.features |= self._run(part.model, {"crop": encoded.crop[None]}, part.gives)
        return {name: encoded.features[name] for name in names}

    def _run(self, model: Any, feed: dict[str, Any], names: list[str]) -> dict[str, Any]:
        """A model's outputs by name, as arrays of their own."""
        request = self._own.of(model)
        request.infer(feed, share_inputs=True)
        return {name: request.get_tensor(name).data.copy() for name in names}

    def close(self) -> None:
        """Release the graphs."""
        del self._pair, self._follower, self._parts, self._own


class _Requests(threading.local):
    """The calling thread's own requests: each has the arrays that it works on in itself.

    Attributes:
        anchors: the first crop of a matcher's last pair, whose features its request still holds.
    """

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}
        self.anchors: dict[int, _Encoded] = {}

    def of(self, model: Any) -> Any:
        """The request to a model."""
        if id(model) not in self._made:
            self._made[id(model)] = model.create_infer_request()
        return self._made[id(model)]


def _wanted(given: dict[str, Any], graph: Any) -> tuple[list[str] | None, list[str]]:
    """The features that a matcher or follower takes of a first and of a second crop; none where they do not fit.

    Args:
        given: the shapes of the encoder's features, by name.
        graph: of the matcher or follower.
    """
    takes = {port.any_name: port.partial_shape for port in graph.inputs if port.any_name != "guess"}
    first, second = ([name for name in given if f"{side}_{name}" in takes] for side in ("first", "second"))
    known = {f"first_{name}": given[name] for name in first} | {f"second_{name}": given[name] for name in second}
    fits = known == takes and {port.any_name for port in graph.outputs} == {"facial", "head"}
    return (first if fits else None), second


@contextmanager
def _loading(place: Path) -> Iterator[None]:
    """What OpenVINO says of a graph that it does not take is said of the weights."""
    try:
        yield
    except RuntimeError as error:
        raise WeightsError(f"{place}: OpenVINO cannot load it ({str(error).strip().splitlines()[-1]})") from None


def _leading_to(graph: Any, outputs: list[str]) -> Any:
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
