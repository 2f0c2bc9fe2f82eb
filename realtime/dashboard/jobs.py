"""What runs in an analysis's process: one video through the pipeline without loss, kept as a recording."""

import contextlib
import ctypes
import dataclasses
import os
import queue
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from multiprocessing.connection import Connection
from pathlib import Path

from realtime.config import Config
from realtime.messages import AnyMessage, Frame, Say
from realtime.nodes import Head

NICENESS = 5
"""On top of the page's own: a live session beside it goes first."""

_STEP_S = 0.2  # of the stream, between two reports
_PR_SET_PDEATHSIG = 1  # of prctl(2)


@dataclass(frozen=True)
class Reached:
    """How far an analysis is: s of the stream, and of how many (0 if that is not known)."""

    t_s: float
    length_s: float


@dataclass(frozen=True)
class Finished:
    """How it ended: the recording's name, what is in it and what is to be known of it, or why there is none."""

    name: str = ""
    error: str = ""
    micro: int = 0
    macro: int = 0
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()


class _CancelledError(Exception):
    """The analysis is not wanted any more."""


def main(video: Path, title: str, base: Path, config: Config, line: Connection) -> None:
    """Entry point of the process.

    Args:
        video: the file.
        title: its name for people.
        base: folder of recordings.
        config: settings.
        line: to the server: `Reached` as it goes, `Finished` at the end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Only noted: an exception raised out of a handler can be swallowed by native code that calls back.
    cancelled = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: cancelled.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # the server was started while it was held back
    # If the server dies while this is paused, it must wake up to find that out.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)
    os.nice(NICENESS)
    from engines.mellm import NarratorError
    from engines.runtime import EngineError
    from realtime.environment import one_thread, prepare
    from realtime.recordings.journal import RecordingError
    from realtime.source import SourceError

    prepare()
    try:
        with one_thread():
            ended = _analyse(video, title, base, config, line, cancelled.is_set)
    except _CancelledError:  # what was begun has been removed on the way here
        return
    except (SourceError, EngineError, NarratorError, RecordingError) as error:
        ended = Finished(error=str(error).replace(str(video), title).removeprefix(f"{title}: "))
    except OSError as error:
        ended = Finished(error=f"cannot be read or written: {error.strerror or error}")
    with contextlib.suppress(OSError):  # the server is gone
        line.send(ended)


def _analyse(
    video: Path, title: str, base: Path, config: Config, line: Connection, cancelled: Callable[[], bool]
) -> Finished:
    from realtime.messages import Motion
    from realtime.recordings.journal import RecordingError
    from realtime.recordings.record import Recorder
    from realtime.remarks import Remarks
    from realtime.source import SourceError
    from realtime.sources import assumed_rate, source_length_s

    capture = dataclasses.replace(config.capture, source=str(video), paced=False, seconds=0.0)
    config = dataclasses.replace(config, capture=capture)
    length_s = source_length_s(capture)
    end_s, seen = 0.0, False
    kept = dataclasses.replace(config, capture=dataclasses.replace(capture, source=title))
    recorder: Recorder | None = None
    remarks = Remarks()
    told_s = -1.0

    def watch(t_s: float) -> None:
        """With every frame, whether there is a face in it or not: end it if asked to, and tell how far it is."""
        nonlocal told_s
        if cancelled():
            raise _CancelledError
        if t_s - told_s >= _STEP_S:
            told_s = t_s
            line.send(Reached(t_s, length_s))

    try:
        rate = [_remark(f"{text} of mellm analyze") for text in assumed_rate(capture)]  # here it cannot be given
        for message in chain(rate, _messages(config, watch)):
            if cancelled():  # also when every frame has been read, and only words are still to come
                raise _CancelledError
            recorder = recorder or Recorder(base, kept)
            recorder.take(message)
            if recorder.problem:  # as of a full disk: nothing of what is still to come would be kept
                raise RecordingError(recorder.problem)
            remarks.take(message)
            seen = seen or isinstance(message, Motion)
            end_s = max(end_s, message.t_media_ns / 1e9)
        if recorder is None or not seen:
            raise SourceError(f"{title}: no face found in {end_s:.1f} s of video")
        recorder.close()
        if recorder.problem:
            raise RecordingError(recorder.problem)
    except BaseException:
        if recorder is not None:
            recorder.close()
            _discard(recorder.folder)
        raise
    counts = recorder.counts
    return Finished(recorder.folder.name, "", counts.micro, counts.macro, counts.duration_s, remarks.all)


def _remark(text: str) -> Say:
    """What is to be known of the whole video, as a message."""
    return Say(seq=-1, t_capture_ns=0, t_media_ns=0, spot_id=-1, text=text)


def _messages(config: Config, watch: Callable[[float], None]) -> Iterator[AnyMessage]:
    """Everything that the nodes say of a video, frames included; `watch` hears the time of each before, s."""
    from realtime.capture import CaptureNode
    from realtime.chain import run_stages
    from realtime.messages import End
    from realtime.nodes import PROCESSES, Node, Resume, Rings, ring_sizes
    from realtime.ring import Ring
    from realtime.source import SourceError

    frames, crops = (Ring.local(size.slots, size.slot_bytes) for size in ring_sizes(config))
    captured: queue.SimpleQueue[AnyMessage] = queue.SimpleQueue()
    stages: list[list[Node | Head]] = []
    try:
        stages.append([_Witness(CaptureNode(config.capture, frames), captured, watch)])
        for spec in PROCESSES[1:]:
            stages.append(list(spec.make(config, Rings(frames, crops), Resume())))
        for message in run_stages(stages):
            while not captured.empty():
                yield captured.get()
            if isinstance(message, End) and message.error:
                raise SourceError(message.error)
            yield message
    finally:
        for stage in stages:
            for node in stage:
                node.close()


class _Witness:
    """A capture node whose frames are also told to somebody beside the chain."""

    def __init__(self, node: Head, told: queue.SimpleQueue[AnyMessage], watch: Callable[[float], None]) -> None:
        self._node, self._told, self._watch = node, told, watch

    def idle(self) -> None:
        self._node.idle()

    def step(self, message: None) -> Iterator[AnyMessage]:
        for out in self._node.step(message):
            if isinstance(out, Frame):
                self._watch(out.t_media_ns / 1e9)
                self._told.put(out)
            yield out

    def close(self) -> None:
        self._node.close()


def _discard(folder: Path) -> None:
    """Remove an unfinished recording that this process made."""
    shutil.rmtree(folder, ignore_errors=True)
