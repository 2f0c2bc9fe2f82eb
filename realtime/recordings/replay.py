"""A recording played again: its messages as they came, or its video through the nodes of today."""

import dataclasses
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

import zmq

from realtime.bus import Publisher, Wiring, make_wiring, remove_wiring
from realtime.capture import CaptureNode
from realtime.chain import run_stages
from realtime.config import Config
from realtime.messages import Annotation, AnyMessage, Gap
from realtime.nodes import PROCESSES, Head, Node, Resume, Rings, ring_sizes
from realtime.recordings.filmed import FilmedSource
from realtime.recordings.sessions import Recording
from realtime.ring import Ring

_NAP_S = 0.05


class Replay:
    """A recording's messages, in the place of a live session: iterate over them; other programs can listen.

    A context manager.
    """

    def __init__(self, recording: Recording, speed: float = 1.0) -> None:
        """Prepare a replay.

        Args:
            recording: what to play.
            speed: so many times as fast as it happened; 0 as fast as it goes.
        """
        self._recording, self._speed = recording, speed
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._wiring = Wiring("")
        self._public: Publisher | None = None
        self._media_ns = 0

    def __enter__(self) -> "Replay":
        self._wiring = make_wiring()
        self._context = zmq.Context[zmq.Socket[bytes]]()
        self._public = Publisher(self._context, self._wiring)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._public is not None and self._context is not None:
            self._public.close()
            self._context.term()
        remove_wiring(self._wiring)

    @property
    def config(self) -> Config:
        """The settings of the session.

        Raises:
            RecordingError: they are not those of this version.
        """
        return self._recording.config

    @property
    def public_address(self) -> str:
        """See `Session.public_address`."""
        return self._wiring.public

    @property
    def events_address(self) -> str:
        """See `Session.events_address`."""
        return self._wiring.events

    def annotate(self, text: str, t_media_ns: int | None = None, until_ns: int = -1) -> Annotation:
        """Note something beside the recording, by default about the moment that is being played.

        Raises:
            ValueError: no text, or a time that cannot be.
            OSError: it cannot be written.
        """
        return self._recording.annotate(text, self._media_ns if t_media_ns is None else t_media_ns, until_ns)

    def __iter__(self) -> Iterator[AnyMessage]:
        """Every message at its time."""
        for message in paced(self._recording.messages(), self._speed):
            self._media_ns = max(self._media_ns, message.t_media_ns)
            if self._public is not None:
                self._public.publish(message)
            yield message


def paced(messages: Iterable[AnyMessage], speed: float) -> Iterator[AnyMessage]:
    """Messages one after another, each when its moment of the stream has come.

    That is also when they were captured, but for a video that was analysed as fast as it went.

    Args:
        messages: what is told.
        speed: so many times as fast as it happened; 0 without any pause.
    """
    began_s = time.monotonic()
    for message in messages:
        due_s = began_s + message.t_media_ns / 1e9 / speed if speed > 0 else 0.0
        while (left_s := due_s - time.monotonic()) > 0:
            time.sleep(min(left_s, _NAP_S))
        yield message


def through_nodes(recording: Recording, engine: str = "", narrator: str = "") -> Iterator[AnyMessage]:
    """What the nodes say today of a recording's video: of the frames that they looked at then, at the same times.

    Args:
        recording: with its video.
        engine: flow engine; by default the one that measured it then.
        narrator: by default the one of its settings.

    Raises:
        RecordingError: its settings are not of this version.
        SourceError: it has no video.
        EngineError, NarratorError: one of them cannot be had here.
    """
    skipped = {
        seq for gap in recording.messages(Gap) if isinstance(gap, Gap) for seq in range(gap.from_seq, gap.to_seq + 1)
    }
    with tempfile.TemporaryDirectory(prefix="mellm-replay-") as folder:
        config = _config(recording, engine, narrator, Path(folder))
        frames, crops = (Ring.local(size.slots, size.slot_bytes) for size in ring_sizes(config))
        source = FilmedSource(recording.path, skipped)
        stages: list[list[Node | Head]] = [[CaptureNode(config.capture, frames, source=source)]]
        try:
            for spec in PROCESSES[1:]:
                stages.append(list(spec.make(config, Rings(frames, crops), Resume())))
            yield from run_stages(stages)
        finally:
            for stage in stages:
                for node in stage:
                    node.close()


def _config(recording: Recording, engine: str, narrator: str, folder: Path) -> Config:
    """The recording's settings, to go through its frames as fast as they go."""
    config = recording.config
    calibration = ""
    if recording.calibration:
        file = folder / "calibration.toml"
        file.write_text(recording.calibration, encoding="utf-8")
        calibration = str(file)
    capture = dataclasses.replace(config.capture, source=str(recording.path), paced=False, seconds=0.0)
    flow = dataclasses.replace(config.flow, engine=engine or recording.info.counts.engine or config.flow.engine)
    spot = dataclasses.replace(config.spot, calibration=calibration)
    narrate = dataclasses.replace(config.narrate, narrator=narrator or config.narrate.narrator)
    return dataclasses.replace(config, capture=capture, flow=flow, spot=spot, narrate=narrate)
