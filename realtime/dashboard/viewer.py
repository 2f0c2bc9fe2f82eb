"""One browser that watches: what waits for it, and what it wants.

A browser that stalls must not hold up anything: of pictures only the newest waits for it, of curve points the last
seconds, and only events, words and news wait until they are read. When even those are too many the viewer is let go and
told why; its page connects again and is given all that it missed.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from starlette.websockets import WebSocket, WebSocketDisconnect

MOST_NEWS = 2000
"""Messages that may wait and must not be dropped."""

MOST_POINTS = 600
"""Curve points that may wait: 20 s at 30 fps."""

TOO_SLOW = 1013
"""Close code "try again later" (RFC 6455's registry)."""


@dataclass(eq=False)
class Viewer:
    """See the module.

    Attributes:
        consented: whether the operator has confirmed the notice; no picture is sent before.
        wants_video: whether the page shows pictures at the moment.
        skipped: curve points and pictures that this viewer was too slow for.
    """

    socket: WebSocket
    consented: bool = False
    wants_video: bool = True
    skipped: int = 0
    _news: deque[str] = field(default_factory=deque)
    _points: deque[str] = field(default_factory=deque)
    _picture: bytes | None = None
    _due: asyncio.Event = field(default_factory=asyncio.Event)
    _full: bool = False

    @property
    def watches(self) -> bool:
        """Whether pictures are to be sent."""
        return self.consented and self.wants_video

    def tell(self, message: str) -> None:
        """Queue what must arrive."""
        self._full = self._full or len(self._news) >= MOST_NEWS
        if not self._full:
            self._news.append(message)
        self._due.set()

    def draw(self, point: str) -> None:
        """Queue a point of the curves."""
        if len(self._points) >= MOST_POINTS:
            self._points.popleft()
            self.skipped += 1
        self._points.append(point)
        self._due.set()

    def show(self, picture: bytes) -> None:
        """Queue a picture in place of the one that still waits."""
        self.skipped += self._picture is not None
        self._picture = picture
        self._due.set()

    async def deliver(self) -> None:
        """Send what is queued, until the browser is gone or too slow."""
        try:
            while True:
                await self._due.wait()
                self._due.clear()
                while self._news or self._points or self._picture is not None:
                    await self._next()
                    # Sending waits for nobody while the line takes it all; that it is cut is told in between.
                    await asyncio.sleep(0)
                    if self._full:
                        await self.socket.close(TOO_SLOW, "this page reads too slowly; it is given everything anew")
                        return
        except (WebSocketDisconnect, RuntimeError):
            return  # it is gone

    async def _next(self) -> None:
        """One message; first what must not be late."""
        if self._news:
            await self.socket.send_text(self._news.popleft())
        elif self._points:
            await self.socket.send_text(self._points.popleft())
        elif self._picture is not None:
            picture, self._picture = self._picture, None
            if self.watches:  # no longer, if it was switched off while the picture waited
                await self.socket.send_bytes(picture)
