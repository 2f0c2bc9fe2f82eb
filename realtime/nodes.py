"""The pipeline's one table: every process, the nodes in it, what they take, and how it is supervised.

A node has `step(message) -> messages` and no socket and no clock inside. A message a node does not take it passes on.
One runner drives nodes from ZeroMQ (`realtime.process`), another from a list or file (`realtime.chain`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from calib.face import CROP
from realtime.config import Config
from realtime.messages import FIRST_FACE, FIRST_SPOT, AnyMessage, End, Face, Frame, Lost, Motion, Say, Spot
from realtime.recap import Moment
from realtime.ring import Ring

if TYPE_CHECKING:
    from engines.runtime import FlowEngine


class Node(Protocol):
    """One stage of the pipeline."""

    def step(self, message: AnyMessage) -> Iterable[AnyMessage]:
        """What follows from one message, in order."""
        ...

    def close(self) -> None:
        """Release what the node holds."""
        ...


@runtime_checkable
class Ahead(Protocol):
    """A node part of whose work on a message depends on no other message, so that it can be done ahead of `step`."""

    def prepare(self, message: AnyMessage) -> None:
        """Do that part, in another thread than `step`; messages come in the same order. What it gives is the same."""
        ...


@runtime_checkable
class Patient(Protocol):
    """A node whose work may take longer than messages can wait: it takes them in at once and works in small bits.

    Its `step` does both and takes its time.
    """

    @property
    def waiting(self) -> int:
        """How many bits there are to do, roughly; 0 when there are none."""
        ...

    def take(self, message: AnyMessage) -> Iterable[AnyMessage]:
        """Take a message in; what can be said of it at once."""
        ...

    def work(self, now_ns: int | None = None) -> Iterable[AnyMessage]:
        """Do a bit, which takes a tenth of a second at most, and give what comes of it.

        Args:
            now_ns: the clock that `t_capture_ns` is read from; without it nothing is late.
        """
        ...


@runtime_checkable
class Aside(Protocol):
    """A node, the last of its process, that works on some messages in a thread of its own while others pass."""

    @property
    def working(self) -> bool:
        """Whether there is something that `ready` will give."""
        ...

    def ready(self) -> Iterable[AnyMessage]:
        """What has been done by now, which `step` gives as well."""
        ...


@runtime_checkable
class Head(Protocol):
    """The first stage, which makes messages by itself."""

    def idle(self) -> None:
        """Spend a moment while the others get ready."""
        ...

    def step(self, message: None) -> Iterable[AnyMessage]:
        """Wait for what comes next and give it."""
        ...

    def close(self) -> None:
        """Release what the node holds."""
        ...


@dataclass(frozen=True)
class Rings:
    """What nodes are given to work with.

    Attributes:
        frames, crops: where the pixels lie: captured frames and canonical crops.
        engine: a flow engine that is open already, whose owner closes it; None opens the configured one.
    """

    frames: Ring
    crops: Ring
    engine: "FlowEngine | None" = None


@dataclass(frozen=True)
class Resume:
    """Where nodes go on after a restart, so that nothing gets a number twice.

    Attributes:
        start_ns: when the stream began, on the monotonic clock; -1 if it has not.
        face_id: the first number for a new face.
        spot_id: the first number for a new event.
        restarts: how often the process was restarted.
        told: the events that have been answered.
        revoked: how many were taken back.
    """

    start_ns: int = -1
    face_id: int = FIRST_FACE
    spot_id: int = FIRST_SPOT
    restarts: int = 0
    told: tuple[Moment, ...] = ()
    revoked: int = 0


@dataclass(frozen=True)
class RingSize:
    """Slots and bytes a slot of a ring."""

    slots: int
    slot_bytes: int


def ring_sizes(config: Config) -> tuple[RingSize, RingSize]:
    """Sizes of the frame ring and the crop ring of a run.

    Both hold more than can be under way: `BACKLOG` waiting frames, the one in work, and the one being written.
    """
    faces = max(config.align.faces, 1)
    return RingSize(12, config.capture.max_side**2 * 3), RingSize(20 * faces, CROP * CROP * 3)


def through(nodes: Sequence["Node | Head"], message: AnyMessage | None) -> Iterator[AnyMessage]:
    """What comes out of the last of some nodes for one message into the first, each as soon as it is there."""
    if not nodes:
        if message is not None:
            yield message
        return
    for out in nodes[0].step(message):  # type: ignore[arg-type]  # a Head takes None, a Node a message
        yield from through(nodes[1:], out)


PASSED = Lost, End
"""What only the last process that takes it tells: after all that it has to say of what came before."""

BACKLOG, LATE_NS = 8, 120_000_000
"""In live mode, frames that may wait before a node, and how much older than the newest one may be; when more do, or one
is, only the newest is kept. What holds a node up for a moment, as an expression that sets in, so costs no frame."""


@dataclass(frozen=True)
class ProcessSpec:
    """A row of the table.

    Attributes:
        name: of the process.
        nodes: the nodes in it, each fed with what the one before gives.
        takes: messages that come in from the process before.
        droppable: those of them that may be skipped when newer ones wait.
        gives: the message that only this process makes.
        make: builds the nodes; imports what they need only in their own process.
        restarts: how often it may be restarted in a session.
        heartbeat_s: silent for longer than this, it counts as hung.
    """

    name: str
    nodes: tuple[str, ...]
    takes: tuple[type, ...]
    droppable: tuple[type, ...]
    gives: type
    make: Callable[[Config, Rings, Resume], Sequence[Node | Head]]
    restarts: int = 3
    heartbeat_s: float = 5.0


def _capture(config: Config, rings: Rings, resume: Resume) -> Sequence[Head]:
    from realtime.capture import CaptureNode

    return [CaptureNode(config.capture, rings.frames, resume.start_ns)]


def _align(config: Config, rings: Rings, resume: Resume) -> Sequence[Node]:
    from realtime.align import AlignNode

    return [AlignNode(config.align, rings.frames, rings.crops, resume.face_id)]


def _perceive(config: Config, rings: Rings, resume: Resume) -> Sequence[Node]:
    from realtime.calibration import open_calibration
    from realtime.event import EventNode
    from realtime.flow import FlowNode
    from realtime.spot import SpotNode

    calibration = open_calibration(config.spot)
    flow = FlowNode(config.flow, rings.crops, rings.engine)
    spot = SpotNode(config.spot, resume.spot_id, calibration.baseline if calibration else None)
    return [flow, spot, EventNode(config.spot, flow.shots, flow.engine, config.capture.paced)]


def _narrate(config: Config, rings: Rings, resume: Resume) -> Sequence[Node]:
    from realtime.narrate import NarrateNode

    return [
        NarrateNode(
            config.narrate, live=config.capture.paced, deaths=resume.restarts, told=resume.told, revoked=resume.revoked
        )
    ]


PROCESSES: tuple[ProcessSpec, ...] = (
    ProcessSpec("capture", ("capture",), (), (), Frame, _capture, heartbeat_s=15.0),
    ProcessSpec("align", ("align",), (Frame, End), (Frame,), Face, _align),
    ProcessSpec("perceive", ("flow", "spot", "event"), (Face, Lost, End), (Face,), Motion, _perceive),
    ProcessSpec("narrate", ("narrate",), (Spot, End), (), Say, _narrate),
)
"""In the order of the stream; the last one's `End` ends the session."""
