import io
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")

import onnx
from onnx import TensorProto, helper

from calib.face import CROP
from calib.int8 import Crop
from engines.grid import CELLS
from engines.runtime.interface import CropError, EngineError, FollowingEngine
from engines.runtime.openvino import OpenVinoEngine, _round
from engines.runtime.weights import MANIFEST
from tests.engines.runtime.folders import forged, write_folder

Pairs = list[tuple[Crop, Crop]]
ENCODER, MATCHER, FOLLOWER, REFERENCE = (
    f"meflownet_t_{end}" for end in ("encoder.onnx", "matcher.onnx", "follower.onnx", "reference.npz")
)


def model(nodes: list[Any], takes: Mapping[str, list[int]], gives: Mapping[str, list[int]]) -> bytes:
    """A graph of float tensors with these shapes; one that is named crop is of bytes."""

    def ports(shapes: Mapping[str, list[int]]) -> list[Any]:
        kinds = {name: TensorProto.UINT8 if name == "crop" else TensorProto.FLOAT for name in shapes}
        return [helper.make_tensor_value_info(name, kinds[name], shape) for name, shape in shapes.items()]

    numbers = {"two": [0, 1], "from": [1, 1], "to": [CROP, CROP], "axes": [1, 2], "steps": [4, 4]}
    constants = [onnx.numpy_helper.from_array(np.array(value), name) for name, value in numbers.items()]
    graph = helper.make_graph(nodes, "tiny", ports(takes), ports(gives), constants)
    opset = [helper.make_opsetid("", 17)]
    content: bytes = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    return content


def encoder(kind: str = "Identity") -> bytes:
    """The crop as floats, its red and green taken; the same upside down for a first crop; one that nobody wants."""
    nodes = [
        helper.make_node("Cast", ["crop"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["wide", "two"], ["taken"], axis=3),
        helper.make_node(kind, ["taken"], ["full"]),
        helper.make_node("Neg", ["taken"], ["half"]),
        helper.make_node("Abs", ["taken"], ["spare"]),
    ]
    return model(nodes, {"crop": [1, CROP, CROP, 3]}, {name: [1, CROP, CROP, 2] for name in ("full", "half", "spare")})


def matcher(channels: int = 2) -> bytes:
    """The change of the features as facial flow, the first crop's as that of the head; of every fourth pixel."""
    nodes = [
        helper.make_node("Sub", ["second_full", "first_full"], ["change"]),
        helper.make_node("Slice", ["change", "from", "to", "axes", "steps"], ["facial"]),
        helper.make_node("Neg", ["first_half"], ["above"]),
        helper.make_node("Slice", ["above", "from", "to", "axes", "steps"], ["head"]),
    ]
    crops, flow = [1, CROP, CROP, channels], [1, CELLS, CELLS, channels]
    return model(
        nodes, {"first_full": crops, "first_half": crops, "second_full": crops}, {"facial": flow, "head": flow}
    )


def follower(features: str = "full") -> bytes:
    """The guess and the second crop's features as facial flow, the first crop's as that of the head."""
    nodes = [
        helper.make_node("Slice", [f"second_{features}", "from", "to", "axes", "steps"], ["there"]),
        helper.make_node("Add", ["guess", "there"], ["facial"]),
        helper.make_node("Neg", ["first_half"], ["above"]),
        helper.make_node("Slice", ["above", "from", "to", "axes", "steps"], ["head"]),
    ]
    crops, flow = [1, CROP, CROP, 2], [1, CELLS, CELLS, 2]
    takes = {"guess": flow, "first_half": crops, f"second_{features}": crops}
    return model(nodes, takes, {"facial": flow, "head": flow})


@pytest.fixture
def folder(calibration: Pairs, tmp_path: Path) -> Path:
    """The weights of a network so small that it is compiled in no time."""
    return tiny(calibration, tmp_path / "tiny")


def tiny(calibration: Pairs, target: Path) -> Path:
    """Write those weights into a folder."""
    first, second = (crop[..., :2].astype(np.float32) for crop in calibration[0])
    content = io.BytesIO()
    guess = np.full((CELLS, CELLS, 2), 0.5, np.float32)
    np.savez(content, first=calibration[0][0], second=calibration[0][1], facial=(second - first)[1::4, 1::4],
             head=first[1::4, 1::4], guess=guess, followed=guess + second[1::4, 1::4],
             followed_head=first[1::4, 1::4])  # fmt: skip
    files = {ENCODER: encoder(), MATCHER: matcher(), FOLLOWER: follower(), REFERENCE: content.getvalue()}
    return write_folder(target, files, size="t")


@pytest.fixture
def engine(folder: Path) -> Iterator[OpenVinoEngine]:
    opened = OpenVinoEngine("f32", folder)
    yield opened
    opened.close()


def seen(engine: OpenVinoEngine, first: Any, second: Any) -> Any:
    """What the tiny matcher gives as the head's flow: the first crop."""
    return engine.flow(first, second).found_head


def test_features_of_both_crops_come_to_where_the_matcher_wants_them(
    engine: OpenVinoEngine, calibration: Pairs
) -> None:
    assert engine.name == "meflownet"
    first, second = calibration[1]
    fields = engine.flow(engine.encode(first), engine.encode(second))
    assert fields.found_head is not None
    assert fields.found.shape == fields.found_head.shape == (CELLS, CELLS, 2)
    assert fields.found.dtype == np.float32
    assert np.array_equal(fields.found, (second[..., :2].astype(np.float32) - first[..., :2])[1::4, 1::4])
    assert np.array_equal(fields.found_head, first[1::4, 1::4, :2])


def test_encoded_crops_and_flows_can_be_kept_and_used_in_any_order(engine: OpenVinoEngine, calibration: Pairs) -> None:
    first, second = calibration[0]
    a, b = engine.encode(first), engine.encode(second)
    there = engine.flow(a, b).found
    kept = there.copy()
    assert kept.any()
    back = engine.flow(b, a).found
    assert np.array_equal(there, kept)
    assert np.array_equal(back, -kept)
    assert np.array_equal(engine.flow(a, b).found, kept)


def test_several_threads_may_call_at_once(engine: OpenVinoEngine, calibration: Pairs) -> None:
    def measured(pair: tuple[Crop, Crop]) -> Any:
        return engine.flow(*(engine.encode(crop) for crop in pair)).found

    pairs = [pair for first, second in calibration for pair in ((first, second), (second, first))] * 8
    wanted = [measured(pair) for pair in pairs]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(measured, pairs))
    assert np.array_equal(found, wanted)


