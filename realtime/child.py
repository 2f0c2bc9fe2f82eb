"""A process of a session as its supervisor knows it: its lifeline, what was last heard of it, and when it is given up.

No clock inside: seconds are those of `time.monotonic`.
"""

import multiprocessing
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from realtime.environment import nameless_main
from realtime.messages import AnyMessage, Status
from realtime.nodes import ProcessSpec
from realtime.process import FAILED_EXIT, Place
from realtime.process import main as process_main

START_S = 240.0
"""Longest a process may take to start: loading models on a slow, busy machine, or writing kernels for a GPU, which took
torch 90 s on a server."""

_SPARE_S = 4.0  # of a stream's time-outs, which OpenCV does not keep to the moment

STOP_S = 1.2
"""How long processes get to end by themselves before they are killed."""

LATE_S = 0.2
"""What a process has said before it died has come by then."""


@dataclass
class Child:
    """A running process and what is known of it.

    Attributes:
        spec: its row of the table.
        process: itself.
        lifeline: the pipe to it; closed, it ends.
        restarts: how often it was restarted before.
        heard_s: when it was last heard of, or started.
        state, detail: what its last statuses said.
        last_seq: number of the last frame that it gave something of.
        said_seq: number of the last frame that it said it was done with.
        handled, drops: what its last status counted.
        told_to_go: whether it, the first, has been told that everyone is ready.
        patience_s: it may be silent for so long, where that is longer than its row says.
    """

    spec: ProcessSpec
    process: SpawnProcess
    lifeline: Connection
    restarts: int
    heard_s: float
    state: str = "starting"
    detail: str = ""
    last_seq: int = -1
    said_seq: int = -1
    handled: int = 0
    drops: int = 0
    told_to_go: bool = False
    patience_s: float = 0.0
    _exited_s: float = -1.0
    _released: bool = False

    @staticmethod
    def start(spec: ProcessSpec, place: Place, now_s: float) -> "Child":
        """Start a process; signals that are held back meanwhile stay so in it."""
        context = multiprocessing.get_context("spawn")
        theirs, ours = context.Pipe(duplex=False)
        process = context.Process(target=process_main, args=(place, theirs), name=f"mellm-{spec.name}")
        with nameless_main():
            process.start()
        theirs.close()
        # The first may open a stream and read from it before it is heard of again.
        patience_s = 0.0 if spec.takes else 2 * place.config.capture.timeout_s + _SPARE_S
        return Child(spec, process, ours, place.restarts, now_s, patience_s=patience_s)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid or -1

    @property
    def done_seq(self) -> int:
        """Number of the last frame that it is known to be done with, whatever came of it."""
        return max(self.last_seq, self.said_seq)

    def hear(self, status: Status, now_s: float) -> None:
        """Take note of its status."""
        self.heard_s, self.state = now_s, status.state
        self.handled, self.drops = status.handled, status.drops
        self.said_seq = max(self.said_seq, status.seq)
        if status.detail:
            self.detail = status.detail

    def excuse(self, seconds: float, now_s: float) -> None:
        """Do not count so much of its silence: nobody listened."""
        self.heard_s = min(self.heard_s + seconds, now_s)

    def gave(self, message: AnyMessage) -> None:
        """Take note of a message, if it is of its own making."""
        if isinstance(message, self.spec.gives):
            self.last_seq = message.seq

    def failed(self, now_s: float) -> bool:
        """Whether it cannot start, and its reason, which comes through the hub, has not come."""
        return self.process.exitcode == FAILED_EXIT and now_s - self.heard_s > STOP_S

    def trouble(self, now_s: float) -> str:
        """Why it must be restarted, dead or hung; empty while it need not.

        One whose stream has ended may be silent: it sees that its last words arrive. One that has died may have words
        on the way: they count, so that no number is given twice and nothing stays open.
        """
        code, silent_s = self.process.exitcode, now_s - self.heard_s
        limit_s = START_S if self.state == "starting" else max(self.spec.heartbeat_s, self.patience_s)
        if code is None and (self.state == "ended" or silent_s <= limit_s):
            return ""
        if code == FAILED_EXIT or (code == 0 and self.state == "ended"):
            return ""
        if code is not None:
            self._exited_s = now_s if self._exited_s < 0 else self._exited_s
            if now_s - self._exited_s <= (STOP_S if code == 0 else LATE_S):
                return ""
        if code is None:
            return f"{self.spec.name} has been silent for {silent_s:.0f} s"
        if code < 0:
            full = "; is /dev/shm full? `mellm doctor` tells" if code == -signal.SIGBUS else ""
            return f"{self.spec.name} was killed by signal {-code}{full}"
        return f"{self.spec.name} crashed{': ' + self.detail if self.detail else ''}"

    def cut(self) -> None:
        """Cut its lifeline: it ends."""
        self.lifeline.close()

    def end(self, wait_s: float = 0.0) -> None:
        """Cut its lifeline, wait so long for it to end, then kill it, and release it. May be called twice."""
        self.cut()
        if self._released:
            return
        self.process.join(wait_s)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self._released = True
        self.process.close()
