"""What some processes take of the machine: CPU and memory, read once in a while by a thread."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType

import psutil

from bench.pace.results import Usage

_MB = 1e6


@dataclass(frozen=True)
class Look:
    """What a look at some processes showed.

    Attributes:
        t_s: when, on the monotonic clock.
        cpu_s: CPU time used so far, by process.
        memory_mb: by process, with its share of what several map; empty where memory was not looked at.
        busy_s: CPU time of all programs on the machine.
        own_mb: memory that no file backs and nobody shares, by process: what grows where something leaks. What other
            programs map does not change it.
    """

    t_s: float
    cpu_s: Mapping[str, float]
    memory_mb: Mapping[str, float]
    busy_s: float
    own_mb: Mapping[str, float] = field(default_factory=dict)


def look_at(pids: Mapping[str, int], memory: bool) -> Look:
    """Look at some processes once; those that have ended are left out."""
    cpu_s, memory_mb, own_mb = {}, {}, {}
    for name, pid in pids.items():
        try:
            process = psutil.Process(pid)
            times = process.cpu_times()
            cpu_s[name] = times.user + times.system
            if memory:
                full = process.memory_full_info()
                # What several processes map counts for each in part; outside Linux, all of it for all.
                memory_mb[name] = getattr(full, "pss", full.rss) / _MB
                own_mb[name] = (full.rss - getattr(full, "shared", 0)) / _MB
        except psutil.Error:
            continue
    every = psutil.cpu_times()
    busy_s = sum(every) - every.idle - getattr(every, "iowait", 0.0) - getattr(every, "guest", 0.0)
    return Look(time.monotonic(), cpu_s, memory_mb, busy_s, own_mb)


@dataclass
class Meter:
    """Looks at processes while a run lasts. A context manager.

    Attributes:
        pids: gives process ids by name: they change when a process is restarted.
        every_s: time between two looks.
        memory_every: memory is read at every so many-th look, which costs the process looked at about a millisecond.
        look: how to look.
    """

    pids: Callable[[], Mapping[str, int]]
    every_s: float = 0.5
    memory_every: int = 4
    look: Callable[[Mapping[str, int], bool], Look] = look_at
    looks: list[Look] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Meter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to look, if that has not begun."""
        if self._thread is None:
            self._take()
            self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def usage(self) -> dict[str, Usage]:
        """Of each process from the first look to the last."""
        return {
            name: Usage(
                round(self._cpu_percent(name), 1), round(max(look.memory_mb.get(name, 0.0) for look in self.looks), 1)
            )
            for name in (self.looks[0].cpu_s if self.looks else ())
        }

    def others_percent(self) -> float:
        """What all other programs took of the CPUs, percent of one core."""
        if len(self.looks) < 2 or self.looks[-1].t_s <= self.looks[0].t_s:
            return 0.0
        busy_s = self.looks[-1].busy_s - self.looks[0].busy_s
        every = 100 * busy_s / (self.looks[-1].t_s - self.looks[0].t_s)
        return round(max(0.0, every - sum(self._cpu_percent(name) for name in self.looks[0].cpu_s)), 1)

    def own_mb(self, name: str, since_s: float, until_s: float) -> float:
        """The most memory of its own a process had, between two times of the monotonic clock; 0 if nobody looked."""
        return max((look.own_mb.get(name, 0.0) for look in self.looks if since_s <= look.t_s <= until_s), default=0.0)

    def _cpu_percent(self, name: str) -> float:
        """CPU time over time. A restarted process begins at zero again: only what grew counts."""
        used_s = spent_s = 0.0
        known = [(look.t_s, look.cpu_s[name]) for look in self.looks if name in look.cpu_s]
        for (t0_s, before_s), (t1_s, after_s) in pairwise(known):
            used_s += max(0.0, after_s - before_s)
            spent_s += t1_s - t0_s
        return 100 * used_s / spent_s if spent_s else 0.0

    def _run(self) -> None:
        while not self._stop.wait(self.every_s):
            self._take()

    def _take(self) -> None:
        pids = self.pids()
        found = self.look(pids, len(self.looks) % self.memory_every == 0)
        if self.looks and set(found.cpu_s) != set(pids):
            return  # the run is ending
        self.looks.append(found)