def test_a_crop_need_not_lie_in_one_piece_and_nothing_of_it_is_kept(engine: OpenVinoEngine, calibration: Pairs) -> None:
    """Nor when it becomes the first of a pair later on."""
    crop, other = calibration[0][0].copy(), engine.encode(calibration[0][1])
    mirrored, plain = engine.encode(crop[:, ::-1]), engine.encode(crop)
    crop[:] = 0
    assert np.array_equal(seen(engine, mirrored, other), calibration[0][0][1::4, ::-1][:, 1::4, :2])
    assert np.array_equal(seen(engine, plain, other), calibration[0][0][1::4, 1::4, :2])


def test_a_flow_goes_on_from_a_guess(engine: OpenVinoEngine, calibration: Pairs) -> None:
    assert isinstance(engine, FollowingEngine)
    first, second = calibration[1]
    a, b = engine.encode(first), engine.encode(second)
    for number in range(3):
        guess = np.full((CELLS, CELLS, 2), number, np.float32)
        guess.setflags(write=False)
        fields = engine.follow(a, b, guess)
        assert fields.found_head is not None
        assert np.array_equal(fields.found, guess + second[1::4, 1::4, :2])
        assert np.array_equal(fields.found_head, first[1::4, 1::4, :2])
    assert np.array_equal(engine.follow(b, a, guess).found, guess + first[1::4, 1::4, :2])


