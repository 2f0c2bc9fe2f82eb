"""The lossless runner: the same nodes in one process, in threads, as fast as they go.

Queues between the threads are short and block, so nothing is ever dropped; OpenCV, MediaPipe and the flow engines work
outside Python's lock, so the threads do run side by side.
"""

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress

from realtime.config import Config
from realtime.messages import AnyMessage, End, Gap
from realtime.nodes import PROCESSES, Ahead, Head, Node, Resume, Rings, ring_sizes, through
from realtime.ring import Ring

_CAPTURED, _ALIGNED, _PREPARED = 4, 2, 2
"""Messages waiting behind each thread; the rings hold more images than are under way (`ring_sizes`)."""


def run_chain(config: Config) -> Iterator[AnyMessage]:
    """Every message from alignment on, in order, up to and including `End`.

    Closing the iterator stops the threads.

    Raises:
        SourceError, EngineError, NarratorError: a node cannot be made.
        RuntimeError: a gap, which must not happen here.
        Exception: whatever a node raised.
    """
    frames, crops = (Ring.local(size.slots, size.slot_bytes) for size in ring_sizes(config))
    stages: list[Sequence[Node | Head]] = []
    try:
        for spec in PROCESSES:
            stages.append(spec.make(config, Rings(frames, crops), Resume()))
        yield from run_stages(stages)
    finally:
        for stage in stages:
            for node in stage:
                node.close()


def run_stages(stages: Sequence[Sequence[Node | Head]]) -> Iterator[AnyMessage]:
    """The same for nodes made elsewhere, which the caller closes: those of the table's first processes, three or more.

    Closing the iterator stops the threads.

    Raises:
        RuntimeError: a gap, which must not happen here.
        Exception: whatever a node raised.
    """
    # Capture, align and what can be done ahead each get a thread; all else is done in the caller's.
    stop = threading.Event()
    captured, aligned, prepared = (queue.Queue[AnyMessage | Exception](n) for n in (_CAPTURED, _ALIGNED, _PREPARED))
    threads = [
        threading.Thread(target=_pump, args=arguments, name=name, daemon=True)
        for name, arguments in (
            ("capture", (stages[0], None, captured, stop)),
            ("align", (stages[1], captured, aligned, stop)),
            ("prepare", ([_Preparation(stages[2])], aligned, prepared, stop)),
        )
    ]
    try:
        for thread in threads:
            thread.start()
        while True:
            message = prepared.get()
            if isinstance(message, Exception):
                raise message
            for out in _onward(stages, 2, message):
                if isinstance(out, Gap):
                    raise RuntimeError(f"frames {out.from_seq}–{out.to_seq} were lost in a lossless run: {out.cause}")
                yield out
                if isinstance(out, End):
                    return
    finally:
        stop.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()


def _onward(stages: Sequence[Sequence[Node | Head]], index: int, message: AnyMessage) -> Iterator[AnyMessage]:
    """Everything that a message causes from a stage on, as a session's hub would hear it."""
    if index == len(stages):
        yield message
        return
    takes = PROCESSES[index].takes
    if not isinstance(message, takes):
        yield message
        return
    if not isinstance(message, End):
        yield message
    for out in through(stages[index], message):
        if out is not message or isinstance(message, End):
            yield from _onward(stages, index + 1, out)


class _Preparation:
    """A node that has others prepare what it passes on."""

    def __init__(self, nodes: Sequence[Node | Head]) -> None:
        self._nodes = [node for node in nodes if isinstance(node, Ahead)]

    def step(self, message: AnyMessage) -> Iterator[AnyMessage]:
        for node in self._nodes:
            node.prepare(message)
        yield message

    def close(self) -> None:
        """Nothing to release: the others are the caller's."""


def _pump(
    nodes: Sequence[Node | Head],
    source: "queue.Queue[AnyMessage | Exception] | None",
    sink: "queue.Queue[AnyMessage | Exception]",
    stop: threading.Event,
) -> None:
    """A thread's work: from one queue through its nodes into the next, until the end, an error, or `stop`."""
    ended = False
    while not ended and not stop.is_set():
        item = None if source is None else _get(source, stop)
        if isinstance(item, Exception):
            _put(sink, item, stop)
            return
        if source is not None and item is None:
            continue
        try:
            for out in through(nodes, item):
                _put(sink, out, stop)
                ended = ended or isinstance(out, End)
        except Exception as error:
            _put(sink, error, stop)
            return


def _get(source: "queue.Queue[AnyMessage | Exception]", stop: threading.Event) -> "AnyMessage | Exception | None":
    while not stop.is_set():
        with suppress(queue.Empty):
            return source.get(timeout=0.1)
    return None


def _put(sink: "queue.Queue[AnyMessage | Exception]", item: "AnyMessage | Exception", stop: threading.Event) -> None:
    while not stop.is_set():
        with suppress(queue.Full):
            sink.put(item, timeout=0.1)
            return
