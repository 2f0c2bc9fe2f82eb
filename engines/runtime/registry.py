"""Which engines there are, and how each is opened."""

from collections.abc import Callable

from engines.runtime.dis import DisEngine
from engines.runtime.interface import EngineError, FlowEngine

ENGINES: dict[str, Callable[[], FlowEngine]] = {
    "dis": DisEngine,
}
"""Engines by name, the preferred one first."""


def open_engine(name: str = "auto") -> FlowEngine:
    """Open an engine by name; "auto" takes the first of `ENGINES` that works here.

    Raises:
        EngineError: no such engine, or none works.
    """
    if name != "auto":
        if name not in ENGINES:
            raise EngineError(f"no flow engine {name!r}; there are: auto, {', '.join(ENGINES)}")
        return ENGINES[name]()
    reasons = []
    for candidate, opener in ENGINES.items():
        try:
            return opener()
        except EngineError as error:
            reasons.append(f"{candidate}: {error}")
    raise EngineError("no flow engine works here: " + "; ".join(reasons))
