from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx
import onnxruntime
from numpy.typing import NDArray

from calib.int8 import Crop
from engines.runtime.interface import WeightsError
from engines.runtime.plans.builder import prepared, sources
from engines.runtime.plans.graph import KEEP_FLOAT, KEEP_HALF, Graph, Precision, ports
from engines.runtime.plans.ranges import peaks
from engines.runtime.plans.store import PARTS
from engines.runtime.reference import Reference, allowed_px
from engines.runtime.weights import Weights

Pairs = list[tuple[Crop, Crop]]
Flows = tuple[NDArray[np.float32], ...]

TENSORRT_10 = {
    "Abs", "Add", "AveragePool", "Cast", "Concat", "Constant", "ConstantOfShape", "Conv", "DequantizeLinear", "Div",
    "Exp", "Expand", "Floor", "Gather", "GridSample", "LeakyRelu", "MatMul", "Mul", "Neg", "Pad", "Pow",
    "QuantizeLinear", "Reciprocal", "ReduceMean", "ReduceSum", "Reshape", "Resize", "Shape", "Sigmoid", "Slice",
    "Softmax", "Softplus", "Sqrt", "Sub", "Tanh", "Transpose", "Unsqueeze",
}  # fmt: skip
"""Of the operators that ONNX-TensorRT lists as supported, those that we use: docs/operators.md of
github.com/onnx/onnx-tensorrt, whose table has had all of them since TensorRT 8.5; TensorRT 10 takes opset 9 to 20."""


@pytest.fixture(scope="module")
def largest(calibration: Pairs) -> dict[str, float]:
    """The matcher's peaks over the largest movement."""
    files = sources(Weights())
    return peaks(files["encoder"], files["matcher"], Graph(files["matcher"], "matcher").rough(), calibration[2:])


GUESS = np.full((3, 64, 64, 2), 0.4, np.float32)
"""What the follower begins with; the same for every pair."""


def graphs(precision: Precision, batch: int, largest: dict[str, float]) -> dict[str, Graph]:
    """As the builder makes them, with a smaller calibration set."""
    made = {part: Graph(content, part) for part, content in sources(Weights()).items()}
    if precision == "int8":
        made["matcher"].quantised(largest)
    for graph in made.values():
        graph.batched(batch)
        if precision != "fp32":
            graph.halved()
    return made


def answers(made: dict[str, Graph], pairs: Pairs) -> Flows:
    """Facial and head flow of several pairs, measured and followed, by ONNX Runtime: it computes halves and int8 as it
    is told to."""
    encoder, matcher, follower = (
        onnxruntime.InferenceSession(made[part].content(), providers=["CPUExecutionProvider"]) for part in PARTS
    )
    feed: dict[str, NDArray[np.float32]] = {}
    for side, name in enumerate(("first", "second")):
        given = encoder.run(None, {"crop": np.stack([pair[side] for pair in pairs])})
        feed |= {f"{name}_{port.name}": value for port, value in zip(encoder.get_outputs(), given, strict=True)}
    feed["guess"] = GUESS[: len(pairs)]
    return tuple(
        flow for part in (matcher, follower)
        for flow in part.run(["facial", "head"], {port.name: feed[port.name] for port in part.get_inputs()})
    )  # fmt: skip


def apart(found: Flows, wanted: Flows) -> float:
    return max(float(np.hypot(*np.moveaxis(a - b, -1, 0)).mean()) for a, b in zip(found, wanted, strict=True))


@pytest.fixture(scope="module")
def exact(calibration: Pairs) -> Flows:
    """What the exported graphs answer, one pair after the other."""
    plain = {part: Graph(content, part) for part, content in sources(Weights()).items()}
    one = [answers(plain, [pair]) for pair in calibration]
    return tuple(np.concatenate(flows) for flows in zip(*one, strict=True))


@pytest.mark.parametrize(("precision", "limit"), [("fp32", 1e-4), ("fp16", 0.003), ("int8", 0.06)])
def test_three_at_once_in_any_precision_are_near_one_after_the_other(
    calibration: Pairs, exact: Flows, largest: dict[str, float], precision: Precision, limit: float
) -> None:
    found = answers(graphs(precision, 3, largest), calibration)
    assert [flow.shape for flow in found] == [(3, 64, 64, 2)] * 4
    distance = apart(found, exact)
    assert distance < limit
    assert distance > (0 if precision == "fp32" else 1e-5)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_what_is_built_is_as_near_to_the_reference_answer_as_an_engine_must_be(precision: Precision) -> None:
    pair = Reference(Weights()).crops
    built, plain = prepared(Weights(), precision, 1), sources(Weights())
    found, wanted = (answers({part: Graph(c, part) for part, c in made.items()}, [pair]) for made in (built, plain))
    assert apart(found, wanted) < allowed_px(precision)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_every_operator_is_one_that_tensorrt_10_reads(
    largest: dict[str, float], precision: Precision, batch: int
) -> None:
    used = set().union(*(graph.operators() for graph in graphs(precision, batch, largest).values()))
    assert used - TENSORRT_10 == set()
    assert {"GridSample", "Conv"} <= used
    assert ({"QuantizeLinear", "DequantizeLinear"} <= used) is (precision == "int8")


