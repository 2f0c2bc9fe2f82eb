"""Libraries that write to the terminal by themselves, kept quiet while they are at it."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_turn = threading.RLock()
"""File descriptor 2 is the whole process's: of two threads that exchanged it at once, the second would put back what
the first has put in its place, and nothing would ever be heard again."""


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Send what compiled code writes to file descriptor 2 nowhere. Not for long: one thread at a time."""
    with _turn:
        kept = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(nowhere)
            os.close(kept)
