"""Which of a session's messages belong to a recording: it may begin in its middle, and hears of what was before."""

from realtime.messages import Annotation, AnyMessage, End, Frame, Say, Spot, Status
from realtime.recordings.answers import SUMMARY


class Scope:
    """The time from a frame on, and what reaches into it: ask of every message in its order."""

    def __init__(self) -> None:
        self._zero_ns = -1  # the stream's time of the first frame
        self._spots: set[int] = set()

    def holds(self, message: AnyMessage) -> bool:
        """Whether a message is about that time, which begins with the first `Frame`.

        Measurements of earlier frames are still under way then, and events are told after their end.
        """
        if self._zero_ns < 0 and isinstance(message, Frame):
            self._zero_ns = message.t_media_ns
        if isinstance(message, (Frame, Status, End, Annotation)):  # nobody's note is lost, of whatever moment it is
            return True
        if isinstance(message, Say):
            return message.spot_id == SUMMARY or message.spot_id in self._spots
        if self._zero_ns < 0:
            return False
        if not isinstance(message, Spot):
            return message.t_media_ns >= self._zero_ns
        if message.phase == "revoked":
            return message.spot_id in self._spots
        until_ns = message.offset_ns if message.phase == "closed" else message.t_media_ns
        if until_ns < self._zero_ns:
            return False
        self._spots.add(message.spot_id)
        return True
