"""Pictures through the first nodes, without processes: what alignment and flow make of some frames."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from realtime.align import AlignNode
from realtime.config import AlignConfig, FlowConfig
from realtime.flow import FlowNode
from realtime.messages import AnyMessage, Face, Frame, Motion
from realtime.ring import Ring

Image = NDArray[np.uint8]


class Bench:
    """An alignment node with its rings, fed with images."""

    def __init__(self, config: AlignConfig | None = None, side: int = 1300) -> None:
        self.frames = Ring.local(4, side * side * 3)
        self.crops = Ring.local(32, 256 * 256 * 3)
        self.node = AlignNode(config or AlignConfig(), self.frames, self.crops)

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *error: object) -> None:
        self.node.close()

    def align(self, image: Image, t_s: float) -> list[AnyMessage]:
        """What alignment says of one image."""
        height, width = image.shape[:2]
        seq = self.frames.put(image)
        frame = Frame(seq=seq, t_capture_ns=0, t_media_ns=round(t_s * 1e9), width=width, height=height)
        return list(self.node.step(frame))

    def motions(self, images: Iterable[Image], fps: float = 30.0, flow: FlowNode | None = None) -> Iterator[Motion]:
        """The motions of a sequence of images."""
        node = flow or FlowNode(FlowConfig(), self.crops)
        for index, image in enumerate(images):
            for message in self.align(image, index / fps):
                yield from (m for m in node.step(message) if isinstance(m, Motion))


def faces(messages: Sequence[AnyMessage]) -> list[Face]:
    """The faces among some messages."""
    return [m for m in messages if isinstance(m, Face)]


def displacements(motions: Iterable[Motion]) -> NDArray[np.float64]:
    """(frames, 29, 2) IOD."""
    return np.array([np.stack([m.u_iod, m.v_iod], axis=-1) for m in motions])
