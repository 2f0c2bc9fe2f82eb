"""What runs in the page's process: a web server beside a thread that listens to the session."""

import asyncio
import contextlib
import dataclasses
import signal
import socket
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection

import uvicorn
from starlette.routing import BaseRoute

from realtime.calibration import open_calibration
from realtime.config import CaptureConfig
from realtime.dashboard import wire
from realtime.dashboard.analyses import Analyses
from realtime.dashboard.app import make_app
from realtime.dashboard.desk import Desk
from realtime.dashboard.feed import Feed
from realtime.dashboard.guard import Guard
from realtime.dashboard.library import Library
from realtime.dashboard.orders import LONGEST, Order
from realtime.dashboard.pictures import Pictures
from realtime.dashboard.place import Place, Told, Viewers
from realtime.dashboard.room import Room
from realtime.environment import give_way
from realtime.ring import Ring

PASSING = ("notice", "annotation")
"""Topics of the parent that are news; of all others the last value counts."""

_GRACE_S = 1


def main(place: Place, listening: socket.socket, line: Connection) -> None:
    """Entry point of the page's process.

    Args:
        place: what it serves.
        listening: the socket to accept on, bound by the parent so that a busy port is said at once.
        line: to the parent: "ready", `Viewers` and orders go there, `Told` comes from it; it closes when all is over.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import cv2

    cv2.setNumThreads(1)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(place, listening, line))


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ctrl-C reaches the whole terminal; only the parent heeds it."""
        yield


async def _serve(place: Place, listening: socket.socket, line: Connection) -> None:
    loop = asyncio.get_running_loop()
    stage, settings = place.stage, place.config.dashboard
    calibration = open_calibration(place.config.spot)
    hello = wire.hello(place.config, calibration, place.key[:8], stage is not None and settings.video)
    room = Room({**hello, "live": stage is not None}, settings.history)
    for topic, value in place.said.items():
        room.latest(topic, wire.text({"type": topic, **value}))
    try:
        ring = Ring.attach(stage.frames[0], stage.frames[1].slots, stage.frames[1].slot_bytes) if stage else None
    except FileNotFoundError:  # the session was stopped before its page began
        return
    pictures = Pictures(ring, settings.width, settings.quality) if ring is not None and settings.video else None
    feed = Feed(room, loop, pictures)

    def tell(said: object) -> None:
        with contextlib.suppress(OSError):  # the parent is gone: all is over
            line.send(said)

    def carry_out(order: Order) -> str:
        if stage is None:
            return "there is no live session here"
        tell(order)
        return ""

    more: list[BaseRoute] = []
    analyses: Analyses | None = None
    if place.folder is not None:
        # What is analysed here has nothing to do with the live session's camera, or the person before it.
        offline = dataclasses.replace(
            place.config, capture=CaptureConfig(max_side=place.config.capture.max_side),
            spot=dataclasses.replace(place.config.spot, calibration=""),
        )  # fmt: skip
        analyses = Analyses(
            place.folder, offline, lambda s: room.latest("analyses", wire.text({"type": "analyses", **s}))
        )
        more = [*Library(place.folder, place.config).routes, *analyses.routes]
    app = make_app(room, Desk(room, carry_out), feed.found, more, lambda: tell(Viewers(len(room.viewers))))
    guarded = Guard(app, place.key, place.names)
    server = _Server(
        uvicorn.Config(
            guarded, log_config=None, access_log=False, lifespan="off", ws="websockets-sansio", ws_max_size=LONGEST,
            ws_per_message_deflate=False, server_header=False, timeout_graceful_shutdown=_GRACE_S, proxy_headers=False,
        )
    )  # fmt: skip

    def heed() -> None:
        """Until the parent hangs up: hand on what it tells."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                said: Told = line.recv()
                message = wire.text({"type": said.topic, **said.value})
                if said.topic in PASSING:
                    loop.call_soon_threadsafe(room.news, message, said.topic == "notice")
                else:
                    loop.call_soon_threadsafe(room.latest, said.topic, message)
        server.should_exit = True

    threading.Thread(target=heed, name="line", daemon=True).start()
    give_way()  # the pipeline goes first when both want the processor
    if stage is not None:
        feed.listen(stage.wiring.public, stage.wiring.events)
    tell("ready")
    try:
        await server.serve(sockets=[listening])
    finally:
        if analyses is not None:
            await analyses.close()
        feed.close()
        if ring is not None:
            ring.close()
