"""Some seconds of one face from any source, held in memory only."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import Floats, eye_centres, inter_ocular_distance
from engines.landmarks import FaceMesh
from realtime.capture import CaptureNode
from realtime.config import CaptureConfig
from realtime.messages import End, Frame, Gap
from realtime.ring import Ring
from realtime.source import SourceError
from realtime.sources import is_live, source_title

LOOK_S = 5.0
"""How long a face is waited for, s of the stream."""

SETTLE_S = 1.0
"""A camera that was just opened runs for so long before it is recorded: it finds its exposure."""

MOST_BYTES = 2**30
"""Pixels held at most."""

_LEFT, _UP, _DOWN = 2.5, 2.2, 2.9  # the window around the eyes, IOD: the face's crop and 0.8 IOD to move in

Progress = Callable[[float], None]
"""Called with the share done, 0 to 1."""


class NoRestError(Exception):
    """What the camera saw cannot be calibrated on; one line that says why and what to do."""


@dataclass(frozen=True)
class Recording:
    """Frames of one face.

    Attributes:
        frames: (h, w, 3) uint8 BGR, a window around the face that is the same for all.
        times_ns: of each, in the stream; they rise.
        width, height: of the whole frames, px.
    """

    frames: tuple[NDArray[np.uint8], ...]
    times_ns: tuple[int, ...]
    width: int
    height: int

    @property
    def seconds(self) -> float:
        """From the first frame to the last."""
        return (self.times_ns[-1] - self.times_ns[0]) / 1e9 if self.times_ns else 0.0


def record(config: CaptureConfig, seconds: float, progress: Progress) -> Recording:
    """Wait for a face and record it.

    Args:
        config: the source; a file is read as fast as it goes.
        seconds: to record; less if the source ends before.
        progress: told how far it is.

    Raises:
        SourceError: the source cannot be read or breaks off.
        NoRestError: no face, or more than one.
    """
    capture = dataclasses.replace(config, seconds=0.0, paced=False)
    settle_ns = round(SETTLE_S * 1e9) if is_live(config.source) else 0
    ring = Ring.local(2, config.max_side**2 * 3)
    node = CaptureNode(capture, ring)
    frames: list[NDArray[np.uint8]] = []
    times_ns: list[int] = []
    size, window = (0, 0), (slice(0), slice(0))
    try:
        with FaceMesh(max_faces=4, tracking=False) as mesh:
            for frame, image in _grabs(node, ring):
                if frame.t_media_ns < settle_ns:
                    continue
                if not frames:
                    faces = mesh.find(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8))
                    if len(faces) > 1:
                        raise NoRestError(
                            f"{len(faces)} faces in the picture: only the person to calibrate may be in it"
                        )
                    if not faces:
                        if frame.t_media_ns - settle_ns > LOOK_S * 1e9:
                            break
                        continue
                    size, window = (frame.width, frame.height), _window(faces[0], frame.width, frame.height)
                elif (frame.width, frame.height) != size:
                    raise SourceError(
                        f"{source_title(config.source)}: the frames changed their size while they were recorded"
                    )
                if times_ns and frame.t_media_ns <= times_ns[-1]:
                    continue
                # The frame that completes the time is still taken: n frames span n - 1 intervals.
                frames.append(image[window].copy())
                times_ns.append(frame.t_media_ns)
                reached_s = (times_ns[-1] - times_ns[0]) / 1e9
                progress(min(reached_s / seconds, 1.0))
                if reached_s >= seconds:
                    break
                if (len(frames) + 1) * frames[0].nbytes > MOST_BYTES:
                    raise NoRestError(f"{seconds:.0f} s of such large frames are more than can be held: ask for fewer "
                                      "or smaller ones (--seconds, --size, or max_side in [capture])")  # fmt: skip
    finally:
        node.close()
    if not frames:
        raise NoRestError("no face seen: sit in the middle of the picture, in light, and look at the camera")
    return Recording(tuple(frames), tuple(times_ns), *size)


def _grabs(node: CaptureNode, ring: Ring) -> Iterator[tuple[Frame, NDArray[np.uint8]]]:
    """The frames of a source until its end; a camera that goes away in between spoils the recording."""
    while True:
        for message in node.step(None):
            if isinstance(message, Gap):
                raise SourceError(message.cause.split(";")[0])
            if isinstance(message, End):
                if message.error:
                    raise SourceError(message.error)
                return
            if isinstance(message, Frame):
                image = ring.view(message.seq)
                if image is not None:
                    yield message, image


def _window(face: Floats, width: int, height: int) -> tuple[slice, slice]:
    """Rows and columns of a frame that a face may move in."""
    x, y = np.mean(eye_centres(face), axis=0)
    iod = inter_ocular_distance(face)
    x0, x1 = (round(min(max(edge, 0), width)) for edge in (x - _LEFT * iod, x + _LEFT * iod))
    y0, y1 = (round(min(max(edge, 0), height)) for edge in (y - _UP * iod, y + _DOWN * iod))
    return slice(y0, y1), slice(x0, x1)
