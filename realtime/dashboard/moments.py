"""Puts together again what belongs to one frame: its picture, the faces found in it and what their regions did.

Frames, faces and motions come from three processes, each a little later than the one before. A frame's moment is
complete when every face that was found in it has its motion; a frame without a face is let go after a while, so that
the picture runs on when nobody is in it. Moments leave in the order of their frames; one that comes too late is not
shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from realtime.messages import AnyMessage, Face, Frame, Lost, Motion

PATIENCE_NS = 120_000_000
"""A frame waits so long for a face while none is in the picture…"""

TRACKED_NS = 700_000_000
"""…and so long for the motion of one that is."""

MOST = 48
"""Frames kept waiting at most."""


@dataclass
class Moment:
    """One frame and what was found in it."""

    frame: Frame
    faces: dict[int, Face] = field(default_factory=dict)
    motions: dict[int, Motion] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every face has its motion."""
        return bool(self.faces) and self.faces.keys() <= self.motions.keys()


class Assembler:
    """Takes the messages of a session, gives its moments."""

    def __init__(self) -> None:
        self._waiting: dict[int, Moment] = {}
        self._present: set[int] = set()

    def take(self, message: AnyMessage) -> Iterator[Moment]:
        """The moments that a message completes, in order. Messages it has no use for give none."""
        if isinstance(message, Frame):
            self._waiting[message.seq] = Moment(message)
            yield from self._overdue(message)
        elif isinstance(message, Face):
            self._present.add(message.face_id)
            if (moment := self._waiting.get(message.seq)) is not None:
                moment.faces[message.face_id] = message
        elif isinstance(message, Lost):
            self._present.discard(message.face_id)
        elif isinstance(message, Motion) and (moment := self._waiting.get(message.seq)) is not None:
            moment.motions[message.face_id] = message
            if moment.complete:
                yield self._release(message.seq)

    def _overdue(self, newest: Frame) -> Iterator[Moment]:
        """The frames that have waited long enough for what will not come."""
        patience_ns = TRACKED_NS if self._present else PATIENCE_NS
        while self._waiting:
            oldest = next(iter(self._waiting))
            waited_ns = newest.t_capture_ns - self._waiting[oldest].frame.t_capture_ns
            if waited_ns <= patience_ns and len(self._waiting) <= MOST:
                return
            yield self._release(oldest)

    def _release(self, seq: int) -> Moment:
        """A moment; what is older is given up."""
        moment = self._waiting[seq]
        for older in [s for s in self._waiting if s <= seq]:
            del self._waiting[older]
        return moment
