"""The queue of videos to analyse: one runs at a time, in a process of its own; each can be paused and cancelled."""

import asyncio
import contextlib
import multiprocessing
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Literal

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from realtime.config import Config
from realtime.dashboard.jobs import Finished, Reached, main

MOST_JOBS = 200
"""Videos that may be in the queue, those that have ended included."""

MOST_BYTES = 8 << 30
"""Of one video."""

_PATIENCE_S = 1.5  # for one that is cancelled when the page ends: the page's parent waits little longer
_SPARE_BYTES = 1 << 30  # left free on the disk
_UPLOADS = "mellm-uploads-"  # and the number of the process

State = Literal["uploading", "waiting", "running", "paused", "done", "failed", "cancelled"]
OVER: tuple[State, ...] = ("done", "failed", "cancelled")


@dataclass
class Analysis:
    """One video of the queue."""

    number: int
    title: str
    file: Path
    state: State = "uploading"
    t_s: float = 0.0
    length_s: float = 0.0
    result: str = ""
    found: str = ""
    remarks: tuple[str, ...] = ()
    error: str = ""
    process: SpawnProcess | None = None

    def state_for_pages(self) -> dict[str, Any]:
        """What a page shows of it."""
        share = min(self.t_s / self.length_s, 1.0) if self.length_s > 0 else None
        return {
            "id": self.number, "title": self.title, "state": self.state, "t": round(self.t_s, 2),
            "length": round(self.length_s, 2), "share": share, "result": self.result, "found": self.found,
            "remarks": self.remarks, "error": self.error,
        }  # fmt: skip


