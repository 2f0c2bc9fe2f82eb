import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx
import onnxruntime

from calib.int8 import Crop
from engines.meflownet.quantise import quantised
from engines.runtime.plans.graph import KEEP_FLOAT


def convolutions(folder: Path) -> dict[str, tuple[bool, bool]]:
    """The convolutions of a quantised graph by name: whether what they take and whether their weights are quantised."""
    graph = onnx.load(folder / "meflownet_s_matcher_int8.onnx").graph
    made_by = {output: node.op_type for node in graph.node for output in node.output}
    return {
        node.name: (made_by.get(node.input[0]) == "DequantizeLinear", made_by.get(node.input[1]) == "DequantizeLinear")
        for node in graph.node
        if node.op_type == "Conv"
    }


def kept(name: str) -> bool:
    return any(part in name for part in KEEP_FLOAT)


def test_all_convolutions_are_int8_but_those_that_are_to_be_exact(untrained: Path) -> None:
    found = convolutions(untrained)
    assert len(found) > 5
    for name, (_, weights) in found.items():
        assert weights is not kept(name), name
    rounded = [takes for takes, weights in found.values() if weights]
    assert rounded
    assert all(rounded)


def test_every_exception_is_one_there_is(untrained: Path) -> None:
    names = list(convolutions(untrained))
    for exception in KEEP_FLOAT:
        assert any(exception in name for name in names), exception


def test_the_quantised_graph_takes_and_gives_what_the_plain_one_does(untrained: Path) -> None:
    plain, rounded = (onnx.load(untrained / f"meflownet_s_matcher{end}.onnx").graph for end in ("", "_int8"))
    for side in ("input", "output"):
        kinds = [[(v.name, v.type.tensor_type.elem_type) for v in getattr(g, side)] for g in (plain, rounded)]
        assert kinds[0] == kinds[1]
    sizes = [(untrained / f"meflownet_s_matcher{end}.onnx").stat().st_size for end in ("", "_int8")]
    assert sizes[1] < sizes[0]


def test_weights_are_scaled_a_channel_each(untrained: Path) -> None:
    graph = onnx.load(untrained / "meflownet_s_matcher_int8.onnx").graph
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kernels = [a for a in arrays.values() if a.dtype == np.int8 and a.ndim == 4]
    assert kernels
    for kernel in kernels:
        assert (np.abs(kernel.reshape(len(kernel), -1).astype(int)).max(axis=1) >= 126).all()


def tiny() -> tuple[bytes, bytes]:
    """An encoder and a matcher of one convolution each."""
    rng, kind = np.random.default_rng(0), onnx.TensorProto.FLOAT
    make, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info

    def model(nodes: list[Any], takes: list[Any], gives: list[Any], channels: int) -> bytes:
        kernel = onnx.numpy_helper.from_array(rng.normal(size=(2, channels, 3, 3)).astype(np.float32), "kernel")
        graph = onnx.helper.make_graph(nodes, "tiny", takes, gives, [kernel])
        opset = [onnx.helper.make_opsetid("", 17)]
        content: bytes = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
        return content

    def convolved(source: str, target: str) -> Any:
        return make("Conv", [source, "kernel"], [target], name=f"/{target}/Conv", pads=[1] * 4)

    crop = info("crop", onnx.TensorProto.UINT8, [1, 256, 256, 3])
    full, spare = (info(name, kind, [1, 2, 256, 256]) for name in ("full", "spare"))
    encoder = [make("Cast", ["crop"], ["wide"], to=kind), make("Transpose", ["wide"], ["rows"], perm=[0, 3, 1, 2]),
               convolved("rows", "full"), make("Neg", ["full"], ["spare"])]  # fmt: skip
    features = [info(name, kind, [1, 2, 256, 256]) for name in ("first_full", "second_full")]
    matcher = [make("Sub", ["second_full", "first_full"], ["rest"]), convolved("rest", "facial")]
    facial = info("facial", kind, [1, 2, 256, 256])
    return model(encoder, [crop], [full, spare], 3), model(matcher, features, [facial], 2)


def test_any_two_graphs_that_fit_together_are_quantised(calibration: list[tuple[Crop, Crop]]) -> None:
    """The matcher need not take all features; the logger is left as it was, and nothing comes out twice different."""
    root = logging.getLogger()
    level = root.level
    encoder, matcher = tiny()
    found = quantised(encoder, matcher, calibration[:1])
    assert root.level == level
    session = onnxruntime.InferenceSession(encoder, providers=["CPUExecutionProvider"])
    first, second = (session.run(["full"], {"crop": crop[None]})[0] for crop in calibration[0])
    plain, rounded = (
        onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"]).run(
            ["facial"], {"first_full": first, "second_full": second}
        )[0]
        for graph in (matcher, found)
    )
    assert not np.array_equal(plain, rounded)
    assert np.abs(plain - rounded).mean() < 0.1 * np.abs(plain).mean()
    assert quantised(encoder, matcher, calibration[:1]) == found
