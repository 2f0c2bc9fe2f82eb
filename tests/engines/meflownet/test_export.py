import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx
import onnxruntime
import torch

from calib.face import CROP
from calib.int8 import Crop
from engines.grid import CELLS, at_every_pixel
from engines.meflownet import export
from engines.meflownet.export import FEATURES, OF_FIRST, OF_SECOND, answer, followed_answer
from engines.meflownet.follower import GIVEN, Follower
from engines.meflownet.model import MEFlowNet
from engines.runtime.weights import MANIFEST
from tests.engines.networks import network

Pairs = list[tuple[Crop, Crop]]


def session(folder: Path, part: str) -> Any:
    return onnxruntime.InferenceSession(folder / f"meflownet_s_{part}.onnx", providers=["CPUExecutionProvider"])


def test_the_manifest_tells_the_hash_of_every_file(untrained: Path) -> None:
    manifest = json.loads((untrained / MANIFEST).read_text())
    assert manifest["size"] == "s"
    assert set(manifest["files"]) == {f.name for f in untrained.iterdir()} - {MANIFEST}
    for name, told in manifest["files"].items():
        assert hashlib.sha256((untrained / name).read_bytes()).hexdigest() == told
    parts = {
        "encoder.onnx", "matcher.onnx", "matcher_int8.onnx", "follower.onnx", "follower.npz", "reference.npz",
    }  # fmt: skip
    assert set(manifest["files"]) == {f"meflownet_s_{part}" for part in parts} | {"meflownet_s.npz"}


def test_the_graphs_answer_what_torch_does(untrained: Path, calibration: Pairs) -> None:
    encoder, matcher = session(untrained, "encoder"), session(untrained, "matcher")
    first, second = calibration[1]
    a, b = (dict(zip(FEATURES, encoder.run(None, {"crop": crop[None]}), strict=True)) for crop in (first, second))
    feed = {f"first_{n}": a[n] for n in OF_FIRST} | {f"second_{n}": b[n] for n in OF_SECOND}
    facial, head = matcher.run(["facial", "head"], feed)
    for found, wanted in zip((facial, head), answer(network(), first, second), strict=True):
        assert found.shape == (1, CELLS, CELLS, 2)
        assert np.abs(wanted).max() > 0.5
        assert np.abs(found[0] - wanted).max() < 1e-3


def test_the_followers_graph_answers_what_torch_does(untrained: Path, calibration: Pairs) -> None:
    encoder, follower = session(untrained, "encoder"), session(untrained, "follower")
    first, second = calibration[1]
    a, b = (dict(zip(FEATURES, encoder.run(None, {"crop": crop[None]}), strict=True)) for crop in (first, second))
    guess = np.random.default_rng(0).normal(size=(CELLS, CELLS, 2)).astype(np.float32)
    feed = {f"first_{name}": a[name] for name in GIVEN} | {"second_shade": b["shade"], "guess": guess[None]}
    assert {i.name for i in follower.get_inputs()} == set(feed)
    wanted = followed_answer(network(), Follower(network()), first, second, guess)
    for found, flow in zip(follower.run(["facial", "head"], feed), wanted, strict=True):
        assert found.shape == (1, CELLS, CELLS, 2)
        assert np.abs(found[0] - flow).max() < 1e-3


def test_the_graphs_name_what_they_take_and_give(untrained: Path) -> None:
    encoder, matcher = session(untrained, "encoder"), session(untrained, "matcher")
    assert [(i.name, i.type, i.shape) for i in encoder.get_inputs()] == [("crop", "tensor(uint8)", [1, CROP, CROP, 3])]
    assert tuple(o.name for o in encoder.get_outputs()) == FEATURES
    shapes = {o.name: o.shape for o in encoder.get_outputs()}
    assert {i.name for i in matcher.get_inputs()} == {f"first_{n}" for n in OF_FIRST} | {
        f"second_{n}" for n in OF_SECOND
    }
    assert all(i.shape == shapes[i.name.split("_", 1)[1]] for i in matcher.get_inputs())
    assert [o.name for o in matcher.get_outputs()] == ["facial", "head"]


