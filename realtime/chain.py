"""The lossless runner: the same nodes in one process, in threads, as fast as they go.

Queues between the threads are short and block, so nothing is ever dropped; OpenCV, MediaPipe and the flow engines work
outside Python's lock, so the threads do run side by side.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeAlias

from engines.runtime import FlowEngine
from realtime.config import Config
from realtime.environment import give_way
from realtime.messages import AnyMessage, End, Frame, Gap
from realtime.nodes import PROCESSES, Ahead, Head, Node, ProcessSpec, Resume, Rings, ring_sizes, through
from realtime.ring import Ring

_QUEUE = 2
"""Messages waiting between two threads; the rings hold more images than are under way then (`ring_sizes`)."""

_WORDS = 256
"""Messages waiting for the last stage, which need no image any more: a sentence takes as long as some frames."""

GIVE_WAY = PROCESSES[:2]
"""Capture and alignment keep more threads busy than there are cores on a small machine, and the flow, which takes the
longest, waited a fifth of its time for one."""

_Item: TypeAlias = AnyMessage | Exception
_Work: TypeAlias = Callable[[AnyMessage | None], Iterator[AnyMessage]]


def run_chain(config: Config, engine: FlowEngine | None = None) -> Iterator[AnyMessage]:
    """Every message from alignment on, in order, up to and including `End`.

    Closing the iterator stops the threads.

    Args:
        config: settings.
        engine: to use instead of the configured one; the caller keeps it.

    Raises:
        SourceError, EngineError, NarratorError: a node cannot be made.
        RuntimeError: frames were skipped, which must not happen here.
        Exception: whatever a node raised.
    """
    frames, crops = (Ring.local(size.slots, size.slot_bytes) for size in ring_sizes(config))
    stages: list[Sequence[Node | Head]] = []
    rings = Rings(frames, crops, engine)
    try:
        # The threads that a library starts for a node have the priority of the one they are started from.
        with ThreadPoolExecutor(1, initializer=give_way) as aside:
            for spec in PROCESSES:
                make = partial(spec.make, config, rings, Resume())
                stages.append(aside.submit(make).result() if spec in GIVE_WAY else make())
        yield from run_stages(stages)
    finally:
        for stage in stages:
            for node in reversed(stage):
                node.close()


def run_stages(stages: Sequence[Sequence[Node | Head]]) -> Iterator[AnyMessage]:
    """The same for nodes made elsewhere, which the caller closes: those of the table's first processes, three or more.

    The last stage's work is done in the caller's thread; closing the iterator stops the others.

    Raises:
        RuntimeError: frames were skipped, which must not happen here.
        Exception: whatever a node raised.
    """
    capture, align, *others = (partial(_step, spec, nodes) for spec, nodes in zip(PROCESSES, stages, strict=False))
    *between, last = others
    # What can be done of the flow before it is wanted goes to the thread of the alignment: both take as long as the
    # rest of the flow, and one more thread would only take turns with these two.
    align = partial(_prepare, align, [node for node in stages[2] if isinstance(node, Ahead)])
    stop = threading.Event()
    threads: list[threading.Thread] = []
    source: queue.Queue[_Item] | None = None
    before = (capture, align, *between)
    for spec, work in zip(PROCESSES, before, strict=False):
        sink = queue.Queue[_Item](_WORDS if between and work is before[-1] else _QUEUE)
        args = work, source, sink, stop, spec in GIVE_WAY
        threads.append(threading.Thread(target=_pump, args=args, name=spec.name, daemon=True))
        source = sink
    assert source is not None
    try:
        for thread in threads:
            thread.start()
        while True:
            message = source.get()
            if isinstance(message, Exception):
                raise message
            for out in last(message):
                if isinstance(out, Gap) and out.frames:  # else the source itself has a hole
                    raise RuntimeError(f"frames {out.from_seq}–{out.to_seq} were lost in a lossless run: {out.cause}")
                yield out
                if isinstance(out, End):
                    return
    finally:
        stop.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()


def _step(spec: ProcessSpec, nodes: Sequence[Node | Head], message: AnyMessage | None) -> Iterator[AnyMessage]:
    """What a stage hands on: a message, as a session's hub would hear it, and what follows from it.

    Frames are told to nobody, and the end comes when the stage is done with it.
    """
    if message is not None and not isinstance(message, (Frame, End)):
        yield message
    if message is None or isinstance(message, spec.takes):
        for out in through(nodes, message):
            if out is not message or isinstance(out, End):
                yield out


def _prepare(work: _Work, nodes: Sequence[Ahead], message: AnyMessage | None) -> Iterator[AnyMessage]:
    """A stage's work, and what some nodes of the next can do ahead on what comes of it."""
    for out in work(message):
        for node in nodes:
            node.prepare(out)
        yield out


def _pump(
    work: _Work, source: "queue.Queue[_Item] | None", sink: "queue.Queue[_Item]", stop: threading.Event, gives_way: bool
) -> None:
    """A thread's work: from one queue into the next, until the end, an error, or `stop`."""
    if gives_way:
        give_way()
    ended = False
    while not ended and not stop.is_set():
        item = None if source is None else _get(source, stop)
        if isinstance(item, Exception):
            _put(sink, item, stop)
            return
        if source is not None and item is None:
            continue
        try:
            for out in work(item):
                _put(sink, out, stop)
                ended = ended or isinstance(out, End)
        except Exception as error:
            _put(sink, error, stop)
            return


def _get(source: "queue.Queue[_Item]", stop: threading.Event) -> "_Item | None":
    while not stop.is_set():
        with suppress(queue.Empty):
            return source.get(timeout=0.1)
    return None


def _put(sink: "queue.Queue[_Item]", item: _Item, stop: threading.Event) -> None:
    while not stop.is_set():
        with suppress(queue.Full):
            sink.put(item, timeout=0.1)
            return
