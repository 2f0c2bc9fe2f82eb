"""Pairs made ahead, in processes of their own."""

import itertools
import multiprocessing
import signal
import warnings
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType

from engines.meflownet.data import Pair, PairMaker

_AHEAD = 16
"""Pairs asked for ahead, a process."""

_maker: PairMaker
"""A worker process's own, set when it starts."""


class PairFeed:
    """Hands out pairs of a maker in the order of their numbers, as they get ready."""

    def __init__(self, maker: PairMaker, start: int, workers: int) -> None:
        """Start the processes.

        Args:
            maker: makes the pairs.
            start: number of the first pair.
            workers: processes; with 0 pairs are made when they are asked for.
        """
        self._numbers, self._here = itertools.count(start), maker
        self._asked: deque[Future[Pair]] = deque()
        self._pool = None
        if workers:
            # Forked, for the photos of a maker are a gigabyte that all of them share.
            fork = multiprocessing.get_context("fork")
            self._pool = ProcessPoolExecutor(workers, fork, _begin, (maker,))
            with warnings.catch_warnings():
                # Python 3.12 warns of forking beside torch's threads, of which no process makes use here.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._ask(self._pool, _AHEAD * workers)

    def __enter__(self) -> "PairFeed":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def take(self, most: int, least: int) -> list[Pair]:
        """The next pairs that are ready.

        Args:
            most, least: how many; it waits for the least.
        """
        if self._pool is None:
            return [self._here.pair(next(self._numbers)) for _ in range(most)]
        taken: list[Pair] = []
        while len(taken) < most and (len(taken) < least or self._asked[0].done()):
            taken.append(self._asked.popleft().result())
            self._ask(self._pool, 1)
        return taken

    def _ask(self, pool: ProcessPoolExecutor, count: int) -> None:
        self._asked += [pool.submit(_made, next(self._numbers)) for _ in range(count)]


def _begin(maker: PairMaker) -> None:
    global _maker
    _maker = maker
    # Ctrl-C is for the process that trains: it writes a checkpoint and ends these.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _made(number: int) -> Pair:
    return _maker.pair(number)
