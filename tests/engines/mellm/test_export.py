from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("gguf")
pytest.importorskip("llama_cpp")
pytest.importorskip("transformers")

from dataclasses import replace

import torch

from engines.mellm import Answer
from engines.mellm.export import export
from engines.mellm.gguf_model import GgufModel
from engines.mellm.instruct.instructor import Instructor
from engines.mellm.registry import open_narrator
from engines.mellm.train import Run
from tests.engines.mellm.instruct.test_instructor import MEANING, acted
from tests.engines.mellm.measured import facts_of
from tests.engines.mellm.test_train import TINY, quietly


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    instructor = Instructor(acted(40), MEANING)
    quietly(Run(folder, TINY, instructor, instructor))
    return folder


@pytest.mark.parametrize("quantisation", ["f16", "Q8_0"])
def test_an_exported_run_speaks_under_the_grammar(run: Path, tmp_path: Path, quantisation: str) -> None:
    target = tmp_path / "made" / "mellm.gguf"
    assert export(run, out=target, quantisation=quantisation) == 0
    narrator = open_narrator(f"gguf:{target}")
    answer = [piece for piece in narrator.narrate(facts_of(["AU4"])) if isinstance(piece, Answer)][-1]
    narrator.close()
    assert answer.narration
    model = GgufModel(target)
    assert model.prompt_style == "house"
    model.close()


def test_llama_cpp_continues_as_torch_does(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "f16.gguf"
    assert export(run, out=target, quantisation="f16") == 0
    instructor = Instructor(acted(40), MEANING)
    trained = Run(run, replace(TINY, minutes=1.0), instructor, instructor)
    model = trained.final().half().float()
    source = GgufModel(target)
    for seed in range(3):
        prompt = next(instructor.examples(seed)).prompt
        ids = [trained.tokenizer.bos_token_id, *trained.tokenizer.encode(prompt, add_special_tokens=False)]
        with torch.no_grad():
            for _ in range(24):
                best = int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
                if best == trained.tokenizer.eos_token_id:
                    break
                ids.append(best)
        said: list[str] = []
        for piece in source.stream(prompt, lambda: False):
            said.append(piece)
            if len(trained.tokenizer.encode("".join(said), add_special_tokens=False)) > 30:
                break
        wanted = trained.tokenizer.decode(ids[1 + len(trained.tokenizer.encode(prompt, add_special_tokens=False)) :])
        assert "".join(said).startswith(wanted.rstrip("�"))
    source.close()


def test_what_cannot_be_exported_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(tmp_path, out=tmp_path / "a.gguf") == 2
    assert export(tmp_path, out=tmp_path / "a.gguf", quantisation="Q1") == 2
    assert "there are f16, Q8_0, Q4_K_M" in capsys.readouterr().out
    assert not (tmp_path / "a.gguf").exists()
