"""`mellm settings`."""

import dataclasses
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

WIDTH = 110

_ATTRIBUTE = re.compile(r"([a-z_]+(?:, [a-z_]+)*): (.*)", re.DOTALL)


def settings() -> int:
    """Print every setting with its default and what it means, as a file for --config.

    Example: mellm settings > mine.toml, and delete what is to stay as it is.
    """
    sys.stdout.write(settings_text())
    return 0


def settings_text() -> str:
    """All settings as TOML, explained in comments."""
    from realtime.changes import toml
    from realtime.config import Config

    defaults = Config()
    parts = ["# Every setting of mellm with its default. Delete what is to stay as it is; give the rest with --config."]
    for part in dataclasses.fields(defaults):
        values = getattr(defaults, part.name)
        summary = (inspect.getdoc(type(values)) or "").partition("\n")[0]
        parts.append(f"\n# {summary}\n[{part.name}]")
        told = dict(_explained(type(values)))
        for setting in dataclasses.fields(values):
            words = told[setting.name]
            if words:
                parts.append(textwrap.fill(words, WIDTH, initial_indent="# ", subsequent_indent="# "))
            parts.append(f"{setting.name} = {toml(getattr(values, setting.name))}")
    return "\n".join(parts) + "\n"


def _explained(kind: type[Any]) -> Iterator[tuple[str, str]]:
    """The attributes of a class and its bases with their words from the docstrings.

    Of several that are told together the first has the words.
    """
    for own in kind.__mro__[::-1]:
        attributes = inspect.cleandoc(own.__doc__ or "").partition("Attributes:\n")[2]
        for entry in re.split(r"\n(?= {4}\S)", attributes):
            found = _ATTRIBUTE.match(" ".join(entry.split()))
            if found:
                first, *others = found[1].split(", ")
                yield first, found[2]
                yield from ((other, "") for other in others)
