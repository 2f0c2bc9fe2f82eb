"""Conversations to learn from: JSON Lines in, tokens out, with what is to be learnt marked.

A line of the file is {"messages": [{"role": "user", "content": …}, {"role": "assistant", "content": …}]}.
"""

import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

IGNORED = -100
"""Label of a token that is not learnt, as torch's cross-entropy has it."""

_EXPECTED = '{"messages": [{"role": "user", "content": …}, {"role": "assistant", "content": …}]}'
_NO_THINKING = "{%- set enable_thinking = false -%}\n"


class DataError(ValueError):
    """A file that is no conversations, or conversations that a model cannot take; one line."""


@dataclass(frozen=True)
class Conversation:
    """Turns whose last is the answer.

    Attributes:
        turns: role and content of all but the answer.
        answer: what the assistant says at last.
    """

    turns: tuple[tuple[str, str], ...]
    answer: str

    def messages(self) -> list[dict[str, str]]:
        """The turns before the answer in the form of a chat template."""
        return [{"role": role, "content": content} for role, content in self.turns]


@dataclass(frozen=True)
class Tokens:
    """A conversation as a model reads it.

    Attributes:
        prompt: numbers of the tokens up to the answer.
        answer: of the answer, and of the token that ends it.
    """

    prompt: tuple[int, ...]
    answer: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def read_conversations(path: Path) -> list[Conversation]:
    """Read a file of conversations.

    Raises:
        DataError: the file or a line of it is none, with its number.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from None
    found: list[Conversation] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            turns = [(str(turn["role"]), turn["content"]) for turn in json.loads(line)["messages"]]
        except (ValueError, LookupError, TypeError) as error:
            raise DataError(f"{path}:{number}: not a conversation ({error!r}); expected is {_EXPECTED}") from None
        if len(turns) < 2 or turns[-1][0] != "assistant" or not all(isinstance(c, str) and c.strip() for _, c in turns):
            raise DataError(f"{path}:{number}: expected are two or more turns of text, the last of the assistant")
        found.append(Conversation(tuple(turns[:-1]), turns[-1][1].strip()))
    if len(found) < 2:
        raise DataError(f"{path}: {len(found)} conversations; at least two are needed, one of them to be held out")
    return found


def split(conversations: Sequence[Conversation], share: float) -> tuple[list[Conversation], list[Conversation]]:
    """Those to learn from and those held out: at least one, the same ones every time, and no prompt in both."""
    ranked = sorted(conversations, key=lambda c: (zlib.crc32(repr(c.turns).encode()), c.turns, c.answer))
    held_out = ranked[: max(1, round(share * len(ranked)))]
    asked = {c.turns for c in held_out}
    kept = [c for c in conversations if c.turns not in asked]
    if not kept:
        raise DataError("every conversation has the same prompt, so none can be held out")
    return kept, held_out


def without_thinking(template: str) -> str:
    """A chat template with thinking switched off for good, if it can be."""
    needed = "enable_thinking" in template and not template.startswith(_NO_THINKING)
    return _NO_THINKING + template if needed else template


def tokenise(conversation: Conversation, tokenizer: Any) -> Tokens:
    """Apply the tokenizer's chat template.

    The prompt is cut into tokens by itself, as it is when the model is asked; the answer ends with the token that ends
    a turn in the template.

    Raises:
        DataError: the template refuses the conversation.
    """
    messages = conversation.messages()
    whole = [*messages, {"role": "assistant", "content": conversation.answer}]
    try:
        prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        text = tokenizer.apply_chat_template(whole, tokenize=False)
    except Exception as error:  # a template can raise anything
        raise DataError(f"the model's chat template refuses a conversation ({error})") from None
    after = text[text.rfind(conversation.answer) + len(conversation.answer) :]
    end = re.match(r"\s*(\S+)", after)
    closing = tokenizer(end[1], add_special_tokens=False).input_ids[:1] if end else []
    if not closing or closing[0] not in tokenizer.all_special_ids:
        closing = [tokenizer.eos_token_id]
    asked, answer = (tokenizer(t, add_special_tokens=False).input_ids for t in (prompt, conversation.answer))
    return Tokens(tuple(asked), (*answer, *closing))


def collate(batch: Sequence[Tokens], padding: int) -> dict[str, Tensor]:
    """Input and labels (B, N) int64, filled up on the left, so that answers end together."""
    width = max(len(tokens) for tokens in batch)
    rows = [(*t.prompt, *t.answer) for t in batch]
    learnt = [(*[IGNORED] * (width - len(t.answer)), *t.answer) for t in batch]
    return {
        "input_ids": torch.tensor([(*[padding] * (width - len(row)), *row) for row in rows]),
        "attention_mask": torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows]),
        "labels": torch.tensor(learnt),
    }
