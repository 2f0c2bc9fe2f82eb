import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")
pytest.importorskip("llama_cpp")
pytest.importorskip("gguf")
pytest.importorskip("transformers")

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from engines.mellm.conversations import Tokens
from engines.mellm.tuning import TuneConfig, Tuning
from tests.engines.mellm import models

CONFIG = TuneConfig(steps=6, batch=2, accumulate=2, rate=1e-2, rank=4, check_steps=3)
RNG = np.random.default_rng(0)
DATA = [
    Tokens(tuple(RNG.integers(300, size=3 + n).tolist()), tuple(RNG.integers(300, size=2 + n % 4).tolist()))
    for n in range(7)
]


def tuning(folder: Path, config: TuneConfig = CONFIG, data: Sequence[Tokens] = DATA) -> Tuning:
    return Tuning(config, models.model("qwen3"), data, 0, folder)


def learnt(run: Tuning) -> list[Any]:
    return [p.detach().clone() for p in run.model.parameters() if p.requires_grad]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tuning, list[tuple[int, float]]]:
    """A run that was not interrupted, its folder, and what it told."""
    folder, told = tmp_path_factory.mktemp("whole"), list[tuple[int, float]]()
    run = tuning(folder)
    assert run.train(lambda step, loss: told.append((step, loss)))
    return folder, run, told


def test_loss_falls_and_the_base_is_kept(whole: tuple[Path, Tuning, list[tuple[int, float]]]) -> None:
    _, run, told = whole
    assert [step for step, _ in told] == [1, 2, 3, 4, 5, 6]
    assert told[-1][1] < 0.8 * told[0][1]
    before = models.model("qwen3").state_dict()
    after = {n.removeprefix("base_model.model.").replace(".base_layer", ""): p for n, p in run.model.named_parameters()}
    assert all(torch.equal(after[name], value) for name, value in before.items() if name in after)
    assert {n.split(".lora_")[0].rpartition(".")[2] for n in after if "lora" in n} == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    }  # fmt: skip
    total, learning = run.parameters
    assert learning == sum(p.numel() for p in learnt(run)) < total


def test_the_loss_is_the_answers_and_padding_changes_nothing(tmp_path: Path) -> None:
    run = tuning(tmp_path)
    run.model.eval()
    singly = []
    for tokens in DATA:
        ids = torch.tensor([[*tokens.prompt, *tokens.answer]])
        with torch.no_grad():
            chances = run.model(ids).logits[0].log_softmax(-1)
        places = range(len(tokens.prompt), len(tokens))
        singly.append(-sum(float(chances[place - 1, ids[0, place]]) for place in places))
        assert run.loss([tokens]).item() == pytest.approx(singly[-1], rel=1e-4)
    assert run.loss(DATA).item() == pytest.approx(sum(singly), rel=1e-4)
    assert run.mean_loss(DATA) == pytest.approx(sum(singly) / sum(len(t.answer) for t in DATA), rel=1e-4)


@pytest.mark.parametrize("batches", [1, 5])
def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(
    whole: tuple[Path, Tuning, list[tuple[int, float]]], tmp_path: Path, batches: int
) -> None:
    first, asked, told = tuning(tmp_path), list[int](), list[tuple[int, float]]()

    def stopping() -> bool:
        asked.append(1)
        return len(asked) == batches

    assert not first.train(lambda step, loss: told.append((step, loss)), stopping)
    assert first.step == batches // 2
    first.save()
    second = tuning(tmp_path)
    assert second.step == first.step
    assert second.train(lambda step, loss: told.append((step, loss)))
    _, run, wanted = whole
    assert [step for step, _ in told] == [step for step, _ in wanted]
    assert [loss for _, loss in told] == pytest.approx([loss for _, loss in wanted], rel=1e-4)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(learnt(second), learnt(run), strict=True))


