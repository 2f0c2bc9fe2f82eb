"""Something that is made slowly, piece by piece, in a thread of its own, so that whoever waits can do other things."""

import queue
import threading
from collections.abc import Callable, Iterator

Maker = Callable[[Callable[[], bool]], Iterator[str]]
"""Makes pieces; it is given a question to ask often: whether it should stop."""


class Pump:
    """One run of a `Maker` in a thread."""

    def __init__(self, make: Maker) -> None:
        """Start it.

        Args:
            make: what is run.
        """
        self._pieces: queue.Queue[str | Exception | None] = queue.Queue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(make,), name="narrator", daemon=True)
        self._thread.start()

    def take(self, wait_s: float) -> str | None:
        """The next piece: empty if none has come after a wait, None once there are no more.

        Raises:
            Exception: whatever the maker raised.
        """
        try:
            piece = self._pieces.get(timeout=wait_s)
        except queue.Empty:
            return ""
        if isinstance(piece, Exception):
            raise piece
        return piece

    def stop(self) -> None:
        """Ask it to stop; what it still makes is thrown away."""
        self._stop.set()

    def join(self, wait_s: float) -> None:
        """Stop, and wait until it has."""
        self.stop()
        self._thread.join(wait_s)

    def _run(self, make: Maker) -> None:
        try:
            for piece in make(self._stop.is_set):
                self._pieces.put(piece)
                if self._stop.is_set():
                    break
            self._pieces.put(None)
        except Exception as error:
            self._pieces.put(error)
