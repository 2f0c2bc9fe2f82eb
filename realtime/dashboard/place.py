"""What the page's process is given to find the session, and how it and its parent talk."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from realtime.bus import Wiring
from realtime.config import Config
from realtime.nodes import RingSize


@dataclass(frozen=True)
class Stage:
    """A live session as a subscriber finds it.

    Attributes:
        wiring: its sockets.
        frames: name and size of the ring with its frames.
    """

    wiring: Wiring
    frames: tuple[str, RingSize]


@dataclass(frozen=True)
class Place:
    """See the module.

    Attributes:
        config: the run's settings.
        key: what an address must carry.
        names: host names it goes by.
        stage: the live session; None to show recordings only.
        folder: where recordings are; None for none.
        said: what the parent has to say from the start, by topic; see `Told`.
    """

    config: Config
    key: str
    names: frozenset[str]
    stage: Stage | None = None
    folder: Path | None = None
    said: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """From the parent: what holds from now on, by topic (say, the recording's state), for every page."""

    topic: str
    value: dict[str, Any]


@dataclass(frozen=True)
class Viewers:
    """From the page's process: how many watch, whenever that changes."""

    count: int
