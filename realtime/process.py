"""What runs in each child process of a live session: its nodes, fed from its inbox.

The lifeline is a pipe from the supervisor. While it is open the process works; when it closes, because the supervisor
closed it or died, the process ends. Ctrl-C in the terminal reaches every process, but only the supervisor heeds it.
"""

import gc
import os
import shutil
import signal
import time
import traceback
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Literal

import zmq

from realtime.bus import ENDED_MS, STOPPED_MS, Inbox, Outbox, Wiring
from realtime.config import Config, ConfigError
from realtime.latency import LatencyHistogram
from realtime.messages import AnyMessage, End, Gap, Lost, MessageError, Say, Status
from realtime.nodes import (
    BACKLOG,
    LATE_NS,
    PASSED,
    PROCESSES,
    Aside,
    Head,
    Node,
    Patient,
    ProcessSpec,
    Resume,
    Rings,
    RingSize,
    through,
)
from realtime.ring import Ring

FAILED_EXIT = 3
"""Exit status of a process that could not start for a reason a restart does not mend."""

GO = "go"
"""What the supervisor says to the first process once everyone is ready; it says nothing else."""

_BEAT_S = 0.5
_WHILE_MS, _SOON_MS = 100, 2  # how long to wait for messages; and while something is being done aside


@dataclass(frozen=True)
class Place:
    """What a child process is given to find the others.

    Attributes:
        name: which row of `PROCESSES` it is.
        config: the run's settings.
        wiring: the session's sockets.
        frames, crops: names and sizes of the rings.
        restarts: how often this process was restarted before.
        resume: where its nodes go on.
        missed: number of the first frame that was lost with the one before it; -1 if none was.
        handled, drops: messages that those before it handled, and frames that they skipped, as far as is known.
    """

    name: str
    config: Config
    wiring: Wiring
    frames: tuple[str, RingSize]
    crops: tuple[str, RingSize]
    restarts: int
    resume: Resume
    missed: int = -1
    handled: int = 0
    drops: int = 0


