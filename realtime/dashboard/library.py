"""The recordings over HTTP: which there are, what is in one, its video, notes on it, exports of it."""

import asyncio
import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from realtime.config import Config
from realtime.dashboard import wire
from realtime.dashboard.orders import parse_note
from realtime.dashboard.script import summary, write_faces, write_script
from realtime.dashboard.shelf import Shelf
from realtime.recordings.journal import RecordingError
from realtime.recordings.sessions import Recording, open_recording

MOST_BODY = 16_384
"""Bytes of a note at most."""

_PIECE = 1 << 16
"""Bytes that are sent at once: of a recording's curves about half a second's work."""


class Library:
    """Serves the recordings in a folder."""

    def __init__(self, folder: Path, config: Config) -> None:
        """Serve a folder, which need not exist yet.

        Args:
            folder: where recordings are.
            config: of this program: for recordings whose own settings cannot be read, and whether pictures are shown.
        """
        self._folder, self._config = folder, config
        self._pictures = config.dashboard.video
        self._shelf, self._listing = Shelf(folder), asyncio.Lock()

    @property
    def routes(self) -> list[Route]:
        """What it answers."""
        return [
            Route("/recordings", self._list),
            Route("/recordings/{name}", self._open),
            Route("/recordings/{name}/script", self._script),
            Route("/recordings/{name}/faces", self._faces),
            Route("/recordings/{name}/video", self._video),
            Route("/recordings/{name}/notes", self._note, methods=["POST"]),
            Route("/recordings/{name}/export/{kind}", self._export),
        ]

    async def _list(self, request: Request) -> Response:
        from realtime.exports.formats import FORMATS  # loads much that nobody needs before

        async with self._listing:  # whoever asks meanwhile has the answer at once then
            sessions, unreadable = await run_in_threadpool(self._shelf.survey)
        formats = [{"kind": kind, "what": form.what} for kind, form in FORMATS.items()]
        listed = [summary(info) for info in sessions]
        told = [self._named(why) for why in unreadable]
        return JSONResponse({"folder": str(self._folder), "sessions": listed, "unreadable": told, "formats": formats})

    def _named(self, why: str) -> str:
        """What is wrong with a recording, which the page calls by its name alone."""
        return why.removeprefix(f"{self._folder}/")

    def _refusal(self, error: Exception) -> Response:
        return PlainTextResponse(self._named(str(error)), 404)

    def _find(self, request: Request) -> Recording:
        """The recording that a request names.

        Raises:
            RecordingError: there is none of that name in this folder, or it cannot be read.
        """
        name = request.path_params["name"]
        if name != Path(name).name or name in (".", ".."):
            raise RecordingError("no such recording")
        return open_recording(self._folder / name)

    async def _read(self, request: Request) -> Recording:
        """The same, looked through: what is wrong with it is said before an answer begins.

        Raises:
            RecordingError, OSError: as `_find`, or it cannot be read through.
        """
        recording = self._find(request)
        await run_in_threadpool(lambda: recording.info)
        return recording

    async def _open(self, request: Request) -> Response:
        try:
            recording = await self._read(request)
        except (RecordingError, OSError) as error:
            return self._refusal(error)
        try:
            config = recording.config
        except RecordingError:
            config = self._config
        info = recording.info
        video = info.has_video and self._pictures
        hello = {**wire.hello(config, None, info.path.name, video), "live": False}
        return JSONResponse({"info": {**summary(info), "video": video}, "hello": hello})

    async def _script(self, request: Request) -> Response:
        try:
            pieces = write_script(await self._read(request))
        except (RecordingError, OSError) as error:
            return self._refusal(error)
        return StreamingResponse(iterate_in_threadpool(_joined(pieces)), media_type="application/x-ndjson")

    async def _faces(self, request: Request) -> Response:
        try:
            pieces = write_faces(await self._read(request))
        except (RecordingError, OSError) as error:
            return self._refusal(error)
        return StreamingResponse(iterate_in_threadpool(_joined(pieces)), media_type="application/octet-stream")

    async def _video(self, request: Request) -> Response:
        if not self._pictures:
            return PlainTextResponse("this page shows no pictures (--no-video)", 404)
        try:
            video = self._find(request).video
        except (RecordingError, OSError) as error:
            return self._refusal(error)
        if video is None:
            return PlainTextResponse("recorded without the picture", 404)
        return FileResponse(video, media_type="video/webm")

    async def _export(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        try:
            recording = self._find(request)
            body, name = await run_in_threadpool(_exported, recording, kind)
        except RecordingError as error:
            return self._refusal(error)
        except OSError as error:
            return PlainTextResponse(f"could not be exported: {error.strerror or error}", 500)
        return Response(body, media_type="application/octet-stream", headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"})  # fmt: skip

    async def _note(self, request: Request) -> Response:
        try:
            recording = await self._read(request)
        except (RecordingError, OSError) as error:
            return self._refusal(error)
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BODY:
                return PlainTextResponse(f"a note may have {MOST_BODY} bytes", 413)
        try:
            order = parse_note(body)
            until_ns = -1 if order.until is None else round(order.until * 1e9)
            noted = recording.annotate(order.text, round(order.t * 1e9), until_ns)
        except ValueError as error:
            return PlainTextResponse(str(error), 400)
        except OSError as error:
            return PlainTextResponse(f"the note could not be written: {error.strerror}", 500)
        return JSONResponse(wire.annotation(noted), 201)


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same in fewer pieces: each costs more on its way than it takes to be made."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= _PIECE:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


def _exported(recording: Recording, kind: str) -> tuple[bytes, str]:
    """A recording in a format, and a name for it; several files come in one archive.

    Raises:
        RecordingError: no such format, or the recording cannot be read.
        OSError: it cannot be written.
    """
    from realtime.exports.formats import export

    with tempfile.TemporaryDirectory() as folder:
        written = export(recording, [kind], Path(folder), carried=True)
        if len(written) == 1:
            return written[0].read_bytes(), f"{recording.path.name}-{written[0].name}"
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as into:
            for path in written:
                into.write(path, path.name)
        return archive.getvalue(), f"{recording.path.name}-{kind}.zip"
