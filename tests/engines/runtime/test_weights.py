import json
from pathlib import Path

import pytest

from engines.runtime.interface import EngineError
from engines.runtime.weights import MANIFEST, SHIPPED, Weights
from tests.engines.runtime.folders import write_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "net", {"a.onnx": b"graph", "b.npz": b"arrays"}, "b")


def test_a_file_is_read_as_it_was_written(folder: Path) -> None:
    weights = Weights(folder)
    assert weights.size == "b"
    assert weights.folder == folder
    assert weights.read("a.onnx") == b"graph"
    assert weights.read("b.npz") == b"arrays"


@pytest.mark.parametrize("content", [b"grape", b"", b"graph and more"])
def test_a_corrupt_file_is_named_with_its_hash(folder: Path, content: bytes) -> None:
    (folder / "a.onnx").write_bytes(content)
    with pytest.raises(EngineError, match=r"a\.onnx: corrupt .*SHA-256"):
        Weights(folder).read("a.onnx")
    assert Weights(folder).read("b.npz") == b"arrays"


def test_a_file_that_was_deleted_is_named(folder: Path) -> None:
    (folder / "a.onnx").unlink()
    with pytest.raises(EngineError, match=r"a\.onnx: No such file"):
        Weights(folder).read("a.onnx")


def test_a_file_that_is_none_of_the_manifests_is_refused_even_if_it_is_there(folder: Path) -> None:
    (folder / "c.onnx").write_bytes(b"foreign")
    with pytest.raises(EngineError, match=r"names no c\.onnx; it names a\.onnx, b\.npz"):
        Weights(folder).read("c.onnx")


@pytest.mark.parametrize("name", ["empty", "nowhere"])
def test_a_folder_without_a_manifest_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(EngineError, match=rf"{name}/{MANIFEST} is missing"):
        Weights(tmp_path / name)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "3", "null", "{}", '{"size": "s"}', '{"files": {}}', '{"size": "s", "files": ["a.onnx"]}',
     '{"size": "s", "files": 3}'],
)  # fmt: skip
def test_something_else_than_a_manifest_is_refused_with_what_is_expected(folder: Path, content: str) -> None:
    (folder / MANIFEST).write_text(content)
    with pytest.raises(EngineError, match=rf"{MANIFEST}: not a manifest .*\"size\" and \"files\""):
        Weights(folder)


def test_a_manifest_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(EngineError, match="not a manifest"):
        Weights(folder)


def test_the_shipped_weights_are_the_default(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    assert SHIPPED.name == "weights"
    assert (SHIPPED.parent / "runtime" / "weights.py").is_file()
    monkeypatch.setattr("engines.runtime.weights.SHIPPED", folder)
    assert Weights().read("a.onnx") == b"graph"


def test_the_hash_of_one_file_does_not_stand_for_another(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / "a.onnx").write_bytes(b"arrays")
    assert len(set(manifest["files"].values())) == 2
    with pytest.raises(EngineError, match="of another network"):
        Weights(folder).read("a.onnx")
