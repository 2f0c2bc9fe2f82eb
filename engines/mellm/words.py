"""The words in what a language model writes: clean, and without its closing line even while it is still writing."""

import re

_THOUGHT = re.compile(r"\A.*</think>|<think>.*\Z", re.DOTALL)  # the prompt may have begun the thought
_TERMINAL = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*(?:[@-~]|\Z)|\Z)")  # ECMA-48 control sequences, whole or begun
_SPECIAL = re.compile(r"<\|?/?\w{1,40}\|?>|<[|/\w]{0,40}\Z")
_MARKDOWN = re.compile(r"[*`#]+")
_UNIT = r"[LR]?AU\d+"
_MAYBE_CLOSING = re.compile(
    rf"\W*(?:n|no|non|none|[LR]|[LR]?AU?|{_UNIT}(?:[\s,+]+{_UNIT})*[\s,+]*(?:[LR]|[LR]?AU?)?)?\s*(?:\|.*)?",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.!?](?=\s)")


def clean(text: str) -> str:
    """A model's text without its thoughts, special tokens, mark-up, and characters that steer a terminal.

    Of a text that is still being written, what may turn out to be one of these is left out.
    """
    for pattern in (_THOUGHT, _TERMINAL, _SPECIAL, _MARKDOWN):
        text = pattern.sub("", text)
    return "".join(c if c.isprintable() or c == "\n" else " " if c.isspace() else "" for c in text)


def words_so_far(text: str) -> str:
    """The words of a clean text that is still being written, on one line: all that cannot be its closing line."""
    *lines, last = text.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    if not last.strip() and lines and _MAYBE_CLOSING.fullmatch(lines[-1]):
        lines.pop()
    if not _MAYBE_CLOSING.fullmatch(last):
        lines.append(last)
    return " ".join(" ".join(lines).split())


def first_sentence(text: str) -> str:
    """The first sentence of a text; empty until the text goes on after it, if only by a space."""
    match = _SENTENCE.search(text)
    return text[: match.end()] if match else ""
