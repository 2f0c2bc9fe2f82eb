"""The live pipeline: capture → align → flow → spot → event → narrate, one room per hop.

For other programs: `Session`, `explain`, `list_sessions`, `open_recording`, the types they give and the errors they
raise; and `__version__`, to cite. Importing this loads none of it; each is loaded when it is first asked for.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engines.mellm import NarratorError
    from engines.runtime import EngineError
    from realtime.api import Explanation, Session, explain
    from realtime.config import Config, ConfigError, load_config
    from realtime.exports.tables import Event
    from realtime.recordings.journal import RecordingError
    from realtime.recordings.sessions import Recording, SessionInfo, list_sessions, open_recording
    from realtime.source import SourceError
    from realtime.supervisor import SessionError

    __version__: str

__all__ = [
    "Config",
    "ConfigError",
    "EngineError",
    "Event",
    "Explanation",
    "NarratorError",
    "Recording",
    "RecordingError",
    "Session",
    "SessionError",
    "SessionInfo",
    "SourceError",
    "__version__",
    "explain",
    "list_sessions",
    "load_config",
    "open_recording",
]

_HOMES = {
    "engines.mellm": ("NarratorError",),
    "engines.runtime": ("EngineError",),
    "realtime.api": ("Explanation", "Session", "explain"),
    "realtime.config": ("Config", "ConfigError", "load_config"),
    "realtime.exports.tables": ("Event",),
    "realtime.recordings.journal": ("RecordingError",),
    "realtime.recordings.sessions": ("Recording", "SessionInfo", "list_sessions", "open_recording"),
    "realtime.source": ("SourceError",),
    "realtime.supervisor": ("SessionError",),
}


def __getattr__(name: str) -> object:
    """Load what was asked for."""
    from importlib import import_module, metadata

    if name == "__version__":
        return metadata.version("mellm-live")
    home = next((module for module, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module 'realtime' has no attribute {name!r}")
    return getattr(import_module(home), name)
