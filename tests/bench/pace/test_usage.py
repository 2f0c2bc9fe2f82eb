import mmap
import os
import subprocess
import threading
import time
from collections.abc import Mapping

import pytest

from bench.pace.usage import Look, Meter, look_at


def meter(looks: list[Look]) -> Meter:
    """One that has looked already."""
    found = Meter(dict)
    found.looks.extend(looks)
    return found


def look(
    t_s: float, cpu_s: Mapping[str, float], memory_mb: Mapping[str, float] | None = None, busy_s: float = 0.0
) -> Look:
    return Look(t_s, cpu_s, memory_mb or {}, busy_s)


def test_cpu_is_time_used_over_time_passed_and_memory_the_most_seen() -> None:
    seen = meter(
        [
            look(10.0, {"a": 5.0, "b": 1.0}, {"a": 100.0, "b": 30.0}, 50.0),
            look(12.0, {"a": 6.0, "b": 1.1}, {}, 52.0),
            look(20.0, {"a": 8.0, "b": 1.5}, {"a": 140.0, "b": 20.0}, 59.5),
        ]
    )
    usage = seen.usage()
    assert (usage["a"].cpu_percent, usage["b"].cpu_percent) == (30.0, 5.0)
    assert (usage["a"].memory_mb, usage["b"].memory_mb) == (140.0, 30.0)
    assert seen.others_percent() == pytest.approx(95.0 - 35.0)


def test_what_is_kept_is_seen_as_own_memory_and_when() -> None:
    before = look_at({"me": os.getpid()}, memory=True)
    # Pages of its own: an array may get what another test gave back.
    kept = mmap.mmap(-1, 20_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for page in range(0, len(kept), mmap.PAGESIZE):  # not written at once: the text for that may be kept as well
        kept[page] = 1
    after = look_at({"me": os.getpid()}, memory=True)
    seen = meter([before, after])
    grown = seen.own_mb("me", after.t_s, after.t_s) - seen.own_mb("me", before.t_s, before.t_s)
    assert grown == pytest.approx(len(kept) / 1e6, abs=4)
    assert seen.own_mb("me", 0.0, 0.0) == 0.0


def test_a_restarted_process_begins_at_zero() -> None:
    seen = meter([look(0.0, {"a": 50.0}), look(1.0, {"a": 50.5}), look(2.0, {"a": 0.1}), look(3.0, {"a": 0.6})])
    assert seen.usage()["a"].cpu_percent == pytest.approx(100 * 1.0 / 3, abs=0.1)


def test_nothing_seen_is_nothing_used() -> None:
    assert meter([]).usage() == {}
    assert meter([]).others_percent() == 0.0


def test_it_looks_at_this_process_as_it_is() -> None:
    before = time.process_time()
    found = look_at({"me": os.getpid()}, memory=True)
    after = time.process_time()
    assert before - 0.05 <= found.cpu_s["me"] <= after + 0.05
    assert 10 < found.own_mb["me"] < 20_000
    assert found.memory_mb["me"] > 10
    assert found.busy_s >= found.cpu_s["me"]


def test_a_process_that_has_ended_is_left_out() -> None:
    child = subprocess.Popen(["true"])  # a fork among threads is warned of since Python 3.12
    child.wait()
    assert set(look_at({"gone": child.pid, "me": os.getpid()}, memory=True).cpu_s) == {"me"}


def test_it_looks_again_and_again_and_stops() -> None:
    enough = threading.Event()
    asked: list[bool] = []

    def count(pids: Mapping[str, int], memory: bool) -> Look:
        asked.append(memory)
        if len(asked) == 9:
            enough.set()
        return look(float(len(asked)), dict.fromkeys(pids, 0.1 * len(asked)))

    with Meter(lambda: {"a": 1}, every_s=0.001, memory_every=4, look=count) as running:
        running.start()
        running.start()
        assert enough.wait(20)
    assert asked[:9] == [True, False, False, False, True, False, False, False, True]
    assert running.usage()["a"].cpu_percent == pytest.approx(10.0)
    assert not [thread for thread in threading.enumerate() if thread.name == "usage"]


def test_the_end_of_a_run_is_not_looked_at() -> None:
    left = iter([{"a": 0.0, "b": 0.0}, {"a": 1.0}])
    seen = Meter(lambda: {"a": 1, "b": 2}, look=lambda pids, memory: look(1.0, next(left)))
    seen._take()
    seen._take()
    assert len(seen.looks) == 1
