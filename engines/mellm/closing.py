"""The closing facts of an answer: one line that a grammar can enforce and a program can read.

    AU1 LAU12 | positive | 0.80

Action units in their subject's sides, or "none"; the class; the chance that it is right.
"""

import re

from calib.facs import ACTION_UNITS, CLASSES, Label, in_order, parse_code
from engines.mellm.answer import Answer

LABELS: tuple[Label, ...] = (*CLASSES, "none")
MAX_UNITS = 6
MAX_CHARACTERS = 900
"""Longest text before the closing line."""

PATTERN = (
    r"(?P<words>.*)^\W*(?P<units>none|[LR]?AU\d+(?:[\s,+]+[LR]?AU\d+)*)\s*\|\s*"
    r"(?P<label>negative|positive|surprise|none)\s*\|\s*(?P<chance>[01](?:\.\d+)?)\W*$"
)
"""Finds the closing line and the words before it; another model's may be given in the settings."""

_OPEN = 0.5  # chance of a class whose chance an answer does not tell


class AnswerError(ValueError):
    """A text that does not close with facts; one line."""


def codes() -> list[str]:
    """Every action unit code that may be named."""
    return [f"{side}AU{unit.number}" for unit in ACTION_UNITS for side in (("", "L", "R") if unit.sided else ("",))]


def closing_line(units: tuple[str, ...], label: Label, chance: float) -> str:
    """The line as the narrator writes it."""
    return f"{' '.join(units) or 'none'} | {label} | {chance:.2f}"


def grammar() -> str:
    """GBNF: a paragraph of words, then the closing line."""
    units = " | ".join(f'"{code}"' for code in codes())
    labels = " | ".join(f'"{label}"' for label in LABELS)
    return (
        'root ::= words "\\n" units " | " label " | " chance\n'
        f"words ::= [^\\x00-\\x1f|]{{1,{MAX_CHARACTERS}}}\n"
        f'units ::= "none" | unit (" " unit){{0,{MAX_UNITS - 1}}}\n'
        f"unit ::= {units}\n"
        f"label ::= {labels}\n"
        'chance ::= "0." [0-9] [0-9] | "1.00"\n'
    )


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that `parse_answer` could not use.

    Raises:
        ValueError: it is no regular expression, or lacks a group; one line.
    """
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"it is no regular expression ({error})") from error
    missing = [name for name in ("words", "label") if name not in groups]
    if missing:
        raise ValueError(f"it has no group (?P<{missing[0]}>…); there must be words and label, units and chance may be")


def parse_answer(text: str, pattern: str = PATTERN) -> Answer:
    """Read a whole answer.

    Args:
        text: words and closing line.
        pattern: regular expression with the groups `words` and `label`, and perhaps `units` and `chance`.

    Raises:
        AnswerError: no closing facts in it, a class that is none of `LABELS`, or an action unit that does not exist.
    """
    match = re.search(pattern, text.strip(), re.DOTALL | re.MULTILINE | re.IGNORECASE)
    if match is None:
        raise AnswerError(f"no closing facts at the end of {text.strip()[-60:]!r}")
    groups = match.groupdict()
    units: list[str] = []
    for code in re.findall(r"[LR]?AU\d+", (groups.get("units") or "").upper()):
        try:
            parse_code(code)
        except ValueError as error:
            raise AnswerError(str(error)) from error
        if code not in units:
            units.append(code)
    label = (groups["label"] or "none").lower()
    known = next((known for known in LABELS if known == label), None)
    if known is None:
        raise AnswerError(f"{label!r} is none of the classes {', '.join(LABELS)}")
    try:
        chance = min(max(float(groups.get("chance") or _OPEN), 0.0), 1.0)
    except ValueError as error:
        raise AnswerError(f"{groups['chance']!r} is no chance from 0 to 1") from error
    return Answer(in_order(units[:MAX_UNITS]), known, chance, " ".join((groups["words"] or "").split()))
