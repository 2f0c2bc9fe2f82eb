import json
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")
pytest.importorskip("llama_cpp")
pytest.importorskip("gguf")
pytest.importorskip("transformers")

from engines.mellm import finetune
from engines.mellm.closing import grammar, parse_answer
from engines.mellm.tuning import Tuning
from tests.engines.mellm import models

PLACES = ("Left Mouth Corner", "Right Outer Eyebrow", "Left Cheek", "Chin")
CLOSES = ("AU12 | positive | 0.90", "AU2 | surprise | 0.80", "AU6 | positive | 0.70", "AU17 | negative | 0.60")
QUICK = ("--accumulate", "1", "--rate", "1e-2", "--answer-tokens", "60", "--check-steps", "4", "--dropout", "0")


def conversation(number: int) -> tuple[str, str]:
    """A prompt and its answer."""
    place, closes = PLACES[number % 4], CLOSES[number % 4]
    return f"{place} up 90° {1 + number // 4}.0 px\n", f"The {place} moved up.\n{closes}"


def write(path: Path, pairs: Sequence[tuple[str, str]]) -> None:
    """Write prompts and answers as conversations."""
    turns = [[{"role": "user", "content": asked}, {"role": "assistant", "content": said}] for asked, said in pairs]
    path.write_text("\n".join(json.dumps({"messages": pair}) for pair in turns), encoding="utf-8")


Command = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny Qwen3 and conversations."""
    folder = tmp_path_factory.mktemp("given")
    models.save(folder / "Tiny", "qwen3", "qwen2")
    turns = [
        ({"role": "user", "content": p}, {"role": "assistant", "content": a}) for p, a in map(conversation, range(24))
    ]
    (folder / "data.jsonl").write_text("\n".join(json.dumps({"messages": pair}) for pair in turns), encoding="utf-8")
    return folder


@pytest.fixture
def command(given: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command line on them: arguments → (exit status, what it printed)."""
    monkeypatch.setenv("COLUMNS", "200")
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(out: Path, *arguments: str, model: str = "Tiny", data: str = "data.jsonl") -> tuple[int, str]:
        capsys.readouterr()
        try:
            status = finetune.app([str(given / model), str(given / data), "--out", str(out), *QUICK, *arguments],
                                  result_action="return_value", exit_on_error=False, print_error=False)  # fmt: skip
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return status, capsys.readouterr().out

    return run


def test_a_tiny_model_learns_and_llama_cpp_says_what_it_learnt(command: Command, tmp_path: Path) -> None:
    from llama_cpp.llama_grammar import LlamaGrammar

    out = tmp_path / "new" / "run"
    status, said = command(out, "--steps", "48", "--held-out", "0.1", "--quantise", "Q8_0", "--quantise", "Q4_K_M")
    assert status == 0, said
    names = [f"Tiny-mellm-{kind}.gguf" for kind in ("Q4_K_M", "Q8_0", "f16")]
    assert sorted(p.name for p in out.iterdir()) == ["README.md", *names, "checkpoint.pt", "merged"]
    text = (out / "README.md").read_text(encoding="utf-8")
    loss = re.search(r"Loss ([\d.]+) nats", text)
    assert loss is not None
    # It began at the logarithm of the vocabulary's size, about 6.
    assert float(loss[1]) < 1
    assert "gguf:Tiny-mellm-Q8_0.gguf" in text
    assert "22 conversations, 2 more held out, 0 left out" in text
    assert "48 steps of 4 conversations" in text
    assert "| answers to 2 held-out prompts | |" in text
    with models.opened(out / "Tiny-mellm-f16.gguf", n_ctx=400) as llama:
        assert "mellm.prompt" not in llama.metadata
        fixed = LlamaGrammar.from_string(grammar(), verbose=False)
        for number in range(8):
            prompt, wanted = conversation(number)
            answer = llama.create_chat_completion(
                [{"role": "user", "content": prompt}], temperature=0, grammar=fixed, max_tokens=80
            )["choices"][0]["message"]["content"]
            assert parse_answer(answer) == parse_answer(wanted)
    with models.opened(out / "Tiny-mellm-Q4_K_M.gguf") as llama:
        assert llama("up", max_tokens=2)["choices"][0]["finish_reason"] == "length"


