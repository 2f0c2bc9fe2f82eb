"""The viewers of a session, and what a newcomer is told of what has happened before."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from realtime.dashboard import wire
from realtime.dashboard.viewer import Viewer

MOST_NEWS = 5000
"""News of the past that newcomers are told, and as many gaps."""


class Room:
    """Hands everything to every viewer. Used from the server's thread; others may read `watched` and `ended`.

    Attributes:
        viewers: who is in.
        watched: whether anybody wants pictures.
        ended: whether the session is over.
    """

    def __init__(self, hello: dict[str, Any], history: int) -> None:
        """An empty room.

        Args:
            hello: the first message for everyone.
            history: points of the curves that newcomers are given.
        """
        self._hello = hello
        self.viewers: set[Viewer] = set()
        self.ended = False
        self.watched = False
        self._points: deque[str] = deque(maxlen=history)
        self._news: deque[str] = deque(maxlen=MOST_NEWS)
        self._gaps: deque[str] = deque(maxlen=MOST_NEWS)  # on a slow machine so many that no event would be left
        self._latest: dict[str, str] = {}  # of what only the last value counts

    def enter(self, viewer: Viewer) -> None:
        """Let a viewer in and tell it everything so far."""
        pictures = self._hello["video"] and not self.ended  # none come any more
        viewer.tell(wire.text({**self._hello, "video": pictures}))
        for message in self._past():
            viewer.tell(message)
        self.viewers.add(viewer)
        self.count()

    def leave(self, viewer: Viewer) -> None:
        """A viewer is gone."""
        self.viewers.discard(viewer)
        self.count()

    def count(self) -> None:
        """See anew whether anybody wants pictures."""
        self.watched = any(viewer.watches for viewer in self.viewers)

    def point(self, message: str) -> None:
        """The next point of the curves."""
        self._points.append(message)
        for viewer in self.viewers:
            viewer.draw(message)

    def news(self, message: str, passing: bool = False) -> None:
        """What nobody may miss; what is `passing` (a piece of a sentence) newcomers are not told."""
        if not passing:
            self._news.append(message)
        for viewer in self.viewers:
            viewer.tell(message)

    def gap(self, message: str) -> None:
        """Frames that were not looked at."""
        self._gaps.append(message)
        for viewer in self.viewers:
            viewer.tell(message)

    def latest(self, key: str, message: str) -> None:
        """What holds until it is said anew."""
        self._latest[key] = message
        for viewer in self.viewers:
            viewer.tell(message)

    def picture(self, message: bytes) -> None:
        """The newest picture, for those who want it."""
        for viewer in self.viewers:
            if viewer.watches:
                viewer.show(message)

    def _past(self) -> Iterator[str]:
        if self._points:
            yield f'{{"type":"motions","rows":[{",".join(self._points)}]}}'
        yield f'{{"type":"news","rows":[{",".join([*self._gaps, *self._news, *self._latest.values()])}]}}'
