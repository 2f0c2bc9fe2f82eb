"""What a session remembers for the sake of processes that die."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from realtime.messages import FIRST_FACE, FIRST_SPOT, AnyMessage, Face, Frame, Lost, Motion, Say, Spot
from realtime.nodes import Resume
from realtime.recap import Moment, moment


@dataclass
class Ledger:
    """What a restarted process must know, or be told again, of what the one before it did.

    Attributes:
        face_id, spot_id: the first numbers not given yet.
        start_ns: when the stream began, on the monotonic clock; -1 before.
        media_ns: the stream's time reached.
        open: events that have not closed.
        unanswered: events that have closed or were taken back and have no final words yet.
        faces: the last message about each face in the picture.
        told: events that have been answered, for the summary at the end.
        revoked: how many were taken back.
    """

    start_ns: int = -1
    media_ns: int = 0
    face_id: int = FIRST_FACE
    spot_id: int = FIRST_SPOT
    open: dict[int, Spot] = field(default_factory=dict)
    unanswered: dict[int, Spot] = field(default_factory=dict)
    faces: dict[int, Face] = field(default_factory=dict)
    told: list[Moment] = field(default_factory=list)
    revoked: int = 0

    def note(self, message: AnyMessage) -> None:
        """Take in a message."""
        self.media_ns = max(self.media_ns, message.t_media_ns)
        if isinstance(message, Frame) and self.start_ns < 0:
            self.start_ns = message.t_capture_ns - message.t_media_ns
        elif isinstance(message, Face):
            self.faces[message.face_id] = message
            self.face_id = max(self.face_id, message.face_id + 1)
        elif isinstance(message, Lost):
            self.faces.pop(message.face_id, None)
        elif isinstance(message, Spot):
            self.spot_id = max(self.spot_id, message.spot_id + 1)
            self.open.pop(message.spot_id, None)
            (self.unanswered if message.phase in ("closed", "revoked") else self.open)[message.spot_id] = message
        elif isinstance(message, Say) and message.final:
            spot = self.unanswered.pop(message.spot_id, None)
            if spot is not None and spot.phase == "closed":
                self.told.append(moment(spot, message))
            self.revoked += spot is not None and spot.phase == "revoked"

    def gone_with(self, gives: type, seq: int, now_ns: int) -> Sequence[Lost | Spot]:
        """What is lost, or taken back, when the process that gives some kind of message dies.

        Args:
            gives: `Face`: every face in the picture is lost; `Motion`: every open event is taken back.
            seq: of the last frame that it handled.
            now_ns: the monotonic clock.
        """
        if gives is Face:
            cause = "alignment was restarted"
            return [
                Lost(seq=seq, face_id=face_id, t_capture_ns=now_ns, t_media_ns=self.media_ns, cause=cause)
                for face_id in self.faces
            ]
        return (
            [msgspec.structs.replace(spot, phase="revoked") for spot in self.open.values()] if gives is Motion else []
        )

    @property
    def resume(self) -> Resume:
        """Where a restarted process goes on."""
        return Resume(self.start_ns, self.face_id, self.spot_id, told=tuple(self.told), revoked=self.revoked)