def test_shapes_are_those_of_the_batch(largest: dict[str, float]) -> None:
    made = graphs("fp16", 5, largest)
    shapes = dict(ports(made["encoder"].content()))
    assert shapes["crop"] == (5, 256, 256, 3)
    taken = dict(ports(made["matcher"].content()))
    followed = dict(ports(made["follower"].content()))
    assert followed.pop("guess") == (5, 64, 64, 2)
    for flows in (taken, followed):
        assert flows.pop("facial") == flows.pop("head") == (5, 64, 64, 2)
    taken |= followed
    assert all(shapes[name.partition("_")[2]] == shape for name, shape in taken.items())


def test_int8_is_symmetric_and_spares_what_must_be_exact(largest: dict[str, float]) -> None:
    """TensorRT refuses zero points other than 0."""
    model = onnx.load_from_string(graphs("int8", 1, largest)["matcher"].content())
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    made = {output: node for node in model.graph.node for output in node.output}
    zeros = [node.input[2] for node in model.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert zeros
    assert all(arrays[name].dtype == np.int8 and not arrays[name].any() for name in zeros)
    kinds = {node.name: made[node.input[0]].op_type for node in model.graph.node if node.op_type == "Conv"}
    for name, kind in kinds.items():
        exact = any(part in name for part in (*KEEP_FLOAT, KEEP_HALF))
        assert kind == ("Cast" if exact else "DequantizeLinear"), name
    assert {"Cast", "DequantizeLinear"} == set(kinds.values())


def test_weights_of_int8_are_scaled_a_channel_each(largest: dict[str, float]) -> None:
    model = onnx.load_from_string(graphs("int8", 1, largest)["matcher"].content())
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    kernels = [n for n in model.graph.node if n.op_type == "QuantizeLinear" and n.input[0] in arrays]
    assert kernels
    for node in kernels:
        kernel, scale = arrays[node.input[0]], arrays[node.input[1]]
        steps = np.abs(kernel.reshape(len(kernel), -1)).max(axis=1) / scale
        assert steps == pytest.approx(np.full(len(kernel), 127), rel=1e-4)


def test_peaks_are_no_less_than_what_any_pair_shows(calibration: Pairs, largest: dict[str, float]) -> None:
    files = sources(Weights())
    told: list[int] = []
    names = list(largest)
    both = peaks(files["encoder"], files["matcher"], names, calibration[1:], told.append)
    assert told == [1, 2]
    assert set(both) == set(names)
    assert all(both[name] >= largest[name] > 0 for name in names)


def test_bytes_are_cast_before_anything_else_is_done_with_them() -> None:
    """TensorRT takes bytes as an input only, and knows no transposition of them."""
    model = onnx.load_from_string(Graph(sources(Weights())["encoder"], "encoder").content())
    takers = [node.op_type for node in model.graph.node if "crop" in node.input]
    assert takers == ["Cast"]


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x00" * 40])
def test_what_is_no_graph_is_named(content: bytes) -> None:
    with pytest.raises(WeightsError, match=r"some\.onnx: "):
        Graph(content, "some.onnx")


@pytest.mark.parametrize("batch", [0, -3])
def test_a_batch_of_nothing_is_refused(batch: int) -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        Graph(sources(Weights())["encoder"], "encoder").batched(batch)


def test_a_network_as_it_is_exported_anew_does_too(untrained: Path, calibration: Pairs) -> None:
    """Not only the shipped files: what an export of other weights writes."""
    files = Weights(untrained)
    plain = {part: Graph(content, part) for part, content in sources(files).items()}
    both = {part: Graph(content, part).batched(2) for part, content in sources(files).items()}
    found = answers(both, calibration[:2])
    for index in range(2):
        wanted = answers(plain, [calibration[index]])
        assert np.abs(found[0][index] - wanted[0][0]).max() < 1e-3
