"""The web application: the page's files, the live WebSocket, and what can be downloaded of the session."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from realtime.dashboard.desk import Desk
from realtime.dashboard.room import Room
from realtime.dashboard.viewer import Viewer
from realtime.exports.tables import Event, write_events

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""The kinds of files that a page is made of."""

DOWNLOADS = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
"""The formats in which the events of the session so far can be had."""

MOST_VIEWERS = 16

TOO_MANY = 4429
"""Close code for a viewer too many."""


def make_app(
    room: Room, desk: Desk, events: Sequence[Event], more: Sequence[BaseRoute], changed: Callable[[], None]
) -> Starlette:
    """The application.

    Args:
        room: of the live session.
        desk: takes the viewers' orders.
        events: of the session so far; grows meanwhile.
        more: routes of the other places.
        changed: called when a viewer has come or gone.
    """

    async def live(socket: WebSocket) -> None:
        await socket.accept()
        if len(room.viewers) >= MOST_VIEWERS:
            await socket.close(TOO_MANY, f"{MOST_VIEWERS} viewers watch already")
            return
        viewer = Viewer(socket)
        room.enter(viewer)
        changed()
        tasks = [asyncio.create_task(desk.serve(viewer)), asyncio.create_task(viewer.deliver())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            room.leave(viewer)
            changed()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def download(request: Request) -> Response:
        kind = request.path_params["kind"]
        if kind not in DOWNLOADS:
            return PlainTextResponse(f"events come as {' or '.join(DOWNLOADS)}, not {kind[:20]}", 404)
        with tempfile.TemporaryDirectory() as folder:
            write_events(list(events), Path(folder))
            body = (Path(folder) / f"events.{kind}").read_bytes()
        named = {"Content-Disposition": f'attachment; filename="mellm-events.{kind}"'}
        return Response(body, media_type=DOWNLOADS[kind], headers=named)

    return Starlette(
        routes=[
            Route("/", _index),
            Route("/page/{name}", _file),
            Route("/events.{kind}", download),
            WebSocketRoute("/live", live),
            *more,
        ]
    )


async def _index(request: Request) -> Response:
    return HTMLResponse(_read("index.html"))


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    kind = TYPES.get(Path(name).suffix)
    try:
        body = _read(name) if kind else None
    except OSError:
        body = None
    if body is None:
        return PlainTextResponse("no such file", 404)
    return Response(body, media_type=kind, headers={"Cache-Control": "no-cache"})


def _read(name: str) -> bytes:
    """A file of the page.

    Raises:
        OSError: there is none of that name.
    """
    for file in (resources.files("realtime") / "page").iterdir():
        if file.name == name:
            return file.read_bytes()
    raise FileNotFoundError(name)
