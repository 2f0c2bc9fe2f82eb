"""Which narrators there are, and how each is opened."""

from collections.abc import Callable

from engines.mellm.answer import Narrator
from engines.mellm.template import TemplateNarrator


class NarratorError(Exception):
    """A narrator cannot be had; the message says why and what to do."""


NARRATORS: dict[str, Callable[[], Narrator]] = {"template": TemplateNarrator}
"""Narrators by name, the preferred one first."""


def open_narrator(name: str = "auto") -> Narrator:
    """Open a narrator by name; "auto" takes the first of `NARRATORS`.

    Raises:
        NarratorError: no such narrator.
    """
    if name == "auto":
        return next(iter(NARRATORS.values()))()
    if name not in NARRATORS:
        raise NarratorError(f"no narrator {name!r}; there are: auto, {', '.join(NARRATORS)}")
    return NARRATORS[name]()
