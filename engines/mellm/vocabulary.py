"""A byte-level BPE tokenizer in the form that llama.cpp keeps.

llama.cpp splits a text by one of the patterns it knows by name, so a tokenizer is taken only if its pattern is one of
them. Added tokens are cut out of a text before that: the longest of all first in llama.cpp, the longest at the leftmost
place first in Hugging Face's. They agree unless a text holds two added tokens that overlap.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gguf import TokenType
from tokenizers import Tokenizer

PATTERNS = {
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+",
}
"""Splitting patterns beside GPT-2's own, by llama.cpp's name; Qwen's is in the tokenizer.json of Qwen2 and Qwen3."""


class GgufError(ValueError):
    """A model that cannot be written as GGUF; one line that says what and where."""


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer's content.

    Attributes:
        tokens: by number; byte-level for ordinary tokens, plain text for added ones, made-up names for unused numbers.
        types: llama.cpp's kind of each token.
        merges: "left right", the first before the others.
        pre: llama.cpp's name of the splitting pattern.
        special: number of the "bos", "eos" and "pad" token, of those there are.
        adds: whether a text gets "bos" before and "eos" after it.
        chat_template: Jinja; empty if there is none.
    """

    tokens: tuple[str, ...]
    types: tuple[TokenType, ...]
    merges: tuple[str, ...]
    pre: str
    special: Mapping[str, int]
    adds: Mapping[str, bool]
    chat_template: str


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        GgufError: it is missing or is none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise GgufError(f"{path}: missing; expected is a folder as `save_pretrained` writes it") from None
    except (OSError, ValueError) as error:
        raise GgufError(f"{path}: not readable as JSON ({error})") from None
    if not isinstance(content, dict):
        raise GgufError(f"{path}: expected is a JSON object")
    return content


def read_vocabulary(folder: Path, config: Mapping[str, Any]) -> Vocabulary:
    """Read the tokenizer of a model folder.

    Args:
        folder: with tokenizer.json and tokenizer_config.json as `save_pretrained` writes them.
        config: the model's config.json; its vocab_size may be more than the tokenizer has.

    Raises:
        GgufError: a file is missing, or the tokenizer is of a kind that llama.cpp would read differently.
    """
    path = folder / "tokenizer.json"
    content, settings = read_json(path), read_json(folder / "tokenizer_config.json")
    model = content.get("model") or {}
    if model.get("type") != "BPE":
        raise GgufError(f"{path}: a tokenizer of type {model.get('type')}; only byte-level BPE can be exported")
    for key in ("ignore_merges", "byte_fallback", "dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(key):
            raise GgufError(f"{path}: model.{key} = {model[key]!r} has no counterpart in llama.cpp's gpt2 tokenizer")
    if not isinstance(model.get("vocab"), dict) or not isinstance(model.get("merges"), list):
        raise GgufError(f"{path}: model.vocab and model.merges are expected in it")
    normalizer = (content.get("normalizer") or {}).get("type", "NFC")
    if normalizer != "NFC":
        raise GgufError(f"{path}: a normalizer of type {normalizer}; llama.cpp does not change the text")
    tokens, types = _tokens(path, model["vocab"], content.get("added_tokens") or [], int(config["vocab_size"]))
    numbers = {token: number for number, token in enumerate(tokens)}
    special: dict[str, int] = {}
    for kind in ("bos", "eos", "pad"):
        named = settings.get(f"{kind}_token")
        named = named.get("content") if isinstance(named, dict) else named
        number = config.get(f"{kind}_token_id") if named is None else numbers.get(named)
        number = number[0] if isinstance(number, list) and number else number
        if isinstance(number, int) and 0 <= number < len(tokens):
            special[kind] = number
        elif named is not None or number is not None:
            raise GgufError(f"{folder}: the {kind} token {named or number!r} is not in the vocabulary")
    if "eos" not in special:
        raise GgufError(f"{folder}: no eos_token in tokenizer_config.json or config.json, so an answer would never end")
    template = folder / "chat_template.jinja"
    chat = template.read_text(encoding="utf-8") if template.is_file() else settings.get("chat_template") or ""
    if isinstance(chat, list):
        chat = next((entry["template"] for entry in chat if entry.get("name") == "default"), "")
    return Vocabulary(
        tokens, types, tuple(m if isinstance(m, str) else " ".join(m) for m in model["merges"]),
        _pattern(path, content.get("pre_tokenizer")), special, _adds(path, special), chat,
    )  # fmt: skip


def _tokens(
    path: Path, vocab: Mapping[str, int], added: list[dict[str, Any]], size: int
) -> tuple[tuple[str, ...], tuple[TokenType, ...]]:
    tokens = {number: token for token, number in vocab.items()}
    types = dict.fromkeys(tokens, TokenType.NORMAL)
    ordinary = set(tokens)
    for token in added:
        text, number = str(token["content"]), int(token["id"])
        strips = [key for key in ("lstrip", "rstrip", "single_word") if token.get(key)]
        if strips:
            raise GgufError(f"{path}: the added token {text!r} has {strips[0]}, which GGUF cannot say")
        if number in ordinary and not (text.isascii() and text.isprintable() and " " not in text):
            raise GgufError(f"{path}: the added token {text!r} has the number of the byte-level token {text!r}, "
                            "which means other bytes; leave it out of the added tokens")  # fmt: skip
        tokens[number] = text
        types[number] = TokenType.CONTROL if token.get("special") else TokenType.USER_DEFINED
    if max(tokens, default=0) >= size:
        raise GgufError(f"{path}: {max(tokens) + 1} tokens, but the model has only {size} (vocab_size in config.json)")
    for number in range(size):
        if number not in tokens:
            tokens[number], types[number] = f"[PAD{number}]", TokenType.UNUSED
    # llama.cpp aborts the whole program at two tokens with one name.
    if len(set(tokens.values())) != size:
        raise GgufError(f"{path}: two tokens have the same text")
    return tuple(tokens[n] for n in range(size)), tuple(types[n] for n in range(size))


def _pattern(path: Path, pre_tokenizer: Mapping[str, Any] | None) -> str:
    steps = [pre_tokenizer] if pre_tokenizer else []
    if steps and steps[0]["type"] == "Sequence":
        steps = list(steps[0]["pretokenizers"])
    if steps and steps[-1]["type"] == "ByteLevel" and not steps[-1].get("add_prefix_space", True):
        splits = [
            step["pattern"].get("Regex")
            for step in steps[:-1]
            if step["type"] == "Split" and step.get("behavior") == "Isolated" and not step.get("invert")
        ]
        own = steps[-1].get("use_regex", True)
        if own and len(steps) == 1:
            return "gpt-2"
        for name, pattern in PATTERNS.items():
            if not own and len(steps) == 2 and splits == [pattern]:
                return name
    raise GgufError(
        f"{path}: this pre-tokenizer cannot be exported: {json.dumps(pre_tokenizer)[:200]}; known are ByteLevel "
        f"without add_prefix_space, and that after the pattern of {', '.join(PATTERNS)}"
    )


def _adds(path: Path, special: Mapping[str, int]) -> dict[str, bool]:
    """What the tokenizer puts around a text, seen by letting it."""
    try:
        whole, bare = (Tokenizer.from_file(str(path)).encode("a", add_special_tokens=own).ids for own in (True, False))
    except Exception as error:  # the package raises nothing narrower
        raise GgufError(f"{path}: the tokenizer does not load ({error})") from None
    adds = {"bos": whole[:1] == [special.get("bos")] and whole[:1] != bare[:1],
            "eos": whole[-1:] == [special["eos"]] and whole[-1:] != bare[-1:]}  # fmt: skip
    if len(whole) != len(bare) + sum(adds.values()):
        raise GgufError(f"{path}: its post-processor adds more to a text than a bos and an eos token")
    return adds