def main(place: Place, lifeline: Connection) -> None:
    """Entry point of a child process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    supervisor = os.getppid()
    import cv2

    cv2.setNumThreads(1)
    context = zmq.Context[zmq.Socket[bytes]]()
    worker = _Worker(place, context)
    try:
        worker.run(lifeline)
    finally:
        worker.close()
        context.term()
    if os.getppid() != supervisor:  # the supervisor died: nobody else clears up the sockets
        shutil.rmtree(place.wiring.folder, ignore_errors=True)
    if worker.state == "failed":
        raise SystemExit(FAILED_EXIT)
    if worker.state == "crashed":
        raise SystemExit(1)


class _Worker:
    def __init__(self, place: Place, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        names = [spec.name for spec in PROCESSES]
        index = names.index(place.name)
        self._place = place
        self._spec: ProcessSpec = PROCESSES[index]
        self._hub = Outbox(context, place.wiring.inbox("hub"))
        self._inbox = Inbox(context, place.wiring.inbox(place.name)) if self._spec.takes else None
        following = PROCESSES[index + 1] if index + 1 < len(PROCESSES) else None
        self._next = Outbox(context, place.wiring.inbox(following.name)) if following else None
        self._next_takes = following.takes if following else ()
        self._waiting: deque[AnyMessage] = deque()
        self._latency = LatencyHistogram()
        self._handled, self._drops = place.handled, place.drops
        self._beat_s, self._beat_handled = time.monotonic(), self._handled
        self._last: AnyMessage | None = None
        self._looked_at = -1  # the frame that the last droppable message was of
        # After a restart, until a frame is looked at: those that came to nothing are announced then.
        self._missed = place.missed if place.restarts and self._spec.droppable else None
        self._arrived: AnyMessage | None = None
        self._patient: Patient | None = None
        self._error, self._stream_ended = "", False
        self.state: Literal["starting", "ready", "running", "ended", "failed", "crashed"] = "starting"

    def run(self, lifeline: Connection) -> None:
        """Build the nodes and work until the lifeline closes or the stream ends."""
        nodes: Sequence[Node | Head] = ()
        rings: list[Ring] = []
        try:
            rings = [
                Ring.attach(name, size.slots, size.slot_bytes) for name, size in (self._place.frames, self._place.crops)
            ]
            nodes = self._make(Rings(rings[0], rings[1]))
            if self.state == "failed":
                return
            # What is there now stays: the collector need not look through all of it again and again while frames wait.
            gc.collect()
            gc.freeze()
            self._report("ready")
            for node in nodes:
                if isinstance(node, Head):
                    self._wait(node, lifeline)
            self.state = "running"
            self._work(nodes, lifeline)
            self._report("ended", self._error)
        except EOFError:
            self._report("ended")
        except Exception as error:
            self._report("crashed", "".join(traceback.format_exception_only(error)).strip())
            if os.environ.get("MELLM_DEBUG"):
                traceback.print_exc()
        finally:
            for node in reversed(nodes):
                node.close()
            for ring in rings:
                ring.close()

    def close(self) -> None:
        """Close the sockets."""
        if self._inbox is not None:
            self._inbox.close()
        for box in (self._hub, self._next):
            if box is not None:
                box.close(ENDED_MS if self._stream_ended else STOPPED_MS)

    def _make(self, rings: Rings) -> Sequence[Node | Head]:
        """Build the nodes; what the user has to mend fails the session, anything else is a crash."""
        from engines.mellm import NarratorError
        from engines.runtime import EngineError
        from realtime.source import SourceError

        try:
            return self._spec.make(self._place.config, rings, self._place.resume)
        except (ConfigError, SourceError, EngineError, NarratorError) as error:
            self._report("failed", str(error))
            return ()

    def _wait(self, head: Head, lifeline: Connection) -> None:
        """Until the supervisor says that everyone is ready.

        Raises:
            EOFError: it says stop instead.
        """
        while not lifeline.poll(0):
            self._beat()
            head.idle()
        lifeline.recv()

    def _work(self, nodes: Sequence[Node | Head], lifeline: Connection) -> None:
        poller = zmq.Poller()
        poller.register(lifeline.fileno(), zmq.POLLIN)
        if self._inbox is not None:
            poller.register(self._inbox.socket, zmq.POLLIN)
        self._patient = next((node for node in nodes[:1] if isinstance(node, Patient)), None)
        aside = next((node for node in nodes[-1:] if isinstance(node, Aside)), None)
        while not self._stream_ended:
            self._beat()
            wait_ms = 0 if self._inbox is None or self._behind else _SOON_MS if aside and aside.working else _WHILE_MS
            if dict(poller.poll(wait_ms)).get(lifeline.fileno()):
                lifeline.recv()  # raises EOFError when it was cut
            if self._inbox is None:
                self._step(nodes, None)
                continue
            self._drain(self._inbox)
            if aside is not None:
                for out in aside.ready():
                    self._give(out)
            if self._patient is not None:
                self._serve(self._patient)
            elif self._waiting:
                self._step(nodes, self._waiting.popleft())

    def _drain(self, inbox: Inbox) -> None:
        """Take in what has arrived; when too many frames wait, or too long, skip to the newest and announce it.

        Of a frame that was begun, the other faces may be dropped: it was looked at, and is not announced.
        """
        while True:
            try:
                message = inbox.receive()
            except MessageError as error:
                self._report("running", f"ignored: {error}")
                continue
            if message is None:
                break
            self._waiting.append(message)
        frames = [m for m in self._waiting if isinstance(m, self._spec.droppable)]
        if not frames:
            return
        if self._missed is not None and self._arrived is None:
            self._arrived = frames[0]
        droppable = sorted({m.seq for m in frames})
        if len(droppable) <= BACKLOG and frames[-1].t_capture_ns - frames[0].t_capture_ns <= LATE_NS:
            return
        newest = droppable[-1]
        skipped = [m for m in frames if m.seq < newest]
        self._waiting = deque(m for m in self._waiting if not (isinstance(m, self._spec.droppable) and m.seq < newest))
        unseen = [seq for seq in droppable if seq != self._looked_at]
        self._drops += len(unseen) - 1
        if self._missed is not None or len(unseen) < 2:
            return  # these waited while the process was away; or only of the frame that was begun are faces dropped
        first = next(m for m in skipped if m.seq == unseen[0])
        self._give(
            Gap(
                seq=newest, t_capture_ns=first.t_capture_ns, t_media_ns=first.t_media_ns, from_seq=unseen[0],
                to_seq=droppable[-2], cause=f"{self._spec.name} was behind",
            )
        )  # fmt: skip

    def _step(self, nodes: Sequence[Node | Head], message: AnyMessage | None) -> None:
        """One message through all nodes."""
        if self._missed is not None and message is not None:
            self._announce_missed(self._missed, message)
        if isinstance(message, Lost):  # before what follows from it, as in a lossless run
            self._hub.send(message)
        for out in through(nodes, message):
            if out is not message or isinstance(out, End):
                self._give(out)
            if message is None:
                self._count(out)
        if message is not None:
            self._count(message)

    def _announce_missed(self, missed: int, message: AnyMessage) -> None:
        """Before the first frame that is looked at, or the end: what came to nothing since the process before died."""
        if not isinstance(message, (*self._spec.droppable, End)):
            return
        at, self._missed = self._arrived or message, None
        first = missed if missed >= 0 else at.seq
        if first < message.seq:
            self._give(
                Gap(
                    seq=message.seq, t_capture_ns=at.t_capture_ns, t_media_ns=at.t_media_ns, from_seq=first,
                    to_seq=message.seq - 1, cause=f"{self._spec.name} was restarted",
                )
            )  # fmt: skip

    @property
    def _behind(self) -> int:
        """What waits: messages, and what a patient node has taken in."""
        return len(self._waiting) + (self._patient.waiting if self._patient is not None else 0)

    def _serve(self, node: Patient) -> None:
        """Hand a patient node all that waits, and let it do a bit."""
        outs: list[AnyMessage] = []
        while self._waiting:
            message = self._waiting.popleft()
            outs += (out for out in node.take(message) if out is not message)
            self._last = message
        for out in (*outs, *node.work(time.monotonic_ns())):
            self._give(out)
            if isinstance(out, Say) and out.final and out.spot_id >= 0:
                self._count(out)

    def _count(self, message: AnyMessage) -> None:
        if isinstance(message, self._spec.droppable):
            self._looked_at = message.seq
        if not isinstance(message, (End, Gap)):
            self._handled += 1
            self._latency.add((time.monotonic_ns() - message.t_capture_ns) / 1e6)
        self._last = message

    def _give(self, message: AnyMessage) -> None:
        goes_on = self._next is not None and isinstance(message, self._next_takes)
        if not (goes_on and isinstance(message, PASSED)):
            self._hub.send(message)
        if self._next is not None and goes_on:
            self._next.send(message)
        if isinstance(message, End):
            self._stream_ended, self._error = True, message.error

    def _beat(self) -> None:
        if time.monotonic() - self._beat_s >= _BEAT_S:
            self._report(self.state)

    def _report(
        self, state: Literal["starting", "ready", "running", "ended", "failed", "crashed"], detail: str = ""
    ) -> None:
        now_s = time.monotonic()
        spent_s = max(now_s - self._beat_s, 1e-6)
        fps = (self._handled - self._beat_handled) / spent_s
        self._beat_s, self._beat_handled = now_s, self._handled
        self.state = state
        p50, p95 = self._latency.quantiles((0.5, 0.95))
        self._hub.send(
            Status(
                seq=self._last.seq if self._last else -1, t_capture_ns=time.monotonic_ns(),
                t_media_ns=self._last.t_media_ns if self._last else 0, process=self._spec.name, state=state,
                detail=detail, fps=round(fps, 2), handled=self._handled, drops=self._drops, queue=self._behind,
                p50_ms=float(p50), p95_ms=float(p95), restarts=self._place.restarts, pid=os.getpid(),
            )
        )  # fmt: skip
