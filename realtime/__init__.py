"""The live pipeline: capture → align → flow → spot → event → narrate, one room per hop.

For other programs: `Session`, `explain`, `list_sessions`, `open_recording`, and the types they give. Importing this
loads none of it; each is loaded when it is first asked for.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realtime.api import Explanation, Session, explain
    from realtime.config import Config, load_config
    from realtime.exports.tables import Event
    from realtime.recordings.sessions import Recording, SessionInfo, list_sessions, open_recording

__all__ = [
    "Config",
    "Event",
    "Explanation",
    "Recording",
    "Session",
    "SessionInfo",
    "explain",
    "list_sessions",
    "load_config",
    "open_recording",
]

_HOMES = {
    "Explanation": "api", "Session": "api", "explain": "api", "Config": "config", "load_config": "config",
    "Event": "exports.tables", "Recording": "recordings.sessions", "SessionInfo": "recordings.sessions",
    "list_sessions": "recordings.sessions", "open_recording": "recordings.sessions",
}  # fmt: skip


def __getattr__(name: str) -> object:
    """Load what was asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'realtime' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"realtime.{_HOMES[name]}"), name)
