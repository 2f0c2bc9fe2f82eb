import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("llama_cpp")
pytest.importorskip("gguf")
pytest.importorskip("transformers")

from engines.mellm.conversations import (
    IGNORED,
    Conversation,
    DataError,
    Tokens,
    collate,
    read_conversations,
    split,
    tokenise,
    without_thinking,
)
from tests.engines.mellm import models


def line(*contents: str) -> str:
    roles = ("user", "assistant") * 4
    return json.dumps({"messages": [{"role": r, "content": c} for r, c in zip(roles, contents, strict=False)]})


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_conversations_are_read_and_answers_trimmed(tmp_path: Path) -> None:
    data = written(tmp_path / "d.jsonl", line("90°\n", "up\n"), "", line("a", "b", "c", "d"))
    assert read_conversations(data) == [
        Conversation((("user", "90°\n"),), "up"),
        Conversation((("user", "a"), ("assistant", "b"), ("user", "c")), "d"),
    ]


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("{", r"d\.jsonl:2: not a conversation"),
        ("[]", r"d\.jsonl:2: not a conversation"),
        ('{"text": "hello"}', r"d\.jsonl:2: not a conversation \(KeyError\('messages'\)\)"),
        ('{"messages": [{"role": "user"}]}', "KeyError.'content'"),
        ('{"messages": 3}', "not a conversation"),
        (line("only a question"), "d.jsonl:2: expected are two or more turns"),
        (line("a", "b", "c"), "the last of the assistant"),
        (line("a", "  "), "turns of text"),
        ('{"messages": [{"role": "user", "content": 3}, {"role": "assistant", "content": "b"}]}', "turns of text"),
    ],
)
def test_a_line_that_is_no_conversation_is_named(tmp_path: Path, broken: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as raised:
        read_conversations(written(tmp_path / "d.jsonl", line("a", "b"), broken))
    assert len(str(raised.value).splitlines()) == 1


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"d\.jsonl: No such file"):
        read_conversations(tmp_path / "d.jsonl")
    (tmp_path / "d.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not UTF-8"):
        read_conversations(tmp_path / "d.jsonl")
    with pytest.raises(DataError, match="1 conversations; at least two"):
        read_conversations(written(tmp_path / "d.jsonl", line("a", "b")))


def test_what_is_held_out_is_not_learnt_from() -> None:
    every = [Conversation((("user", str(n // 2)),), str(n)) for n in range(60)]
    kept, held_out = split(every, 0.1)
    assert len(held_out) == 6
    assert not {c.turns for c in kept} & {c.turns for c in held_out}
    assert (kept, held_out) == split(every, 0.1)
    # The order of a file changes nothing but the order of what is learnt.
    assert split(every[::-1], 0.1) == (kept[::-1], held_out)
    assert len(split(every, 0.0)[1]) == 1
    with pytest.raises(DataError, match="the same prompt"):
        split(every[:2], 0.1)


@pytest.fixture(scope="module")
def words() -> Any:
    made = models.tokenizer("qwen2")
    made.chat_template = without_thinking(made.chat_template)
    return made


def test_only_the_answer_and_its_end_are_learnt(words: Any) -> None:
    asked = Conversation((("user", "Left Cheek up 90° 1.4 px"),), "It moved up.\nAU6 | positive | 0.50")
    tokens = tokenise(asked, words)
    assert words.decode(tokens.prompt) == (
        "<|im_start|>user\nLeft Cheek up 90° 1.4 px<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    )
    assert words.decode(tokens.answer) == "It moved up.\nAU6 | positive | 0.50<|im_end|>"
    assert len(tokens) == len(tokens.prompt) + len(tokens.answer)


@pytest.mark.parametrize(
    ("template", "end"),
    [
        ("{% for m in messages %}{{ m.content }}{% endfor %}", "<|im_end|>"),
        ("{% for m in messages %}{{ m.content }}<|pad|>\n{% endfor %}", "<|pad|>"),
        ("{% for m in messages %}{{ m.role }}: {{ m.content }} over\n{% endfor %}", "<|im_end|>"),
    ],
)
def test_an_answer_ends_as_a_turn_of_the_template_does(template: str, end: str) -> None:
    words = models.tokenizer()
    words.chat_template = template
    tokens = tokenise(Conversation((("user", "up"),), "It moved."), words)
    assert words.decode(tokens.answer) == f"It moved.{end}"


def test_a_template_that_refuses_is_named(words: Any) -> None:
    strict = models.tokenizer()
    strict.chat_template = "{{ raise_exception('no system turn') }}"
    with pytest.raises(DataError, match=r"refuses a conversation \(no system turn"):
        tokenise(Conversation((("system", "up"),), "It moved."), strict)


def test_thinking_is_switched_off_once_and_only_where_there_is_any() -> None:
    once = without_thinking(models.CHATML)
    assert once.endswith(models.CHATML)
    assert without_thinking(once) == once != models.CHATML
    assert without_thinking("{{ messages }}") == "{{ messages }}"


def test_a_batch_is_filled_up_on_the_left() -> None:
    batch = collate([Tokens((1, 2, 3), (4, 5)), Tokens((6,), (7, 8))], 9)
    assert batch["input_ids"].tolist() == [[1, 2, 3, 4, 5], [9, 9, 6, 7, 8]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1, 1], [0, 0, 1, 1, 1]]
    assert batch["labels"].tolist() == [[IGNORED] * 3 + [4, 5], [IGNORED] * 3 + [7, 8]]