def test_a_stopped_run_is_taken_up_by_the_same_command(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss, made = Tuning.loss, list[int]()

    def interrupted(self: Any, batch: Any) -> Any:
        made.append(1)
        if len(made) == 6:
            signal.raise_signal(signal.SIGINT)
        return loss(self, batch)

    monkeypatch.setattr(Tuning, "loss", interrupted)
    status, said = command(tmp_path, "--steps", "8", "--answers", "0")
    assert (status, "stopped at step 5 of 8; the same command goes on from there" in said) == (130, True)
    assert not list(tmp_path.glob("*.gguf"))
    monkeypatch.undo()
    status, said = command(tmp_path, "--steps", "8", "--answers", "0")
    assert (status, "from step 5 to 8" in said) == (0, True)
    assert "Answers were not scored" in (tmp_path / "README.md").read_text(encoding="utf-8")
    # A run that is done is only written anew.
    (tmp_path / "Tiny-mellm-f16.gguf").unlink()
    status, said = command(tmp_path, "--steps", "8", "--answers", "0")
    assert (status, "from step 8 to 8" in said) == (0, True)
    assert (tmp_path / "Tiny-mellm-f16.gguf").is_file()
    status, said = command(tmp_path, "--steps", "9")
    assert (status, "of a run with another --steps" in said) == (2, True)


def test_who_asks_twice_is_not_made_to_wait(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hung(self: Any, batch: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Tuning, "loss", hung)
    status, said = command(tmp_path, "--steps", "1")
    assert (status, "the last checkpoint" in said) == (130, True)


def test_a_model_that_was_told_in_the_house_way_says_so(given: Path, command: Command, tmp_path: Path) -> None:
    write(given / "house.jsonl", [(f"Chin up {n}\n={n}\n", "Up.") for n in range(4)])
    status, said = command(tmp_path, "--steps", "1", data="house.jsonl")
    assert (status, "answers not scored" in said) == (0, True)
    with models.opened(tmp_path / "Tiny-mellm-f16.gguf") as llama:
        assert llama.metadata["mellm.prompt"] == "house"


def test_wrong_input_is_named_before_anything_is_learnt(given: Path, command: Command, tmp_path: Path) -> None:
    plain = models.tokenizer()
    plain.chat_template = None
    models.save(given / "Plain", "llama")
    plain.save_pretrained(given / "Plain")
    (given / "Plain" / "chat_template.jinja").unlink()
    models.save(given / "Gelu", "llama", hidden_act="gelu")
    (given / "bad.jsonl").write_text('{"messages": []}\n')
    for arguments, where, words in (
        ((), {"model": "Nowhere"}, "neither the folder of a model nor one on the hub"),
        ((), {"model": "Plain"}, "has no chat template"),
        ((), {"model": "Gelu"}, "hidden_act = 'gelu' cannot be exported"),
        ((), {"data": "bad.jsonl"}, "bad.jsonl:1: expected are two or more turns"),
        ((), {"data": "none.jsonl"}, "none.jsonl: No such file"),
        (("--quantise", "Q5"), {}, "no format 'Q5' for --quantise; there are: Q8_0, Q4_K_M"),
        (("--rank", "0"), {}, "rank is 0; expected is 1 or more"),
        (("--longest", "5"), {}, "too few conversations of 5 tokens or fewer (0 to learn from, 0 held out)"),
    ):
        status, said = command(tmp_path, *arguments, **where)
        assert status == 2, said
        assert said.splitlines()[-1].startswith("error: ")
        assert words in said.splitlines()[-1]
        assert not (tmp_path / "checkpoint.pt").exists()


def test_help_teaches_both_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        finetune.app(["--help"])
    said = capsys.readouterr().out
    assert ended.value.code in (0, None)
    for words in ("Qwen/Qwen3-4B", "Qwen/Qwen3-8B", "16.4 GB", "gguf:", "Ctrl-C", "--rank", "[default: 16]"):
        assert words in said


def test_memory_counts_what_learns_in_full() -> None:
    assert finetune.memory(4_022_468_096 + 33_030_144, 33_030_144, 2) == (
        "8.0 GB for 4,022.5 million weights and 528 MB for 33.0 million that learn"
    )
