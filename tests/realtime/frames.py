"""Faces for the flow without alignment: scripts of what comes in each frame, and engines that watch who calls them."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, Floats
from calib.phantom import PhantomVideo
from engines.runtime import FlowFields
from engines.runtime.dis import DisEngine
from engines.runtime.interface import Guessed
from realtime.messages import AnyMessage, End, Face, Frame, Lost
from realtime.ring import Ring
from tests.realtime.faces import Bench, Image, faces

CROPS = CROP * CROP * 3

Kind = Literal["seen", "black", "turned", "overwritten", "bridged", "badly bridged", "dropped", "lost"]
"""What happens to a face in a frame: "turned" is out of its crop; bridged, its crop changes after this frame."""


@dataclass(frozen=True, repr=False)
class Take:
    """A phantom's frame as alignment saw it."""

    face: Face
    crop: Image


def takes(video: PhantomVideo, count: int) -> list[Take]:
    """The first frames of a movement."""
    with Bench() as bench:
        found = []
        for k in range(count):
            (face,) = faces(bench.align(video.frame(0.95 + k / 30), k / 30))
            crop = bench.crops.copy(face.crop)
            assert crop is not None
            found.append(Take(face, crop))
    return found


class Script:
    """A node that stands in for alignment: each `Frame` becomes the faces that are scripted for it."""

    def __init__(self, crops: Ring, takes: Sequence[Take], frames: Sequence[Sequence[Kind]]) -> None:
        """Frame by frame, what becomes of face 0, 1, …: each shows other takes than the one before."""
        self._crops, self._takes, self._frames = crops, takes, frames
        self._epochs = [0] * max(map(len, frames))

    def step(self, message: AnyMessage) -> Iterator[AnyMessage]:
        if not isinstance(message, Frame):
            yield message
            return
        kinds = self._frames[message.seq]
        for k, kind in enumerate(kinds):
            if kind == "lost":
                yield Lost(seq=message.seq, face_id=k, t_capture_ns=0, t_media_ns=message.t_media_ns, cause="scripted")
            elif kind != "dropped":
                yield self._face(message, k, kind, sum(later != "lost" for later in kinds[k + 1 :]))

    def _face(self, frame: Frame, k: int, kind: Kind, more: int) -> Face:
        take = self._takes[(frame.seq + 2 * k) % len(self._takes)]
        black = np.zeros_like(take.crop)
        ticket = self._crops.put(black if kind == "black" else take.crop)
        transform = np.reshape(take.face.transform, (2, 3)) + np.array(
            [[0, 0, 400 if kind == "turned" else 0], [0] * 3]
        )
        face = msgspec.structs.replace(
            take.face, seq=frame.seq, face_id=k, t_media_ns=frame.t_media_ns, epoch=self._epochs[k], more=more,
            crop=ticket + 1000 if kind == "overwritten" else ticket, transform=tuple(transform.ravel().tolist()),
        )  # fmt: skip
        if "bridged" not in kind:
            return face
        self._epochs[k] += 1
        shifted = np.roll(take.crop, 3, axis=1)
        moved = np.reshape(take.face.transform, (2, 3)) + np.array([[0, 0, 3], [0, 0, 0]])
        bridge = self._crops.put(black if kind == "badly bridged" else shifted)
        return msgspec.structs.replace(
            face, next_crop=bridge, next_epoch=self._epochs[k], next_transform=tuple(moved.ravel().tolist())
        )

    def close(self) -> None:
        """Nothing to release."""


class Ticks:
    """A head that gives so many frames, then the end."""

    def __init__(self, frames: int) -> None:
        self._seq, self._frames = 0, frames

    def idle(self) -> None:
        """Nothing to wait for."""

    def step(self, message: None) -> Iterator[AnyMessage]:
        seq, self._seq = self._seq, self._seq + 1
        at: dict[str, Any] = {"seq": seq, "t_capture_ns": 0, "t_media_ns": seq * 33_000_000}
        yield Frame(width=1, height=1, **at) if seq < self._frames else End(**at)

    def close(self) -> None:
        """Nothing to release."""


class Careful(DisEngine):
    """An engine that knows which threads have called it; it finds flow on the grid, whatever it is told of it."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[str] = set()
        self.calls: list[int] = []

    def encode(self, crop: NDArray[np.uint8]) -> Any:
        self.threads.add(threading.current_thread().name)
        return super().encode(crop)

    def flow(self, first: Any, second: Any) -> FlowFields:
        self.threads.add(threading.current_thread().name)
        return FlowFields(super().flow(first, second).found[2::4, 2::4], None)

    def follow(self, first: Any, second: Any, guess: Floats) -> FlowFields:
        return self.flow(first, second)


class Together(Careful):
    """One that takes several crops or pairs in one call, and no two calls at once."""

    def __init__(self) -> None:
        super().__init__()
        self._busy = threading.Lock()

    def encode(self, crop: NDArray[np.uint8]) -> Any:
        return self.encode_many([crop])[0]

    def flow(self, first: Any, second: Any) -> FlowFields:
        return self.flow_many([(first, second)])[0]

    def encode_many(self, crops: Sequence[NDArray[np.uint8]]) -> list[Any]:
        with self._alone():
            return [Careful.encode(self, crop) for crop in crops]

    def flow_many(self, pairs: Sequence[tuple[Any, Any]]) -> list[FlowFields]:
        self.calls.append(len(pairs))
        with self._alone():
            return [Careful.flow(self, *pair) for pair in pairs]

    def follow(self, first: Any, second: Any, guess: Floats) -> FlowFields:
        return self.follow_many([(first, second, guess)])[0]

    def follow_many(self, guessed: Sequence[Guessed]) -> list[FlowFields]:
        return self.flow_many([(first, second) for first, second, _ in guessed])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        assert self._busy.acquire(blocking=False), "called by two threads at once"
        try:
            yield
        finally:
            self._busy.release()