def test_features_are_computed_when_they_are_wanted_and_once(
    engine: OpenVinoEngine, calibration: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this network a second crop needs one of them, which is computed at once, and a first crop both."""
    computed: list[str] = []
    run = engine._run

    def counted(model: Any, feed: dict[str, Any], names: list[str]) -> Any:
        computed.extend(names)
        return run(model, feed, names)

    monkeypatch.setattr(engine, "_run", counted)
    first, second = (engine.encode(crop) for crop in calibration[0])
    assert computed == ["full", "full"]
    guess = np.zeros((CELLS, CELLS, 2), np.float32)
    engine.follow(first, second, guess)
    assert sorted(computed[2:]) == ["facial", "half", "head"]
    engine.follow(first, second, guess)
    assert sorted(computed[5:]) == ["facial", "head"]
    engine.flow(first, second)
    assert sorted(computed[7:]) == ["facial", "head"]
    engine.flow(second, first)
    assert sorted(computed[9:]) == ["facial", "half", "head"]  # of the second


@pytest.mark.parametrize("shape", [(CROP, CROP, 3), (128, 128, 3)])
def test_a_crop_that_cannot_be_measured_is_refused(engine: OpenVinoEngine, shape: tuple[int, ...]) -> None:
    with pytest.raises(CropError, match=r"black|256, 256, 3"):
        engine.encode(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("inputs", "outputs", "size", "rough"), [(16, 16, 3, True), (12, 24, 4, True), (3, 16, 3, False), (16, 2, 3, False),
                                             (32, 16, 1, False)],
)  # fmt: skip
def test_only_large_convolutions_are_computed_in_bfloat16(inputs: int, outputs: int, size: int, rough: bool) -> None:
    """They still take and give float32, and what they answer differs by no more than the numbers were rounded."""
    from openvino import Core, Model, opset13

    chance = np.random.default_rng(0)
    weights = chance.standard_normal((outputs, inputs, size, size), np.float32)
    crop = chance.random((1, inputs, 8, 8), np.float32)
    given = opset13.parameter(crop.shape, np.float32)
    found = opset13.convolution(given, opset13.constant(weights), [1, 1], [0, 0], [0, 0], [1, 1])
    graph = Model([found], [given])
    (exact,) = Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(crop).values()
    _round(graph)
    (convolution,) = (op for op in graph.get_ops() if op.get_type_name() == "Convolution")
    assert {port.get_element_type().get_type_name() for port in convolution.inputs()} == {"bf16" if rough else "f32"}
    assert graph.outputs[0].get_element_type().get_type_name() == "f32"
    (answer,) = Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(crop).values()
    assert np.abs(answer - exact).max() <= (0.01 * np.abs(exact).max() if rough else 0)


def test_int8_takes_its_own_graphs(folder: Path, tmp_path: Path, calibration: Pairs) -> None:
    with pytest.raises(EngineError, match="names no meflownet_t_matcher_int8"):
        OpenVinoEngine("int8", folder)
    engine = OpenVinoEngine(
        "int8", forged(folder, tmp_path / "rounded", {"meflownet_t_matcher_int8.onnx": matcher(), MATCHER: b""})
    )
    assert engine.name == "meflownet-int8"
    assert not engine.flow(*[engine.encode(calibration[0][0])] * 2).found.any()
    engine.close()


@pytest.mark.parametrize("name", [ENCODER, MATCHER, FOLLOWER, REFERENCE])
def test_a_corrupt_file_is_named_with_its_hash(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(EngineError, match=rf"{name}: corrupt.*SHA-256"):
        OpenVinoEngine("f32", folder)


def test_a_folder_without_a_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=rf"{tmp_path.name}/{MANIFEST} is missing"):
        OpenVinoEngine("f32", tmp_path)


@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_a_file_that_is_no_graph_is_named(folder: Path, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(EngineError, match=f"{MATCHER}: OpenVINO cannot load it"):
        OpenVinoEngine("f32", forged(folder, tmp_path / "forged", {MATCHER: content}))


@pytest.mark.parametrize(
    "changes",
    [
        {MATCHER: encoder()},
        {ENCODER: matcher()},
        {MATCHER: matcher(channels=5)},
        {FOLLOWER: matcher(channels=5)},
        {FOLLOWER: follower("other")},
        {FOLLOWER: encoder()},
    ],
    ids=["two encoders", "two matchers", "another width", "a follower of another width", "of another encoder", "none"],
)
def test_graphs_that_do_not_fit_together_are_refused(folder: Path, tmp_path: Path, changes: dict[str, bytes]) -> None:
    with pytest.raises(EngineError, match="forged: encoder, matcher and follower do not fit together"):
        OpenVinoEngine("f32", forged(folder, tmp_path / "forged", changes))


def test_a_graph_with_other_weights_does_not_pass_the_reference(folder: Path, tmp_path: Path) -> None:
    """The right names and shapes, the right hash, and other numbers: the reference answer tells."""
    with pytest.raises(EngineError, match=r"meflownet is .* px away from the reference answer"):
        OpenVinoEngine("f32", forged(folder, tmp_path / "forged", {ENCODER: encoder("Neg")}))


def test_without_openvino_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(EngineError, match=r"OpenVINO cannot be loaded .*install the package openvino"):
        OpenVinoEngine("f32", tmp_path)
