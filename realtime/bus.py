"""The ZeroMQ side: how messages get from process to process and out to whoever listens.

Every process has an inbox (PULL, bound by the one who reads); whoever feeds it connects (PUSH), so that what was sent
while a reader was away waits for it. Everything is also pushed to the hub in the supervisor, which publishes it (PUB)
for dashboards, recorders and other programs: those only ever subscribe, and a slow one loses messages of its own alone.

Inboxes are Unix sockets in a folder only the user may enter.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import zmq

from realtime.messages import Annotation, AnyMessage, End, Gap, Say, Spot, pack, unpack

EVENTS = (Spot, Say, Gap, End, Annotation)
"""Messages that no listener may miss."""

_PREFIX = "mellm-"
STOPPED_MS, ENDED_MS = 300, 5000
"""How long a process waits for what it sent last to be on its way: one that was stopped, and one whose stream has
ended, the news of which must arrive however busy the machine is."""


@dataclass(frozen=True)
class Wiring:
    """Where the inboxes of a session lie."""

    folder: str

    def inbox(self, name: str) -> str:
        """The address of a process's inbox; "hub" is the supervisor's."""
        return f"ipc://{self.folder}/{name}"

    @property
    def public(self) -> str:
        """Where the hub publishes: multipart [topic, message], the topic being the message's type, e.g. b"Motion"."""
        return f"ipc://{self.folder}/public"

    @property
    def events(self) -> str:
        """The same for what is never dropped, `EVENTS`, on an address of its own."""
        return f"ipc://{self.folder}/events"


def _prefix() -> str:
    """How the names begin of what belongs to processes that are numbered as this one is: not those of a container."""
    return f"{_PREFIX}{Path('/proc/self/ns/pid').stat().st_ino}-"


def own_prefix() -> str:
    """How the name begins of what goes with this process, in the folder of sockets or in shared memory.

    Once the process is dead, the next session clears it away.
    """
    return f"{_prefix()}{os.getpid()}-"


def make_wiring() -> Wiring:
    """A fresh folder for a session's sockets, after clearing away what sessions that died have left."""
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    if len(str(base)) > 60 or not os.access(base, os.W_OK):
        base = Path("/tmp")  # a Unix socket's path may be 107 characters long
    ours = _prefix()
    for left in (*base.glob(f"{ours}*"), *Path("/dev/shm").glob(f"{ours}*")):
        owner = left.name.removeprefix(ours).split("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            with suppress(OSError):  # somebody else's
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    return Wiring(tempfile.mkdtemp(prefix=own_prefix(), dir=base))


def remove_wiring(wiring: Wiring) -> None:
    """Remove a session's folder."""
    shutil.rmtree(wiring.folder, ignore_errors=True)


class Inbox:
    """The reading end, bound to an address."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str) -> None:
        self.socket = context.socket(zmq.PULL)
        self.socket.set_hwm(0)
        self.socket.bind(address)

    def receive(self) -> AnyMessage | None:
        """The next message waiting, or None.

        Raises:
            MessageError: bytes that are no message.
        """
        try:
            return unpack(self.socket.recv(zmq.NOBLOCK))
        except zmq.Again:
            return None

    def close(self) -> None:
        """Unbind; what was not read is lost."""
        self.socket.close(linger=0)


class Outbox:
    """The writing end, connected to an inbox that may not be there yet."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str) -> None:
        self._socket = context.socket(zmq.PUSH)
        self._socket.set_hwm(0)
        self._socket.connect(address)

    def send(self, message: AnyMessage) -> None:
        """Send without waiting."""
        self._socket.send(pack(message))

    def close(self, wait_ms: int = STOPPED_MS) -> None:
        """Disconnect; what is still to be sent goes on being sent for so long."""
        self._socket.close(linger=wait_ms)


class Publisher:
    """The hub's public ends; see `Wiring.public` and `Wiring.events`."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], wiring: Wiring) -> None:
        self._public, self._events = context.socket(zmq.PUB), context.socket(zmq.PUB)
        self._events.set_hwm(0)  # a slow listener's events wait for it; its frames do not
        self._public.bind(wiring.public)
        self._events.bind(wiring.events)

    def publish(self, message: AnyMessage) -> None:
        """Hand a message to whoever subscribed to its type."""
        socket = self._events if isinstance(message, EVENTS) else self._public
        socket.send_multipart([type(message).__name__.encode(), pack(message)])

    def close(self) -> None:
        """Stop publishing."""
        self._public.close(linger=0)
        self._events.close(linger=0)
