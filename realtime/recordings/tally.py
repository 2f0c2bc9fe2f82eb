"""What a session was, in numbers: counted by the recorder as it writes, or by whoever reads a recording."""

from dataclasses import dataclass, field

import msgspec

from realtime.messages import AnyMessage, Face, Frame, Gap, Kind, Lost, Motion, Spot, Status
from realtime.skips import Skips

COUNTED = (Frame, Motion, Lost, Gap, Spot, Status)
"""The messages that tell all but a face that was never measured; landmarks are most of a recording."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """A session in numbers.

    Attributes:
        first_ns, last_ns: the stream's time at the first and the last frame; -1 if there was none.
        frames: captured.
        measured: frames with at least one face measured.
        drops: captured frames that were not looked at.
        gaps: how often that happened.
        faces: how many were followed.
        micro, macro, speech: events that closed; speech is counted apart.
        fps: captured frames per second of the stream.
        engine: name of the flow engine.
        p95_ms: latency of every process, over the whole session.
    """

    first_ns: int = -1
    last_ns: int = -1
    frames: int = 0
    measured: int = 0
    drops: int = 0
    gaps: int = 0
    faces: int = 0
    micro: int = 0
    macro: int = 0
    speech: int = 0
    fps: float = 0.0
    engine: str = ""
    p95_ms: dict[str, float] = {}

    @property
    def duration_s(self) -> float:
        """From the first frame to the end of the last, s."""
        if self.frames == 0:
            return 0.0
        return (self.last_ns - self.first_ns) / 1e9 + (1 / self.fps if self.fps > 0 else 0.0)


@dataclass
class Tally:
    """Counts messages."""

    _first_ns: int = -1
    _last_ns: int = -1
    _frames: int = 0
    _measured: int = 0
    _engine: str = ""
    _seq: int = -1
    _skips: Skips = field(default_factory=Skips)
    _faces: set[int] = field(default_factory=set)
    _closed: dict[int, Kind | None] = field(default_factory=dict)
    _p95_ms: dict[str, float] = field(default_factory=dict)

    def note(self, message: AnyMessage) -> None:
        """Take in a message."""
        if isinstance(message, Frame):
            self._frames += 1
            self._span(message.t_media_ns)
        elif isinstance(message, Motion):
            self._measured += message.seq != self._seq
            self._seq = message.seq
            self._faces.add(message.face_id)
            self._engine = message.engine or self._engine
        elif isinstance(message, (Face, Lost)):
            self._faces.add(message.face_id)
        elif isinstance(message, Gap):
            self._skips.note(message)
        elif isinstance(message, Spot) and message.phase == "closed":
            self._closed[message.spot_id] = message.kind
        elif isinstance(message, Status) and message.handled:
            self._p95_ms[message.process] = round(message.p95_ms, 1)

    def _span(self, t_ns: int) -> None:
        self._first_ns = t_ns if self._first_ns < 0 else min(self._first_ns, t_ns)
        self._last_ns = max(self._last_ns, t_ns)

    @property
    def counts(self) -> Counts:
        """So far."""
        kinds = list(self._closed.values())
        span_s = (self._last_ns - self._first_ns) / 1e9
        return Counts(
            first_ns=self._first_ns, last_ns=self._last_ns, frames=self._frames, measured=self._measured,
            drops=self._skips.frames, gaps=self._skips.gaps, faces=len(self._faces), micro=kinds.count("micro"),
            macro=kinds.count("macro"), speech=kinds.count("speech"), engine=self._engine,
            fps=round((self._frames - 1) / span_s, 2) if span_s > 0 else 0.0, p95_ms=dict(self._p95_ms),
        )  # fmt: skip
