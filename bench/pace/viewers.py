"""Browsers that look at a session's page, as far as the session can tell: they read all that comes."""

import asyncio
import json
import multiprocessing
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType

from bench.pace.results import Seen

_START_S = 30.0
_END_S = 5.0


class Viewers:
    """Some viewers in a process of their own. Use as a context manager, while the page is served."""

    def __init__(self, url: str, number: int) -> None:
        """Prepare them.

        Args:
            url: the page's address, with its key.
            number: how many.
        """
        self._address = url.replace("http", "ws", 1).replace("/?", "/live?")
        self._number = number

    def __enter__(self) -> "Viewers":
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_watch, args=(self._address, self._number, theirs), daemon=True)
        self._process.start()
        theirs.close()
        if not self._line.poll(_START_S) or self._line.recv() != "ready":
            self.close()
            raise RuntimeError("the viewers could not look at the page")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Count from now on."""
        self._line.send("count")

    def seen(self) -> tuple[Seen, ...]:
        """What each has seen since then; nothing if they are gone."""
        try:
            self._line.send("tell")
            return tuple(self._line.recv()) if self._line.poll(_END_S) else ()
        except (EOFError, OSError):
            return ()

    def close(self) -> None:
        """End them. May be called twice."""
        self._line.close()
        self._process.terminate()
        self._process.join()


@dataclass
class Sight:
    """What one viewer has counted.

    Attributes:
        clock: s.
    """

    clock: Callable[[], float] = time.monotonic
    last_t: float = -1.0
    heard_s: float = 0.0
    frames: int = 0
    pictures: int = 0
    size: int = 0

    def take(self, data: str | bytes) -> None:
        """Count what has come; curves of several faces in one frame are one."""
        self.size += len(data)
        self.heard_s = self.clock()
        if isinstance(data, bytes):
            self.pictures += 1
            return
        message = json.loads(data)
        if message.get("type") == "motion" and message["t"] != self.last_t:
            self.last_t = message["t"]
            self.frames += 1

    def again(self) -> None:
        """Count from zero."""
        self.frames = self.pictures = self.size = 0

    def told(self, began_s: float) -> Seen:
        """What that makes a second, from when it was counted to what came last."""
        seconds = max(self.heard_s - began_s, 1e-3)
        return Seen(
            round(self.frames / seconds, 2), round(self.pictures / seconds, 2), round(8e-6 * self.size / seconds, 3)
        )


def _watch(address: str, number: int, line: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; only the benchmark heeds it
    asyncio.run(_all(address, [Sight() for _ in range(number)], line))


async def _all(address: str, sights: list[Sight], line: Connection) -> None:
    watching = [asyncio.create_task(_one(address, sight)) for sight in sights]
    try:
        await _heed(sights, line)
    finally:
        for task in watching:
            task.cancel()


async def _one(address: str, sight: Sight) -> None:
    from websockets.asyncio.client import connect

    async with connect(address, proxy=None, max_size=None, compression=None) as socket:
        await socket.send(json.dumps({"do": "consent"}))
        async for data in socket:
            sight.take(data)


async def _heed(sights: list[Sight], line: Connection) -> None:
    """Do as the benchmark says, until it hangs up."""
    loop = asyncio.get_running_loop()
    began_s = time.monotonic()
    hear: Callable[[], object] = line.recv
    while not all(sight.size for sight in sights):
        await asyncio.sleep(0.01)
    line.send("ready")
    while True:
        try:
            order = await loop.run_in_executor(None, hear)
        except (EOFError, OSError):
            return
        if order == "count":
            began_s = time.monotonic()
            for sight in sights:
                sight.again()
        else:
            line.send([sight.told(began_s) for sight in sights])
