"""The order in which a session's messages are told: no words before the event that they are about.

Events and words come from two processes, and what one of them says may overtake what the other has said before.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from realtime.messages import FIRST_SPOT, AnyMessage, Phase, Say, Spot


@dataclass
class Order:
    """Holds back words that came too early: hand in messages as they come."""

    _open: dict[int, Phase] = field(default_factory=dict)
    _next: int = FIRST_SPOT  # the first number that no event has been heard of with
    _early: dict[int, list[Say]] = field(default_factory=dict)

    def take(self, message: AnyMessage) -> Iterator[AnyMessage]:
        """Take in a message: gives it, and what has waited for it; or nothing, if it has to wait."""
        if isinstance(message, Say) and not self._due(message):
            self._early.setdefault(message.spot_id, []).append(message)
            return
        yield message
        if isinstance(message, Spot):
            self._next = max(self._next, message.spot_id + 1)
            if message.phase in ("closed", "revoked"):
                self._open.pop(message.spot_id, None)
            else:
                self._open[message.spot_id] = message.phase
            for say in self._early.pop(message.spot_id, ()):
                yield from self.take(say)

    def _due(self, say: Say) -> bool:
        """Whether the event has been heard of as far as the words go: to its apex, or to its end."""
        if say.spot_id < FIRST_SPOT:
            return True
        phase = self._open.get(say.spot_id)
        if phase is None:
            return say.spot_id < self._next
        return phase == "apex" and not say.final
