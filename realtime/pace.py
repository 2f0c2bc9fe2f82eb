"""How fast a session went: its frames by the machine's clock, beside the stream's own time."""

from dataclasses import dataclass

from realtime.messages import Frame

_LATE_NS, _LATE_SHARE = 1_000_000_000, 0.1
"""A session that took so much longer than its stream, and such a share of it, was clearly slower."""


@dataclass
class Pace:
    """Times the frames of a stream, as they are captured."""

    _frames: int = 0
    _first: Frame | None = None
    _last: Frame | None = None

    def note(self, frame: Frame) -> None:
        """Take in a frame."""
        self._frames += 1
        self._first, self._last = self._first or frame, frame

    @property
    def seconds(self) -> float:
        """Time that the frames took, s; 0 of fewer than two."""
        # n frames span n - 1 intervals.
        return self._spans[0] / 1e9 * self._frames / max(self._frames - 1, 1)

    @property
    def speed(self) -> float:
        """Time of the stream in each second of the clock; 1 of fewer than two frames."""
        took_ns, stream_ns = self._spans
        return stream_ns / took_ns if took_ns > 0 else 1.0

    @property
    def slow(self) -> bool:
        """Whether the clock clearly ran ahead of the stream."""
        took_ns, stream_ns = self._spans
        return took_ns - stream_ns > max(_LATE_NS, _LATE_SHARE * took_ns)

    @property
    def _spans(self) -> tuple[int, int]:
        """From the first frame to the last, ns: of the clock, and of the stream."""
        if self._first is None or self._last is None:
            return 0, 0
        first, last = self._first, self._last
        return last.t_capture_ns - first.t_capture_ns, last.t_media_ns - first.t_media_ns
