"""Several videos analysed: one after another in this process, or some at once, each in a process of its own."""

import dataclasses
import multiprocessing
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

from engines.mellm import NarratorError
from engines.runtime import EngineError, FlowEngine, open_engine
from realtime.analyze import Analysis, analyze
from realtime.config import Config
from realtime.environment import nameless_main, one_thread, undisturbed
from realtime.output import OutputError, made
from realtime.source import SourceError

Reached = Callable[[int, float], None]
"""Called with a video's number and the stream time reached in it, s."""

Outcome = Analysis | SourceError | OutputError | OSError
"""What became of a video."""

_STEP_S = 0.2  # of the stream, between two reports of a process
_STOP_S = 3.0  # processes get so long to leave nothing half written


@dataclass(frozen=True)
class Batch:
    """What is to be done.

    Attributes:
        videos: to analyse.
        names: of their folders.
        out: where those go.
        config: settings.
        aside: where the results of each lie until they are complete; see `fresh_folder`.
    """

    videos: tuple[Path, ...]
    names: tuple[str, ...]
    out: Path
    config: Config
    aside: Path | None = None


def analyze_all(batch: Batch, jobs: int, reached: Reached) -> Generator[tuple[int, Outcome]]:
    """Analyse videos; each one's number and what became of it, as they are done.

    Closing the iterator stops the work; what was under way leaves nothing.

    Args:
        batch: what is to be done.
        jobs: how many videos at once; one is analysed in this process.
        reached: hears how far each is.

    Raises:
        EngineError, NarratorError: what analyses cannot be had.
    """
    at_once = min(jobs, len(batch.videos))
    if at_once > 1:
        yield from _side_by_side(batch, at_once, reached)
    elif len(batch.videos) == 1:
        yield 0, _outcome(batch, 0, reached, None)
    else:
        with closing(_engine(batch)) as engine:
            for number in range(len(batch.videos)):
                yield number, _outcome(batch, number, reached, engine)


def _engine(batch: Batch) -> FlowEngine:
    """Opened once for several videos: it takes as long as three seconds of one."""
    return open_engine(batch.config.flow.engine, batch.config.flow.weights_folder)


def _outcome(batch: Batch, number: int, reached: Reached, engine: FlowEngine | None) -> Outcome:
    def advance(t_s: float) -> None:
        reached(number, t_s)

    video, name = batch.videos[number], batch.names[number]
    try:
        with one_thread():
            return analyze(video, name, batch.out, batch.config, advance, engine, batch.aside)
    except OSError as error:
        error.filename = error.filename or str(batch.out / name)  # a full disk is told without one
        return error
    except (SourceError, OutputError) as error:
        return error


class _Worker:
    """A process that analyses one video after another, and what it has in work.

    Attributes:
        line: to it: numbers of videos go there; times reached, outcomes and why there can be none come back.
        number: of the video in work.
    """

    def __init__(self, batch: Batch) -> None:
        context = multiprocessing.get_context("spawn")
        self.line, theirs = context.Pipe()
        self._videos, self.number = batch.videos, -1
        self._process: SpawnProcess = context.Process(target=_work, args=(batch, theirs))
        # Signals stay held back in it: the cut line stops it, also when this process has been killed.
        with undisturbed(), nameless_main():
            self._process.start()
        theirs.close()

    def take(self, number: int) -> None:
        """Have a video analysed."""
        self.number = number
        with suppress(OSError):  # it has died, which the line tells
            self.line.send(number)

    def hear(self) -> float | Outcome | EngineError | NarratorError:
        """What it says next; if it has died, that it has."""
        try:
            said: float | Outcome | EngineError | NarratorError = self.line.recv()
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode or 0
            how = f"was killed by signal {-code}; is there memory enough?" if code < 0 else "broke off"
            return SourceError(f"{self._videos[self.number]}: the process that analysed it {how}")
        return said

    @property
    def dead(self) -> bool:
        """Whether it has ended."""
        return self._process.exitcode is not None

    def cut(self) -> None:
        """Have it stop."""
        self.line.close()

    def end(self, wait_s: float) -> None:
        """Wait so long for it to stop, then kill it."""
        self._process.join(wait_s)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


def _side_by_side(batch: Batch, jobs: int, reached: Reached) -> Generator[tuple[int, Outcome]]:
    waiting = deque(range(len(batch.videos)))
    places = ExitStack()
    workers: list[_Worker] = []
    working: dict[object, _Worker] = {}

    def start() -> _Worker:
        workers.append(_Worker(dataclasses.replace(batch, aside=aside)))
        return workers[-1]

    def employ(worker: _Worker) -> None:
        worker.take(waiting.popleft())
        working[worker.line] = worker

    try:
        places.enter_context(made(batch.out))  # by none of those that fail, which would take it away again
        # What a process that has to be killed had begun goes with this folder.
        aside = Path(places.enter_context(tempfile.TemporaryDirectory(prefix=".mellm-", dir=batch.out)))
        for _ in range(jobs):
            employ(start())
        while working:
            for line in connection.wait([worker.line for worker in working.values()]):
                worker = working[line]
                said = worker.hear()
                if isinstance(said, float):
                    reached(worker.number, said)
                elif isinstance(said, (EngineError, NarratorError)):
                    raise said
                else:
                    yield worker.number, said
                    del working[line]
                    if waiting:
                        employ(start() if worker.dead else worker)
                    else:
                        worker.cut()
    finally:
        with undisturbed():  # who asks a second time to stop does not leave half of it standing
            until_s = time.monotonic() + _STOP_S
            for worker in workers:
                worker.cut()
            for worker in workers:
                worker.end(max(0.0, until_s - time.monotonic()))
            places.close()


class _StoppedError(Exception):
    """The analysis is not wanted any more."""


def _work(batch: Batch, line: Connection) -> None:
    """Entry point of a process."""
    told_s = 0.0

    def reached(number: int, t_s: float) -> None:
        nonlocal told_s
        if line.poll():  # while it works nobody has anything to say to it: the line was cut
            raise _StoppedError
        if not 0 <= t_s - told_s < _STEP_S:
            told_s = t_s
            line.send(t_s)

    with suppress(EOFError, BrokenPipeError, ConnectionResetError, _StoppedError):  # nobody is there any more
        try:
            with closing(_engine(batch)) as engine:
                while True:
                    line.send(_outcome(batch, line.recv(), reached, engine))
        except (EngineError, NarratorError) as error:
            line.send(error)
