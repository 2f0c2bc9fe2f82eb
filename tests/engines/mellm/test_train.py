import csv
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from rich.console import Console
from rich.progress import Progress
from transformers import LlamaForCausalLM

from engines.mellm.acting import Shard, save
from engines.mellm.instruct import Instructor
from engines.mellm.train import Run, TrainConfig, batches, loss_of, train
from tests.engines.mellm.test_instruct import MEANING, acted

TINY = TrainConfig(hidden=32, layers=2, heads=2, inner=64, batch=4, pool=2, minutes=1e-9, check_minutes=0, rate=1e-2)
"""One step: it takes longer than these minutes."""


@pytest.fixture(scope="module")
def shard() -> Shard:
    return acted(60)


@pytest.fixture(scope="module")
def instructor(shard: Shard) -> Instructor:
    return Instructor(shard, MEANING)


def quietly(run: Run) -> None:
    with Progress(console=Console(quiet=True)) as progress:
        run.train(progress)


def test_one_batch_is_learned_by_heart(instructor: Instructor, tmp_path: Path) -> None:
    torch.manual_seed(0)
    run = Run(tmp_path, replace(TINY, warm_steps=1), instructor, instructor)
    tokens, wanted = next(batches(instructor.examples(0), run.tokenizer, TINY))
    run._batches = iter([(tokens, wanted)] * 150)
    run.config = replace(run.config, minutes=60)
    first = float(loss_of(run.model, tokens, wanted).detach())
    for _ in range(150):
        run._learn()
    assert first > 5
    assert float(loss_of(run.model, tokens, wanted).detach()) < 0.5 * first


def test_only_answers_are_learned_and_padding_is_not(instructor: Instructor, tmp_path: Path) -> None:
    run = Run(tmp_path, TINY, instructor, instructor)
    for tokens, wanted in (next(batches(instructor.examples(k), run.tokenizer, TINY)) for k in range(3)):
        told = wanted != -100
        assert (tokens[told] == wanted[told]).all()
        assert not (told & (tokens == run.tokenizer.pad_token_id)).any()
        for row, mask in zip(tokens, told, strict=True):
            text = run.tokenizer.decode(row[mask])
            assert text.count("|") == 2 + text.count("<|end|>") * 2
            assert "=" not in text


def test_a_run_goes_on_where_it_stopped(instructor: Instructor, tmp_path: Path) -> None:
    quietly(Run(tmp_path, TINY, instructor, instructor))
    again = Run(tmp_path, replace(TINY, minutes=60), instructor, instructor)
    assert again.step == 1
    assert again.spent_s > 0
    again.config = replace(again.config, minutes=again.spent_s / 60 + 1e-9)
    quietly(again)
    with (tmp_path / "curve.csv").open(encoding="utf-8") as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [1, 2]
    kept = LlamaForCausalLM.from_pretrained(tmp_path)
    for name, value in again.final().state_dict().items():
        torch.testing.assert_close(kept.state_dict()[name], value)


def test_another_network_does_not_go_on(instructor: Instructor, tmp_path: Path) -> None:
    quietly(Run(tmp_path, TINY, instructor, instructor))
    with pytest.raises(ValueError, match="another layers"):
        Run(tmp_path, replace(TINY, layers=3), instructor, instructor)


def test_the_command_says_what_is_missing(tmp_path: Path, shard: Shard, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "acted").mkdir()
    save(shard, tmp_path / "acted" / "0-0000.npz")
    assert train(tmp_path / "acted", held_out=tmp_path / "none", out=tmp_path / "run") == 2
    assert "no acted pairs" in capsys.readouterr().out
