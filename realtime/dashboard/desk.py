"""Where one viewer's orders are taken: checked, carried out, or refused in words."""

import time
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from realtime.dashboard import wire
from realtime.dashboard.orders import MOST_RUBBISH, Allowance, Consent, Order, OrderError, Ping, Video, parse
from realtime.dashboard.room import Room
from realtime.dashboard.viewer import Viewer

BROKE_RULES = 1008
"""Close code "policy violation" (RFC 6455)."""


class Desk:
    """Takes the orders of every viewer of a room."""

    def __init__(self, room: Room, carry_out: Callable[[Order], str]) -> None:
        """Open.

        Args:
            room: whose viewers these are.
            carry_out: does what concerns the session; gives back why not, or nothing.
        """
        self._room, self._carry_out = room, carry_out

    async def serve(self, viewer: Viewer) -> None:
        """Take a viewer's messages until it goes, or has to."""
        allowance, rubbish, told = Allowance(time.monotonic()), 0, False
        while True:
            try:
                data = await _receive(viewer.socket)
            except WebSocketDisconnect:
                return
            if not allowance.take(time.monotonic()):
                if not told:
                    viewer.tell(wire.text(wire.notice("warning", "too many messages at once: some were not heeded")))
                told = True
                continue
            told = False
            try:
                self._heed(viewer, parse(data))
            except OrderError as error:
                rubbish += 1
                viewer.tell(wire.text(wire.notice("error", str(error))))
                if rubbish >= MOST_RUBBISH:
                    await viewer.socket.close(BROKE_RULES, f"{rubbish} messages that mean nothing; see the page's code")
                    return

    def _heed(self, viewer: Viewer, order: Order) -> None:
        if isinstance(order, Consent):
            viewer.consented = True
            self._room.count()
        elif isinstance(order, Video):
            viewer.wants_video = order.on
            self._room.count()
        elif isinstance(order, Ping):
            viewer.tell(wire.text({"type": "pong", "n": order.n, "skipped": viewer.skipped}))
        else:
            why = self._carry_out(order)
            if why:
                viewer.tell(wire.text(wire.notice("error", why)))


async def _receive(socket: WebSocket) -> str | bytes:
    """The next message, text or bytes.

    Raises:
        WebSocketDisconnect: the viewer is gone.
    """
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text = message.get("text")
    return text if text is not None else bytes(message.get("bytes") or b"")