def test_no_constant_is_in_a_graph_twice(untrained: Path) -> None:
    for part in ("encoder", "matcher", "follower"):
        graph = onnx.load(untrained / f"meflownet_s_{part}.onnx").graph
        constants = [node.attribute[0].SerializeToString() for node in graph.node if node.op_type == "Constant"]
        assert constants
        assert len(set(constants)) == len(constants)


def test_an_answer_is_the_networks_flow_in_rows_of_cells(calibration: Pairs) -> None:
    net, (first, second) = network(), calibration[0]
    with torch.no_grad():
        wanted = net(*(torch.from_numpy(crop).permute(2, 0, 1)[None] for crop in (first, second)))
    for found, flow in zip(answer(net, first, second), wanted[:2], strict=True):
        assert found.shape == (CELLS, CELLS, 2)
        assert np.abs(at_every_pixel(found) - flow[0].permute(1, 2, 0).numpy()).max() < 1e-3


def test_the_reference_is_torchs_answer_to_the_first_pair(untrained: Path, calibration: Pairs) -> None:
    with np.load(untrained / "meflownet_s_reference.npz") as reference:
        assert np.array_equal(reference["first"], calibration[0][0])
        assert np.array_equal(reference["second"], calibration[0][1])
        facial, head = answer(network(), *calibration[0])
        assert np.abs(reference["facial"] - facial).max() < 1e-3
        assert np.abs(reference["head"] - head).max() < 1e-3
        followed = followed_answer(network(), Follower(network()), *calibration[0], reference["guess"])
        assert 0.1 < np.abs(reference["guess"] - facial).max() < 5
        for name, flow in zip(("followed", "followed_head"), followed, strict=True):
            assert np.abs(reference[name] - flow).max() < 1e-3


def test_the_arrays_are_the_networks_weights(untrained: Path) -> None:
    for file, wanted in (("", network().state_dict()), ("_follower", Follower(network()).state_dict())):
        with np.load(untrained / f"meflownet_s{file}.npz") as arrays:
            loaded = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        assert set(loaded) == set(wanted)
        assert all(torch.equal(loaded[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("follows", [False, True])
def test_the_command_exports_a_runs_averaged_weights(
    follows: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written: list[tuple[MEFlowNet, Follower, str, Path, Pairs]] = []
    monkeypatch.setattr(export, "write", lambda *arguments: written.append(arguments))
    net, taught = network(seed=5), Follower(network(seed=6))
    for part, name in ((net, "weights.pt"), (taught, "follower.pt")):
        torch.save({"size": "s", "weights": part.state_dict(), "step": 12}, tmp_path / name)
    follower = tmp_path / "follower.pt" if follows else None
    export.export(tmp_path / "weights.pt", follower=follower, out=tmp_path / "out", pairs=2)
    ((found, its, size, out, pairs),) = written
    assert all(torch.equal(w, net.state_dict()[name]) for name, w in found.state_dict().items())
    wanted = (taught if follows else Follower(net)).state_dict()
    assert all(torch.equal(w, wanted[name]) for name, w in its.state_dict().items())
    assert (size, out, len(pairs)) == ("s", tmp_path / "out", 2)
    assert capsys.readouterr().out.replace("\n", "").endswith("step 12")


@pytest.mark.parametrize("kind", ["missing", "empty", "garbage", "torn", "a list", "of another size"])
def test_what_is_no_weights_of_a_run_is_an_error(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "weights.pt"
    if kind == "a list":
        torch.save([1, 2], path)
    elif kind == "of another size":
        torch.save({"size": "b", "weights": network().state_dict(), "step": 1}, path)
    elif kind != "missing":
        path.write_bytes({"empty": b"", "garbage": b"garbage\n", "torn": b"torn off"}[kind])
    with pytest.raises(SystemExit) as ended:
        export.app([str(path), "--out", str(tmp_path / "out")])
    assert ended.value.code == 2
    out = "".join(capsys.readouterr().out.split())  # a terminal's lines are broken anywhere
    assert out.startswith("error:")
    assert "weights.pt:nottheweightsofarun" in out
    assert not (tmp_path / "out").exists()
