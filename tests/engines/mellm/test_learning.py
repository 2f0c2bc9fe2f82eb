from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from engines.mellm.acting import save as save_shard
from engines.mellm.instruct import Instructor
from engines.mellm.learning import examples, fit, learn, make_network, save, unit_f1
from engines.mellm.reader import Reader
from tests.engines.mellm.test_instruct import MEANING, acted


@pytest.fixture(scope="module")
def instructor() -> Instructor:
    return Instructor(acted(300), MEANING)


def test_it_learns_and_reads_the_same_after_saving(instructor: Instructor, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = make_network()
    inputs, wanted = examples(instructor, 1500, 0)
    before = unit_f1(network, inputs, wanted)
    fit(network, inputs, wanted, 300)
    assert unit_f1(network, inputs, wanted) > max(0.6, before)
    save(network, tmp_path / "reader.npz")
    with torch.no_grad():
        told = torch.sigmoid(network(inputs[:50])).numpy()
    np.testing.assert_allclose(Reader(tmp_path / "reader.npz").chances(inputs[:50].numpy()), told, atol=0.01)


def test_the_command_trains_writes_and_tells_the_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_shard(acted(60), tmp_path / "0-0000.npz")
    out = tmp_path / "made" / "reader.npz"
    assert learn(tmp_path, held_out=tmp_path, out=out, count=200, steps=5) == 0
    assert "F1 of the units" in capsys.readouterr().out
    Reader(out)
    assert learn(tmp_path / "none", held_out=tmp_path, out=out) == 2
