"""What surrounds a process: what native libraries are told before they are imported, signals, priority, threads."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

THREADS = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}
"""One thread a process, and waits that do not spin: two processes that spin take each other's cores."""

SILENCE = {
    "OPENCV_LOG_LEVEL": "ERROR", "OPENCV_FFMPEG_LOGLEVEL": "-8", "GLOG_minloglevel": "2", "GGML_NO_BACKTRACE": "1",
}  # fmt: skip
"""No chatter from OpenCV, FFmpeg, MediaPipe and llama.cpp: what goes wrong is said once, by us."""


def prepare() -> None:
    """Set what the user has not set, and open the standard streams that are closed."""
    for key, value in {**THREADS, **SILENCE}.items():
        os.environ.setdefault(key, value)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # Else a file that is opened later gets its number, and what libraries print goes there.
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            os.set_inheritable(nowhere, True)
            setattr(sys, name, os.fdopen(nowhere, "w" if number else "r", encoding="utf-8"))


STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What asks a session to stop."""


def _handlers() -> dict[signal.Signals, Any]:
    """What Python does on `STOP_SIGNALS`, where it can be changed and put back: in the main thread.

    A program that Python is embedded in may have handlers of its own, which cannot.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    known = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    return {number: handler for number, handler in known.items() if handler is not None}


@contextmanager
def unheeded() -> Iterator[None]:
    """Ignore `STOP_SIGNALS` meanwhile."""
    handlers = _handlers()
    for number in handlers:
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold `STOP_SIGNALS` back meanwhile; one that came is delivered at the end.

    They are blocked, which processes started meanwhile inherit. What this thread blocks another may be given, and what
    Python does about it is done in the main thread all the same: there it is only noted.
    """
    resource_tracker.ensure_running()  # Python's tracker of shared memory lets them through while it starts
    came: list[int] = []
    handlers = _handlers()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        for number in handlers:
            signal.signal(number, lambda number, _: came.append(number))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for late in came:
            signal.raise_signal(late)


NICENESS = 5
"""Of what gives way."""

_main = threading.RLock()
"""Two threads that start processes at once must not take each other's nameless main program for the real one."""


@contextmanager
def nameless_main() -> Iterator[None]:
    """Processes spawned meanwhile do not run the main program again before their own work: they need nothing of it.

    So a script can start a session without `if __name__ == "__main__"`, and children start sooner.
    """
    main = sys.modules["__main__"]
    with _main:
        spec, file = getattr(main, "__spec__", None), main.__dict__.pop("__file__", None)
        main.__spec__ = None
        try:
            yield
        finally:
            main.__spec__ = spec
            if file is not None:
                main.__file__ = file


def give_way() -> None:
    """Lower the priority of the calling thread, and of those it starts from now on, below the pipeline's.

    By `NICENESS`: with 19 `analyze` gained little more, and any other program would go first.
    """
    os.nice(NICENESS)  # on Linux the thread's own


@contextmanager
def one_thread() -> Iterator[None]:
    """OpenCV on one thread while several of ours work side by side."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
