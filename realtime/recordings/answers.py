"""The events of a recording with the words about them, gathered message by message."""

from dataclasses import dataclass, field

from realtime.messages import AnyMessage, Say, Spot
from realtime.recap import moment, recap

SUMMARY = -1
"""The `spot_id` of words about the whole session."""


@dataclass
class Answers:
    """See the module: hand in messages in their order.

    An event that closed counts even if nobody spoke of it any more, as when a session was cut off.
    """

    _told: list[tuple[Spot, Say]] = field(default_factory=list)
    _open: dict[int, Spot] = field(default_factory=dict)
    _revoked: set[int] = field(default_factory=set)

    def take(self, message: AnyMessage) -> None:
        """Take in a message."""
        if isinstance(message, Spot):
            if message.phase == "closed":
                self._open[message.spot_id] = message
            elif message.phase == "revoked":
                self._revoked.add(message.spot_id)
        elif isinstance(message, Say) and message.final and message.spot_id in self._open:
            self._told.append((self._open.pop(message.spot_id), message))

    @property
    def pairs(self) -> list[tuple[Spot, Say]]:
        """Closed events with their final words, which are empty where none came."""
        return [*self._told, *((spot, _silence(spot)) for spot in self._open.values())]

    def summary(self, seconds: float) -> str:
        """What happened in so many seconds, in words."""
        return recap([moment(*pair) for pair in self.pairs], len(self._revoked), seconds)


def _silence(spot: Spot) -> Say:
    return Say(
        seq=spot.seq, face_id=spot.face_id, t_capture_ns=spot.t_capture_ns, t_media_ns=spot.t_media_ns,
        spot_id=spot.spot_id, text="", final=True,
    )  # fmt: skip