class Analyses:
    """See the module. Used from the server's thread."""

    def __init__(self, folder: Path, config: Config, changed: Callable[[dict[str, Any]], None]) -> None:
        """An empty queue.

        Args:
            folder: where the results go, as recordings.
            config: settings to analyse with.
            changed: told the whole queue whenever something in it has changed.
        """
        self._folder, self._config, self._changed = folder, config, changed
        self._jobs: dict[int, Analysis] = {}
        self._next = 1
        self._uploads: Path | None = None
        self._work: asyncio.Task[None] | None = None

    @property
    def routes(self) -> list[Route]:
        """What it answers."""
        return [
            Route("/analyses", self._put, methods=["PUT"]),
            Route("/analyses/{number}/{what}", self._change, methods=["POST"]),
        ]

    async def close(self) -> None:
        """Remove what was uploaded and stop what runs."""
        if self._uploads is not None:
            shutil.rmtree(self._uploads, ignore_errors=True)
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)

    async def _put(self, request: Request) -> Response:
        title = Path(request.query_params.get("name", "")).name[:200] or "video"
        if len(self._jobs) >= MOST_JOBS:
            self._forget()
        if len(self._jobs) >= MOST_JOBS:
            return PlainTextResponse(f"{MOST_JOBS} videos are waiting already", 429)
        if self._uploads is None:
            _sweep()
            self._uploads = Path(tempfile.mkdtemp(prefix=f"{_UPLOADS}{os.getpid()}-"))
        suffix = Path(title).suffix[:10]  # which tells a stack of frames from a video
        kept = f"{self._next}{suffix if suffix[1:].isalnum() else ''}"
        job = Analysis(self._next, title, self._uploads / kept)
        self._next += 1
        self._jobs[job.number] = job
        self._tell()
        why, code = await self._receive(request, job)
        if why:
            self._end(job, "failed", why)
            return PlainTextResponse(f"{title}: {why}", code)
        if job.state in OVER:  # cancelled meanwhile
            job.file.unlink(missing_ok=True)
            return JSONResponse(job.state_for_pages(), 201)
        job.state = "waiting"
        self._tell()
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._run_all())
        return JSONResponse(job.state_for_pages(), 201)

    async def _receive(self, request: Request, job: Analysis) -> tuple[str, int]:
        """Take in a video; why it could not be, and the status that says so."""
        size = 0
        try:
            with job.file.open("wb") as file:
                async for piece in request.stream():
                    size += len(piece)
                    if size > MOST_BYTES:
                        return f"larger than {MOST_BYTES >> 30} GB; use mellm analyze", 413
                    if shutil.disk_usage(job.file.parent).free < _SPARE_BYTES:
                        return "no room for it on this machine's disk", 507
                    file.write(piece)
        except ClientDisconnect:
            return "the upload was broken off", 400
        except OSError as error:
            return f"could not be taken in: {error.strerror}", 507
        return ("", 201) if size else ("an empty file", 400)

    async def _change(self, request: Request) -> Response:
        number = request.path_params["number"]
        job = next((job for job in self._jobs.values() if str(job.number) == number), None)
        what = request.path_params["what"]
        if job is None or what not in ("pause", "resume", "cancel", "remove"):
            return PlainTextResponse("no such analysis", 404)
        if what == "cancel" and job.state not in OVER:
            self._cancel(job)
        elif what == "remove" and job.state in OVER:
            del self._jobs[job.number]  # from the list: its result stays among the recordings
        elif what == "pause" and job.state == "running" and job.process is not None and job.process.pid:
            os.kill(job.process.pid, signal.SIGSTOP)
            job.state = "paused"
        elif what == "resume" and job.state == "paused" and job.process is not None and job.process.pid:
            os.kill(job.process.pid, signal.SIGCONT)
            job.state = "running"
        self._tell()
        return JSONResponse(job.state_for_pages())

    def _cancel(self, job: Analysis) -> None:
        if job.process is not None and job.process.pid:
            job.process.terminate()
            with contextlib.suppress(ProcessLookupError):
                os.kill(job.process.pid, signal.SIGCONT)
        self._end(job, "cancelled")

    async def _run_all(self) -> None:
        while (job := next((j for j in self._jobs.values() if j.state == "waiting"), None)) is not None:
            await self._run(job)

    async def _run(self, job: Analysis) -> None:
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe(duplex=False)
        args = (job.file, job.title, self._folder, self._config, theirs)
        job.process = spawn.Process(target=main, args=args, name=f"mellm-analysis-{job.number}")
        job.state = "running"
        self._tell()
        try:
            try:
                await asyncio.to_thread(job.process.start)
            except OSError as error:
                if job.state not in OVER:
                    self._end(job, "failed", f"the analysis could not be started: {error.strerror or error}")
                return
            finally:
                theirs.close()
            if job.state in OVER:  # cancelled while it started
                job.process.terminate()
            while (said := await asyncio.to_thread(_receive, ours)) is not None:
                if job.state in OVER:
                    continue
                if isinstance(said, Reached):
                    job.t_s, job.length_s = said.t_s, said.length_s
                    self._tell()
                elif said.error:
                    self._end(job, "failed", said.error)
                else:
                    job.result, job.remarks, job.t_s = said.name, said.remarks, job.length_s
                    job.found = f"{said.micro} micro, {said.macro} macro in {said.seconds:.1f} s"
                    self._end(job, "done")
            if job.state not in OVER:
                self._end(job, "failed", "the analysis broke off")
        finally:
            if job.process.is_alive():
                job.process.terminate()
                with contextlib.suppress(ProcessLookupError):
                    os.kill(job.process.pid or 0, signal.SIGCONT)
            if job.process.pid:
                await asyncio.to_thread(job.process.join, _PATIENCE_S)
                job.process.kill()  # no harm to one that has ended
                await asyncio.to_thread(job.process.join)
            job.process = None

    def _end(self, job: Analysis, state: State, error: str = "") -> None:
        job.state, job.error = state, error
        job.file.unlink(missing_ok=True)
        self._tell()

    def _forget(self) -> None:
        """Let go of the oldest that have ended."""
        for number in [n for n, job in self._jobs.items() if job.state in OVER][: MOST_JOBS // 2]:
            del self._jobs[number]

    def _tell(self) -> None:
        self._changed({"jobs": [job.state_for_pages() for job in self._jobs.values()]})


def _sweep() -> None:
    """Remove what pages left that were killed: the videos show faces."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_UPLOADS}*-*"):
        pid = folder.name.removeprefix(_UPLOADS).split("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _receive(line: Connection) -> Reached | Finished | None:
    """The next report; None when the process is gone."""
    try:
        said: Reached | Finished = line.recv()
    except (EOFError, OSError):
        return None
    return said
