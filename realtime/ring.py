"""A ring of image slots in shared memory: one writer, any number of readers, the newest overwrites the oldest.

Every image gets a ticket, a running number; ticket t lies in slot t % slots. A slot's header holds the ticket it
carries, cleared while the writer is at it, so that a reader can tell before and after its work whether the image was
still there (a sequence lock). The creator owns the memory and unlinks it; attachers only close it.
"""

from contextlib import suppress
from multiprocessing.shared_memory import SharedMemory
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

_HEADER = 4  # int64 per slot: ticket, height, width, unused
_FREE = -1


class RingError(Exception):
    """The ring cannot be made; the message says why and what to do."""


class Ring:
    """See the module. A context manager; closing it releases (and for the creator, removes) the memory."""

    def __init__(
        self, buffer: "memoryview | None", slots: int, slot_bytes: int, memory: SharedMemory | None, owner: bool
    ) -> None:
        """Use `Ring.create`, `Ring.attach` or `Ring.local`."""
        if buffer is None:
            raise RingError("the shared memory was closed")
        self.slots, self.slot_bytes = slots, slot_bytes
        self._memory, self._owner = memory, owner
        count = 1 + slots * _HEADER
        words = np.frombuffer(buffer, np.int64, count)
        self._next = words[:1]
        self._heads = words[1:].reshape(slots, _HEADER)
        self._data = np.frombuffer(buffer, np.uint8, slots * slot_bytes, 8 * count).reshape(slots, slot_bytes)

    @staticmethod
    def _bytes(slots: int, slot_bytes: int) -> int:
        return 8 * (1 + slots * _HEADER) + slots * slot_bytes

    @classmethod
    def create(cls, name: str, slots: int, slot_bytes: int) -> "Ring":
        """Make a ring in shared memory under a name; pages are only taken as they are written.

        Raises:
            RingError: the memory cannot be had.
        """
        try:
            memory = SharedMemory(name, create=True, size=cls._bytes(slots, slot_bytes))
        except OSError as error:
            raise RingError(f"cannot make the shared memory {name!r}: {error.strerror}; is /dev/shm full?") from error
        ring = cls(memory.buf, slots, slot_bytes, memory, owner=True)
        ring._heads[:] = _FREE
        return ring

    @classmethod
    def attach(cls, name: str, slots: int, slot_bytes: int) -> "Ring":
        """Open a ring that another process made.

        Raises:
            FileNotFoundError: there is no such ring (any more).
        """
        memory = SharedMemory(name)
        return cls(memory.buf, slots, slot_bytes, memory, owner=False)

    @classmethod
    def local(cls, slots: int, slot_bytes: int) -> "Ring":
        """A ring in this process's own memory, for runs in one process."""
        ring = cls(memoryview(bytearray(cls._bytes(slots, slot_bytes))), slots, slot_bytes, None, owner=True)
        ring._heads[:] = _FREE
        return ring

    def __enter__(self) -> "Ring":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the memory; the creator removes it. Views handed out before must not be used any more."""
        del self._next, self._heads, self._data
        if self._memory is not None:
            if self._owner:
                self._memory.unlink()
            with suppress(BufferError):  # a view is still alive somewhere: the memory goes with it
                self._memory.close()

    @property
    def next_ticket(self) -> int:
        """The ticket the next image will get; survives a restart of the writer."""
        return int(self._next[0])

    def put(self, image: NDArray[np.uint8]) -> int:
        """Copy an image (H, W, 3) uint8 into the ring and return its ticket.

        Raises:
            ValueError: the image does not fit a slot.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.nbytes > self.slot_bytes:
            raise ValueError(
                f"image {image.shape} of {image.nbytes} bytes does not fit a slot of {self.slot_bytes} bytes"
            )
        ticket = self.next_ticket
        slot = ticket % self.slots
        self._heads[slot, 0] = _FREE
        self._data[slot, : image.nbytes].reshape(image.shape)[:] = image
        self._heads[slot, 1:3] = image.shape[:2]
        self._heads[slot, 0] = ticket
        self._next[0] = ticket + 1
        return ticket

    def view(self, ticket: int) -> NDArray[np.uint8] | None:
        """The image of a ticket, read-only and in place, or None if it was overwritten.

        What is computed from it counts only if `holds(ticket)` is still true afterwards.
        """
        slot = ticket % self.slots
        height, width = (int(n) for n in self._heads[slot, 1:3])
        if not self.holds(ticket) or height * width * 3 > self.slot_bytes:
            return None
        image = self._data[slot, : height * width * 3].reshape(height, width, 3)
        image.flags.writeable = False
        return image

    def copy(self, ticket: int) -> NDArray[np.uint8] | None:
        """A copy of the image of a ticket, or None if it was overwritten, even in the middle of the copying."""
        image = self.view(ticket)
        if image is None:
            return None
        copied = image.copy()
        return copied if self.holds(ticket) else None

    def holds(self, ticket: int) -> bool:
        """Whether the ticket's image is still there."""
        return ticket >= 0 and int(self._heads[ticket % self.slots, 0]) == ticket
