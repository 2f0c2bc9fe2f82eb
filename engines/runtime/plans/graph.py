"""The exported graphs as TensorRT takes them: any batch, convolutions in half precision or int8, all else in float32.

TensorRT 11 and TensorRT for RTX take precision from the network's own types alone; 10 does so when asked to
(`STRONGLY_TYPED`). So the types are written into the graph, and one graph means the same to all three.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engines.runtime.interface import EngineError, WeightsError

Precision = Literal["fp32", "fp16", "int8"]

KEEP_FLOAT = ("filters", "enter", "leave", "up_a", "join_a", "body.0", "body.6", "judge.0", "judge.4", "cleaner")
"""The matcher's convolutions, by parts of their names, that bear no int8: what they take or give counts in 0.01 px."""

KEEP_HALF = "refiners.2"
"""Nor do those of the last step, in the range that TensorRT takes, symmetric about zero: what a leaky ReLU gives fills
half of it. They alone move the reference pair by 0.03 px."""

_INT8 = 127


def _onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise EngineError(f"onnx cannot be loaded ({error}); install it: pip install 'onnx<1.23'") from None
    return onnx


class Graph:
    """One exported graph. It belongs to this object and is changed in place."""

    def __init__(self, content: bytes, name: str) -> None:
        """Read it.

        Args:
            content: an ONNX file, as `engines.meflownet.export` writes it.
            name: of the file, for messages.

        Raises:
            EngineError: the package onnx is missing.
            WeightsError: not an ONNX file.
        """
        self._onnx = _onnx()
        try:
            self._model = self._onnx.load_from_string(content)
        except Exception as error:  # protobuf's own, which differ from release to release
            raise WeightsError(f"{name}: not an ONNX file ({str(error) or type(error).__name__})") from None
        if not self._model.graph.node:
            raise WeightsError(f"{name}: an ONNX file without a graph")
        self._graph = self._model.graph
        self._name_constants()
        self._bytes_first()

    def _name_constants(self) -> None:
        """Constants become initializers, so that what follows looks in one place."""
        kept = []
        for node in self._graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                tensor = self._graph.initializer.add()
                tensor.CopyFrom(node.attribute[0].t)
                tensor.name = node.output[0]
            else:
                kept.append(node)
        self._replace(kept)
        self._arrays = {tensor.name: tensor for tensor in self._graph.initializer}

    def _bytes_first(self) -> None:
        """Bytes become floats before they are transposed: TensorRT takes them as an input, and casts them at once."""
        made = {node.output[0]: node for node in self._graph.node}
        inputs = {port.name for port in self._graph.input}
        for cast in self._graph.node:
            turned = made.get(cast.input[0]) if cast.op_type == "Cast" else None
            if turned is not None and turned.op_type == "Transpose" and turned.input[0] in inputs:
                turned.op_type, cast.op_type = cast.op_type, turned.op_type
                attributes = [list(node.attribute) for node in (turned, cast)]
                for node, its in zip((cast, turned), attributes, strict=True):
                    del node.attribute[:]
                    node.attribute.extend(its)

    def batched(self, batch: int) -> "Graph":
        """For so many crops or pairs at once.

        The exporter kept the batch open everywhere but in constants that are joined to what depends on it.

        Raises:
            ValueError: less than one.
        """
        if batch < 1:
            raise ValueError(f"a batch of {batch}: it must be 1 or more")
        for port in (*self._graph.input, *self._graph.output):
            port.type.tensor_type.shape.dim[0].dim_value = batch
        del self._graph.value_info[:]
        for node in self._graph.node:
            axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
            if node.op_type != "Concat" or axis < 1 or all(name in self._arrays for name in node.input):
                continue
            for index, name in enumerate(node.input):
                if name in self._arrays and batch > 1:
                    array = self._array(name)
                    node.input[index] = self._constant(f"{name}_x{batch}", np.repeat(array, batch, axis=0))
        return self

    def halved(self) -> "Graph":
        """All convolutions that are still in float32 in float16: half-precision inputs, weights and sums, float32 out.

        On the reference pair this moves the flow by 0.0001 px; float16 elsewhere would cost more than it gains.
        """
        onnx, nodes = self._onnx, []
        for node in self._graph.node:
            if node.op_type != "Conv" or not all(name in self._arrays for name in node.input[1:]):
                nodes.append(node)
                continue
            taken, given = f"{node.name}_half_in", f"{node.name}_half_out"
            nodes.append(self._cast(node.input[0], taken, onnx.TensorProto.FLOAT16))
            weights = [self._constant(f"{name}_half", self._array(name).astype(np.float16)) for name in node.input[1:]]
            exact = node.output[0]
            node.input[:], node.output[:] = [taken, *weights], [given]
            nodes += [node, self._cast(given, exact, onnx.TensorProto.FLOAT)]
        self._replace(nodes)
        return self

    def quantised(self, peaks: Mapping[str, float]) -> "Graph":
        """Convolutions between explicit quantisation and dequantisation, symmetric, the weights a channel each.

        Args:
            peaks: largest magnitude of the input of every convolution that is to be int8, by the tensor's name.
        """
        onnx, nodes = self._onnx, []
        for node in self._graph.node:
            if node.op_type == "Conv" and node.input[0] in peaks:
                peak = max(float(peaks[node.input[0]]), 1e-12)
                steps: NDArray[np.float32] = np.asarray(peak / _INT8, np.float32)
                weights = self._array(node.input[1])
                reach = np.abs(weights.reshape(len(weights), -1)).max(axis=1)
                scales = np.maximum(reach / _INT8, 1e-12).astype(np.float32)
                for index, (name, scale) in enumerate(((node.input[0], steps), (node.input[1], scales))):
                    stem = f"{node.name}_int8_{index}"
                    pair = [name, self._constant(f"{stem}_scale", scale),
                            self._constant(f"{stem}_zero", np.zeros(scale.shape, np.int8))]  # fmt: skip
                    axis = {"axis": 0} if scale.ndim else {}
                    nodes.append(onnx.helper.make_node("QuantizeLinear", pair, [stem], f"{stem}_q", **axis))
                    nodes.append(
                        onnx.helper.make_node(
                            "DequantizeLinear", [stem, *pair[1:]], [f"{stem}_back"], f"{stem}_dq", **axis
                        )
                    )
                    node.input[index] = f"{stem}_back"
            nodes.append(node)
        self._replace(nodes)
        return self

    def rough(self) -> list[str]:
        """Tensors that go into the convolutions which bear int8."""
        return [
            node.input[0]
            for node in self._graph.node
            if node.op_type == "Conv" and not any(part in node.name for part in (*KEEP_FLOAT, KEEP_HALF))
        ]

    def operators(self) -> set[str]:
        """The kinds of nodes there are."""
        return {node.op_type for node in self._graph.node}

    def content(self) -> bytes:
        """The graph as an ONNX file."""
        used = {name for node in self._graph.node for name in node.input}
        kept = [tensor for tensor in self._graph.initializer if tensor.name in used]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)
        self._arrays = {tensor.name: tensor for tensor in self._graph.initializer}
        serialised: bytes = self._model.SerializeToString()
        return serialised

    def _array(self, name: str) -> NDArray[Any]:
        array: NDArray[Any] = self._onnx.numpy_helper.to_array(self._arrays[name])
        return array

    def _constant(self, name: str, array: NDArray[Any]) -> str:
        if name not in self._arrays:
            tensor = self._graph.initializer.add()
            tensor.CopyFrom(self._onnx.numpy_helper.from_array(array, name))
            self._arrays[name] = tensor
        return name

    def _cast(self, source: str, target: str, kind: int) -> Any:
        return self._onnx.helper.make_node("Cast", [source], [target], f"{target}_cast", to=kind)

    def _replace(self, nodes: "list[Any]") -> None:
        kept = [type(node).FromString(node.SerializeToString()) for node in nodes]
        del self._graph.node[:]
        self._graph.node.extend(kept)


def ports(content: bytes) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of what a graph takes and gives."""
    graph = _onnx().load_from_string(content).graph
    for port in (*graph.input, *graph.output):
        yield port.name, tuple(d.dim_value for d in port.type.tensor_type.shape.dim)
