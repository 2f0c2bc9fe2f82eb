"""What every source of frames does, and how it fails."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engines.landmarks import MIN_SIDE


class SourceError(Exception):
    """A source that cannot be read at all, or broke off; one line that says which, why, and what to do."""


class SourceLostError(Exception):
    """A camera or URL that stalled or hung up and may come back."""


@dataclass(frozen=True)
class Grab:
    """One frame: (H, W, 3) uint8 BGR, and its time in the stream, ns (None: take the time it arrived)."""

    image: NDArray[np.uint8]
    t_media_ns: int | None


class Source(Protocol):
    """An open source."""

    live: bool
    """Whether it runs by itself (camera, URL): it cannot wait, and it may come back after a failure."""
    fps: float
    """Nominal frames per second, 0 if unknown."""
    frames: int
    """How many frames it has, 0 if unknown or endless."""

    def read(self) -> Grab | None:
        """The next frame, or None at the end.

        Raises:
            SourceError: it broke off for good.
            SourceLostError: it stalled or hung up.
        """
        ...

    def seek(self, t_media_ns: int) -> None:
        """Go on from this time in the stream; nothing to do for what runs by itself."""
        ...

    def close(self) -> None:
        """Let go of the device or file."""
        ...


def check_size(image: NDArray[np.uint8], name: str) -> None:
    """Refuse frames that cannot hold a face.

    Raises:
        SourceError: a side is shorter than `MIN_SIDE`.
    """
    height, width = image.shape[:2]
    if min(width, height) < MIN_SIDE:
        raise SourceError(
            f"{name}: frames of {width}×{height} px are too small to hold a face ({MIN_SIDE} px at least)"
        )
