"""A live session: starts the processes of `realtime.nodes`, watches over them, and hands out what they say.

The supervisor owns everything that must not outlive the session: the processes, the rings in shared memory (Python's
resource tracker removes them even if the supervisor is killed) and the folder of sockets (the children remove it when
their lifeline breaks).
"""

import dataclasses
import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType

import zmq

from realtime.bus import Inbox, Outbox, Publisher, Wiring, make_wiring, remove_wiring
from realtime.child import STOP_S, Child
from realtime.config import Config
from realtime.environment import prepare, undisturbed, unheeded
from realtime.ledger import Ledger
from realtime.messages import Annotation, AnyMessage, End, Gap, MessageError, Status
from realtime.nodes import PASSED, PROCESSES, ProcessSpec, RingSize, ring_sizes
from realtime.order import Order
from realtime.process import GO, Place
from realtime.recordings.notes import make_note
from realtime.ring import Ring

_LOOK_MS = 50  # from one look after the others to the next
_AWAY_S = 1.0  # who looks after the others so late was away itself


class SessionError(Exception):
    """The session cannot go on; one line that says why."""


class Session:
    """A pipeline. It runs from entering to leaving, which stops everything; iterate over its messages meanwhile.

    A context manager; it may be entered again, which begins anew.
    """

    def __init__(self, config: Config) -> None:
        """Prepare a session; nothing runs before it is entered. Its processes inherit `realtime.environment`.

        Args:
            config: settings.
        """
        prepare()
        self.config = config
        self._children: dict[str, Child] = {}
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._ledger, self._order = Ledger(), Order()
        self._notes: deque[Annotation] = deque()
        self._wiring = Wiring("")
        self._rings: list[Ring] = []
        self._looked_s = time.monotonic()

    def __enter__(self) -> "Session":
        if self._context is not None:
            raise SessionError("the session runs already: to run another one beside it, make another one")
        try:
            with undisturbed():
                self._set_up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def public_address(self) -> str:
        """Where other programs subscribe; see `realtime.bus.Wiring.public`."""
        return self._wiring.public

    @property
    def events_address(self) -> str:
        """Where other programs subscribe to what they must not miss; see `realtime.bus.Wiring.events`."""
        return self._wiring.events

    @property
    def frames(self) -> Ring:
        """The ring of captured frames; it goes with the session."""
        return self._rings[0]

    @property
    def frame_ring(self) -> tuple[str, RingSize]:
        """That ring's name and size, for another process to attach to (`realtime.ring.Ring.attach`)."""
        return self._sizes[0]

    @property
    def wiring(self) -> Wiring:
        """Where the session's sockets lie."""
        return self._wiring

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by process name."""
        return {name: child.pid for name, child in self._children.items()}

    def __iter__(self) -> Iterator[AnyMessage]:
        """Every message of the session as it arrives, until the stream ends; nothing after that.

        Raises:
            SessionError: it does not run; or a process failed for good, or was restarted too often, or the source broke
                off: the last message was an `End` that says so, and no process runs any more.
        """
        self._check_running()
        ended = False
        try:
            for message in self._messages():
                ended = ended or isinstance(message, End)
                yield message
                yield from self.noted()  # before the next message, over which a recording may be ended
        except SessionError as error:
            self._end_children()
            if not ended:
                now_ns = time.monotonic_ns()
                end = End(seq=-1, t_capture_ns=now_ns, t_media_ns=self._ledger.media_ns, error=str(error))
                self._public.publish(end)
                yield end
            raise

    def _messages(self) -> Iterator[AnyMessage]:
        while self._children:
            self._hub.socket.poll(_LOOK_MS)
            until_s = time.monotonic() + _LOOK_MS / 1000  # also where whoever takes them is slower than they come
            while time.monotonic() < until_s and (message := self._receive()) is not None:
                if isinstance(message, End):
                    last_words = list(self._last_words())
                    self._end_children()
                    yield from (*last_words, *self._pass_on(message))
                    if message.error:
                        raise SessionError(message.error)
                    return
                yield from self._pass_on(message)
            yield from self._aside()

    def annotate(self, text: str, t_media_ns: int | None = None, until_ns: int = -1) -> Annotation:
        """Note something about a moment, by default the present one; it comes out among the messages. From any thread.

        Args:
            text: the note.
            t_media_ns: the moment, or the beginning of a time, in the stream.
            until_ns: the end of that time; -1 for a moment.

        Raises:
            ValueError: no text, or a time that cannot be.
            SessionError: the session does not run.
        """
        self._check_running()
        at_ns = self._ledger.media_ns if t_media_ns is None else t_media_ns
        note = make_note(text, at_ns, until_ns, time.monotonic_ns())
        self._notes.append(note)
        return note

    def _aside(self) -> Iterator[AnyMessage]:
        """What comes from no process: news of processes that died, and the operator's notes."""
        # All are looked after before anything is handed out: whoever takes it may take long, and silent while nobody
        # listened is not silent.
        for message in list(self._look_after()):
            yield from self._tell(message)
        yield from self.noted()

    def noted(self) -> Iterator[AnyMessage]:
        """The operator's notes that have not come out yet, as those that were made after the last message."""
        while self._notes:
            note = self._notes.popleft()
            self._public.publish(note)
            yield note

    def _set_up(self) -> None:
        self._ledger, self._order, self._looked_s = Ledger(), Order(), time.monotonic()
        self._wiring = make_wiring()
        context = self._context = zmq.Context[zmq.Socket[bytes]]()
        frames, crops = ring_sizes(self.config)
        name = os.path.basename(self._wiring.folder)
        self._sizes = (f"{name}-frames", frames), (f"{name}-crops", crops)
        for ring_name, size in self._sizes:
            self._rings.append(Ring.create(ring_name, size.slots, size.slot_bytes))
        self._hub = Inbox(context, self._wiring.inbox("hub"))
        self._public = Publisher(context, self._wiring)
        self._inboxes = {spec.name: Outbox(context, self._wiring.inbox(spec.name)) for spec in PROCESSES if spec.takes}
        for spec in PROCESSES:
            self._start(spec, 0)

    def _last_words(self) -> Iterator[AnyMessage]:
        """The closing statuses, which come right after the end."""
        deadline_s = time.monotonic() + STOP_S
        while any(c.state == "running" for c in self._children.values()) and time.monotonic() < deadline_s:
            self._hub.socket.poll(50)
            while (message := self._receive()) is not None:
                yield from self._pass_on(message)

    def close(self) -> None:
        """Stop every process within two seconds and remove all that the session made. May be called twice.

        Another Ctrl-C meanwhile is not heeded: it could only leave something behind.
        """
        with unheeded():
            self._close()

    def _end_children(self) -> None:
        for child in self._children.values():
            child.cut()  # all of them first: they end side by side
        deadline_s = time.monotonic() + STOP_S
        for child in self._children.values():
            child.end(max(0.0, deadline_s - time.monotonic()))
        self._children.clear()

    def _close(self) -> None:
        self._end_children()
        if self._context is not None:
            self._context.destroy(linger=0)  # every socket, also of what broke off while it was set up
            self._context = None
        while self._rings:
            self._rings.pop().close()
        if self._wiring.folder:
            remove_wiring(self._wiring)

    def _start(self, spec: ProcessSpec, restarts: int) -> Child:
        resume = dataclasses.replace(self._ledger.resume, restarts=restarts)
        before = self._children.get(spec.name)
        handled, drops = (before.handled, before.drops) if before is not None else (0, 0)
        place = Place(
            spec.name, self.config, self._wiring, *self._sizes, restarts, resume, self._lost_with(spec), handled, drops
        )
        # Ctrl-C reaches the whole terminal; only the supervisor heeds it: its children inherit that it is held back.
        with undisturbed():
            child = self._children[spec.name] = Child.start(spec, place, time.monotonic())
        return child

    def _lost_with(self, spec: ProcessSpec) -> int:
        """Number of the first frame that was handed to the process that ran before and is not known to be done."""
        child, before = self._children.get(spec.name), self._children.get(PROCESSES[PROCESSES.index(spec) - 1].name)
        lost = child is not None and before is not None and before.last_seq > child.done_seq
        return child.done_seq + 1 if child is not None and lost else -1

    def _check_running(self) -> None:
        if self._context is None:
            raise SessionError("the session does not run: it does within its with block")

    def _receive(self) -> AnyMessage | None:
        try:
            return self._hub.receive()
        except MessageError:
            return None  # the hub is in a folder of the user's own; nothing of ours sends rubbish

    def _pass_on(self, message: AnyMessage) -> Iterator[AnyMessage]:
        """Take note of whose message it is, and tell it."""
        if isinstance(message, Status):
            self._hear(message)
        else:
            for child in self._children.values():
                child.gave(message)
        yield from self._tell(message)

    def _tell(self, message: AnyMessage) -> Iterator[AnyMessage]:
        """Take note of a message, publish it and hand it out, once it is due."""
        for told in self._order.take(message):
            self._ledger.note(told)
            self._public.publish(told)
            yield told

    def _hear(self, status: Status) -> None:
        child = self._children.get(status.process)
        if child is None or status.pid != child.pid:
            return
        child.hear(status, time.monotonic())
        if status.state == "failed":
            raise SessionError(status.detail)
        if status.state == "ready" and child.restarts:
            self._tell_again(child)
        first = self._children[PROCESSES[0].name]
        everyone = all(other.state != "starting" for other in self._children.values())
        if everyone and first.state == "ready" and not first.told_to_go:
            first.told_to_go = True
            with suppress(OSError):  # it has died: it is looked after
                first.lifeline.send(GO)

    def _look_after(self) -> Iterator[AnyMessage]:
        """Restart what died or hangs, within its budget."""
        before_s, self._looked_s = self._looked_s, time.monotonic()
        away_s = self._looked_s - before_s - _AWAY_S
        for child in list(self._children.values()):
            now_s = time.monotonic()
            if away_s > 0:  # this process was stopped, as by Ctrl-Z, and the others with it
                child.excuse(away_s, now_s)
            if child.failed(now_s):
                raise SessionError(f"{child.spec.name} cannot start")
            if cause := child.trouble(now_s):
                yield from self._restart(child, cause)

    def _tell_again(self, child: Child) -> None:
        """Hand a restarted process what the one before it took to its grave."""
        inbox = self._inboxes.get(child.spec.name)
        if inbox is None:
            return
        if child.spec is PROCESSES[-1]:
            for spot in self._ledger.unanswered.values():
                inbox.send(spot)
        index = PROCESSES.index(child.spec)
        before = self._children[PROCESSES[index - 1].name]
        if before.state == "ended":
            now_ns = time.monotonic_ns()
            inbox.send(
                End(seq=before.done_seq, t_capture_ns=now_ns, t_media_ns=self._ledger.media_ns, error=before.detail)
            )

    def _restart(self, child: Child, cause: str) -> Iterator[AnyMessage]:
        """Start a process anew; announce the gap, and take back what died with it."""
        if child.restarts >= child.spec.restarts:
            raise SessionError(f"{cause}; restarted {child.restarts} times already, giving up")
        child.end()
        fresh = self._start(child.spec, child.restarts + 1)
        fresh.last_seq, fresh.said_seq = child.last_seq, child.said_seq
        seq, now_ns, media_ns = child.last_seq, time.monotonic_ns(), self._ledger.media_ns
        again = f"restarting it ({fresh.restarts} of {child.spec.restarts})"
        yield Gap(
            seq=seq, t_capture_ns=now_ns, t_media_ns=media_ns, from_seq=seq + 1, to_seq=seq, cause=f"{cause}; {again}"
        )
        for message in self._ledger.gone_with(child.spec.gives, seq, now_ns):
            self._inboxes[PROCESSES[PROCESSES.index(child.spec) + 1].name].send(message)
            if not isinstance(message, PASSED):
                yield message
