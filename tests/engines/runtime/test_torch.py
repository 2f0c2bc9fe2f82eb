import sys
from pathlib import Path

import numpy as np
import pytest

from calib.int8 import Crop
from engines.runtime.interface import CropError, EngineError
from engines.runtime.torch import TorchEngine
from engines.runtime.weights import MANIFEST
from tests.engines.runtime.folders import forged

Pairs = list[tuple[Crop, Crop]]
ARRAYS = "meflownet_s.npz"


@pytest.fixture(scope="module")
def engine(untrained: Path) -> TorchEngine:
    return TorchEngine(untrained)


def test_it_answers_what_the_exported_network_does(engine: TorchEngine, calibration: Pairs) -> None:
    from engines.meflownet.export import answer
    from tests.engines.networks import network

    fields = engine.flow(engine.encode(calibration[1][0]), engine.encode(calibration[1][1]))
    facial, head = answer(network(), *calibration[1])
    assert fields.found_head is not None
    for found, wanted in ((fields.found, facial), (fields.found_head, head)):
        assert found.shape == (64, 64, 2)
        assert found.dtype == np.float32
        assert np.abs(found - wanted).max() < 1e-3


def test_it_goes_on_from_a_guess_as_the_networks_follower_does(engine: TorchEngine, calibration: Pairs) -> None:
    from engines.meflownet.export import followed_answer
    from engines.meflownet.follower import Follower
    from tests.engines.networks import network

    guess = np.random.default_rng(0).normal(size=(64, 64, 2)).astype(np.float32)
    fields = engine.follow(engine.encode(calibration[1][0]), engine.encode(calibration[1][1]), guess)
    facial, head = followed_answer(network(), Follower(network()), *calibration[1], guess)
    assert fields.found_head is not None
    for found, wanted in ((fields.found, facial), (fields.found_head, head)):
        assert found.shape == (64, 64, 2)
        assert np.abs(found - wanted).max() < 1e-3


def test_encoded_crops_can_be_kept(engine: TorchEngine, calibration: Pairs) -> None:
    first, second = calibration[0]
    a, b = engine.encode(first), engine.encode(second)
    there = engine.flow(a, b).facial
    engine.flow(b, a)
    assert np.array_equal(engine.flow(a, b).facial, there)
    assert not np.allclose(engine.flow(b, a).facial, there, atol=0.01)


def test_a_crop_without_anything_to_follow_is_refused(engine: TorchEngine) -> None:
    with pytest.raises(CropError, match="black"):
        engine.encode(np.zeros((256, 256, 3), np.uint8))


def test_a_crop_need_not_lie_in_one_piece(engine: TorchEngine, calibration: Pairs) -> None:
    crop = calibration[0][0]
    mirrored = engine.encode(crop[:, ::-1])
    assert np.array_equal(mirrored[0], engine.encode(np.ascontiguousarray(crop[:, ::-1]))[0])


@pytest.mark.parametrize("name", [ARRAYS, "meflownet_s_follower.npz"])
@pytest.mark.parametrize("kind", ["garbage", "empty", "truncated", "foreign"])
def test_arrays_that_are_no_weights_are_named(untrained: Path, tmp_path: Path, kind: str, name: str) -> None:
    content = {"garbage": b"garbage", "empty": b"", "truncated": (untrained / name).read_bytes()[:4000],
               "foreign": (untrained / "meflownet_s_reference.npz").read_bytes()}[kind]  # fmt: skip
    with pytest.raises(EngineError, match=rf"{name}: not the weights of this network"):
        TorchEngine(forged(untrained, tmp_path / "forged", {name: content}))


def test_weights_that_do_not_give_the_reference_answer_are_refused(untrained: Path, tmp_path: Path) -> None:
    with np.load(untrained / ARRAYS) as arrays:
        changed = {name: arrays[name] for name in arrays.files}
    name = "matcher.cleaner.leave.groups.0.bias"  # all of the flow moves with it
    changed[name] = changed[name] + np.float32(0.1)
    np.savez(tmp_path / "changed.npz", **changed)
    folder = forged(untrained, tmp_path / "forged", {ARRAYS: (tmp_path / "changed.npz").read_bytes()})
    with pytest.raises(EngineError, match="px away from the reference answer"):
        TorchEngine(folder)


def test_a_corrupt_file_and_a_missing_manifest_are_named(untrained: Path, tmp_path: Path) -> None:
    folder = forged(untrained, tmp_path / "forged", {})
    (folder / ARRAYS).write_bytes(b"rotten")
    with pytest.raises(EngineError, match=rf"{ARRAYS}.*SHA-256"):
        TorchEngine(folder)
    (folder / MANIFEST).unlink()
    with pytest.raises(EngineError, match=r"forged/.* is missing"):
        TorchEngine(folder)


def test_a_torch_without_its_libraries_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise OSError('libcublas.so.13: cannot open shared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with pytest.raises(EngineError, match=r"torch cannot be loaded \(libcublas"):
        TorchEngine(tmp_path)


def test_without_torch_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EngineError, match=r"torch cannot be loaded .*make trainer"):
        TorchEngine(tmp_path)
