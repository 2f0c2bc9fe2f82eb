"""A stack of uncompressed frames in one file: a source that costs next to nothing, at any frame rate."""

import math
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from realtime.source import Grab, SourceError, check_size


class StackSource:
    """An array (N, H, W, 3) uint8 BGR in a .npy file, played at a given rate: once, or back and forth without end.

    Frames are read as they are played, never mapped: the file stays the system's memory, not this process's.
    """

    live = False

    def __init__(self, path: Path, fps: float, loop_fps: float = 0.0) -> None:
        """Open a file.

        Args:
            path: of the file.
            fps: frames to give per second of the stream.
            loop_fps: rate at which the frames were taken, to play them back and forth; 0 plays each once.

        Raises:
            SourceError: not such an array, cut short, or its frames are too small.
        """
        self.fps = fps
        self._name, self._loop_fps = str(path), loop_fps
        self._file: BinaryIO = path.open("rb")
        try:
            self._shape = _read_shape(self._file, self._name)
        except BaseException:
            self._file.close()
            raise
        self._start = self._file.tell()
        self.frames = 0 if loop_fps else self._shape[0]
        self._bytes = math.prod(self._shape[1:])
        missing = self._start + self._bytes * self._shape[0] - path.stat().st_size
        if missing > 0:
            self._file.close()
            raise SourceError(f"{path}: cut short: its last {missing} bytes are missing")
        self._count = 0

    def read(self) -> Grab | None:
        """See `Source.read`."""
        index = self._index(self._count)
        if index >= self._shape[0]:
            return None
        image: NDArray[np.uint8] = np.empty(self._shape[1:], np.uint8)
        self._file.seek(self._start + index * self._bytes)
        if self._file.readinto(image.reshape(-1).data) != self._bytes:  # type: ignore[attr-defined]
            raise SourceError(f"{self._name}: became shorter while it was read")
        if self._count == 0:
            check_size(image, self._name)
        self._count += 1
        return Grab(image, round((self._count - 1) * 1e9 / self.fps))

    def seek(self, t_media_ns: int) -> None:
        """See `Source.seek`."""
        self._count = math.ceil(t_media_ns * self.fps / 1e9)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _index(self, count: int) -> int:
        """Which frame of the stack is played as number `count`."""
        if not self._loop_fps:
            return count
        last = self._shape[0] - 1
        period = max(2 * last, 1)
        place = round(count * self._loop_fps / self.fps) % period
        return min(place, period - place) if last else 0


def _read_shape(file: BinaryIO, name: str) -> tuple[int, ...]:
    """The shape of the array in a file, which is left at its first byte."""
    try:
        version = npy.read_magic(file)  # type: ignore[no-untyped-call]
        header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = header(file)  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise SourceError(f"{name}: not an array that numpy saved ({error})") from None
    if dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or fortran or not shape[0]:
        order = ", Fortran order" if fortran else ""
        raise SourceError(
            f"{name}: an array {shape} {dtype}{order}; a stack of frames is (frames, height, width, 3) uint8 BGR"
        )
    return tuple(int(n) for n in shape)
