"""A recording played through the pipeline, as often as wanted, each time with something else in its frames."""

import dataclasses
from collections.abc import Callable, Generator, Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from calib.face import CROP
from engines.runtime import FlowEngine
from realtime.align import AlignNode
from realtime.chain import run_stages
from realtime.config import Config
from realtime.flow import FlowNode
from realtime.messages import AnyMessage, End, Frame
from realtime.recording import Recording
from realtime.ring import Ring
from realtime.spot import SpotNode

Change = Callable[[int, NDArray[np.uint8]], NDArray[np.uint8]]
"""(index of a frame, its pixels) → the pixels to play instead."""


class Replay:
    """The first node: plays a recording, each frame changed on the way. Takes nothing, gives `Frame`, then `End`."""

    def __init__(self, recording: Recording, ring: Ring, change: Change) -> None:
        """Begin at the first frame.

        Args:
            recording: what to play.
            ring: where the frames go.
            change: what to make of them.
        """
        self._recording, self._ring, self._change = recording, ring, change
        self._index = 0

    def idle(self) -> None:
        """Nothing to wait for."""

    def step(self, message: Literal[None]) -> Iterator[AnyMessage]:
        """The next frame, or the end."""
        times_ns = self._recording.times_ns
        if self._index == len(times_ns):
            yield End(seq=self._index, t_capture_ns=0, t_media_ns=times_ns[-1])
            return
        index, self._index = self._index, self._index + 1
        image = self._change(index, self._recording.frames[index])
        height, width = image.shape[:2]
        seq = self._ring.put(image)
        yield Frame(seq=seq, t_capture_ns=0, t_media_ns=times_ns[index], width=width, height=height)

    def close(self) -> None:
        """Nothing to release."""


def rehearse(
    recording: Recording, config: Config, engine: FlowEngine, spot: SpotNode, change: Change, faces: int = 1
) -> Generator[AnyMessage, None, None]:
    """Everything that alignment, flow and spotter say of a recording, without loss; `seq` counts its frames.

    Closing it stops its threads.

    Args:
        recording: what to play.
        config: settings of the pipeline.
        engine: measures the flow; the caller keeps it.
        spot: the spotter, fresh.
        change: made to each frame.
        faces: at most so many are followed.
    """
    frames = Ring.local(8, recording.frames[0].nbytes)
    crops = Ring.local(16 * faces, CROP * CROP * 3)
    align = AlignNode(dataclasses.replace(config.align, faces=faces), frames, crops)
    try:
        flow = FlowNode(config.flow, crops, engine)
        yield from run_stages([[Replay(recording, frames, change)], [align], [flow, spot]])
    finally:
        align.close()
