import json
import os
import signal
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from realtime.environment import STOP_SIGNALS, THREADS, undisturbed
from tests.realtime.test_supervisor import LONG_S

FIRST = """
import multiprocessing
from realtime.environment import nameless_main, undisturbed
from tests.realtime.test_environment import tell
ours, theirs = multiprocessing.Pipe(duplex=False)
with undisturbed(), nameless_main():
    multiprocessing.get_context("spawn").Process(target=tell, args=(theirs,)).start()
print(ours.recv())
"""

DOOR = """
import os, sys
from {} import main

class Watch:
    def find_spec(self, name, path, target=None):
        if name in ("numpy", "cv2"):
            print(name, {{key: os.environ.get(key) for key in {}}}, file=sys.stderr)

sys.meta_path.insert(0, Watch())
sys.argv = ["mellm", "--help"]
try:
    main()
except SystemExit:
    pass
import numpy, cv2
"""


@pytest.mark.parametrize("door", ["realtime.cli", "bench.__main__"])
def test_no_library_is_loaded_before_it_is_told_to_start_no_threads_that_spin(door: str) -> None:
    bare = {name: value for name, value in os.environ.items() if name not in THREADS}
    command = [sys.executable, "-c", DOOR.format(door, list(THREADS))]
    done = subprocess.run(command, capture_output=True, text=True, env=bare, check=True)
    assert set(done.stderr.splitlines()) == {f"numpy {THREADS}", f"cv2 {THREADS}"}


def test_standard_streams_that_are_closed_are_no_obstacle(pair: tuple[Path, Path]) -> None:
    command = [sys.executable, "-m", "realtime.cli", "explain", *map(str, pair), "--narrator", "template", "--json"]
    done = subprocess.run(["sh", "-c", '"$@" <&- 2>&-', "sh", *command], stdout=subprocess.PIPE, text=True, check=True)
    assert json.loads(done.stdout)["action_units"] == ["AU12"]


def tell(line: Connection) -> None:
    """Whether this process heeds no signal to stop."""
    line.send(signal.pthread_sigmask(signal.SIG_BLOCK, ()) >= set(STOP_SIGNALS))


def test_the_first_process_of_all_that_is_started_meanwhile_hears_none_either() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, timeout=LONG_S)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_signal_that_another_thread_is_given_is_held_back_too() -> None:
    heard: list[int] = []
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    with reading, writing:
        woken = signal.set_wakeup_fd(writing.fileno())
        try:
            with undisturbed(), undisturbed():  # as where a process is started while a session is set up
                signal.pthread_kill(other.ident or 0, signal.SIGTERM)
                assert reading.recv(1) == bytes([signal.SIGTERM])  # it has come
                assert heard == []
            assert heard == [signal.SIGTERM]
        finally:
            signal.set_wakeup_fd(woken)
            signal.signal(signal.SIGTERM, before)
            done.set()
            other.join()