def test_checkpoints_are_written_on_the_way(whole: tuple[Path, Tuning, list[tuple[int, float]]]) -> None:
    folder, run, _ = whole
    assert [p.name for p in folder.iterdir()] == ["checkpoint.pt"]
    ended = tuning(folder)
    assert ended.step == 6
    assert ended.train(lambda step, loss: pytest.fail("nothing was left to do"))
    assert all(torch.equal(a, b) for a, b in zip(learnt(ended), learnt(run), strict=True))


def test_a_checkpoint_of_another_run_is_refused(
    whole: tuple[Path, Tuning, list[tuple[int, float]]], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(whole[0], tmp_path / "run"))
    with pytest.raises(ValueError, match=r"checkpoint\.pt: of a run with another --warm-share; repeat its command"):
        tuning(folder, replace(CONFIG, warm_share=0.5))
    with pytest.raises(ValueError, match="another model or data"):
        tuning(folder, data=DATA[1:])
    with pytest.raises(ValueError, match="another model or data"):
        Tuning(CONFIG, models.model("qwen3", num_hidden_layers=1), DATA, 0, folder)
    (folder / "checkpoint.pt").write_bytes(b"torn off")
    with pytest.raises(ValueError, match=r"checkpoint\.pt: not a checkpoint of this model"):
        tuning(folder)


def test_every_conversation_is_learnt_from_once_an_epoch(tmp_path: Path) -> None:
    run = tuning(tmp_path, replace(CONFIG, steps=0, epochs=4.0))
    assert run.steps == 7
    seen = [tokens for batches in run._batches() for batch in batches for tokens in batch]
    for epoch in range(4):
        assert sorted(t.prompt for t in seen[7 * epoch : 7 * epoch + 7]) == sorted(t.prompt for t in DATA)
    assert seen[:7] != seen[7:14]


def test_the_rate_rises_and_falls(tmp_path: Path) -> None:
    run = tuning(tmp_path, replace(CONFIG, steps=100, warm_share=0.1))
    rates = [run._warmth(step) for step in range(100)]
    assert np.argmax(rates) in (9, 10)
    assert max(rates) == 1
    assert rates[0] == 0.1
    assert 0 < rates[-1] < 0.001
    assert np.all(np.diff(rates[10:]) < 0)


def test_merged_weights_say_the_same(whole: tuple[Path, Tuning, list[tuple[int, float]]]) -> None:
    run = tuning(whole[0])
    run.model.eval()
    ids = torch.tensor([[1, 2, 3, 4]])
    with torch.no_grad():
        adapted = run.model(ids).logits
        merged = run.merged()
        assert torch.allclose(merged(ids).logits, adapted, atol=1e-3)
        assert not torch.allclose(models.model("qwen3")(ids).logits, adapted, atol=0.1)
    assert not [name for name in merged.state_dict() if "lora" in name]


def test_an_answer_is_the_likeliest_and_ends(whole: tuple[Path, Tuning, list[tuple[int, float]]]) -> None:
    run = whole[1]
    run.model.eval()
    ids, wanted = [5, 6, 7], list[int]()
    with torch.no_grad():
        for _ in range(4):
            wanted.append(int(run.model(torch.tensor([ids + wanted])).logits[0, -1].argmax()))
    never = next(n for n in range(400) if n not in wanted)
    assert run.answer(ids, never, 4) == wanted
    assert run.answer(ids, wanted[0], 4) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"rank": 0}, "rank is 0; expected is 1 or more"), ({"batch": -1}, "batch is -1"),
     ({"dropout": 1.0}, "less than 1"), ({"held_out": -0.1}, "held_out is -0.1"), ({"epochs": -1.0}, "epochs is -1.0")],
)  # fmt: skip
def test_a_config_that_makes_no_run_is_refused(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        tuning(tmp_path, TuneConfig(**changes))


def test_a_model_or_data_that_make_no_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no conversation of 2048 tokens or fewer"):
        tuning(tmp_path, data=[])
    with pytest.raises(ValueError, match="no projection to adapt"):
        other = GPT2LMHeadModel(GPT2Config(n_embd=8, n_layer=1, n_head=1, vocab_size=9))
        Tuning(CONFIG, other, DATA, 0, tmp_path)
