"""Takes frames out of the ring before they are overwritten, and makes JPEGs of those that are shown."""

from collections import OrderedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.halved import halved
from realtime.dashboard.moments import MOST
from realtime.messages import Frame
from realtime.ring import Ring


class Pictures:
    """Small copies of the last frames. Nothing is copied while nobody watches, and nothing is ever stored."""

    def __init__(self, ring: Ring, width: int, quality: int) -> None:
        """Look into a ring.

        Args:
            ring: where the frames lie.
            width: of the copies at most, px.
            quality: of the JPEGs, 1 to 100.
        """
        self._ring, self._width, self._quality = ring, width, quality
        self._kept: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()

    def keep(self, frame: Frame) -> None:
        """Copy a frame, unless it has been overwritten already or was while it was copied."""
        image = self._ring.view(frame.seq)
        if image is None:
            return
        small = halved(image, 2 * self._width)
        shrink = self._width / small.shape[1]
        if shrink < 1:
            copy = cv2.resize(small, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_LINEAR)
        else:
            copy = small.copy()
        if self._ring.holds(frame.seq):
            self._kept[frame.seq] = np.asarray(copy, dtype=np.uint8)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)

    def develop(self, seq: int) -> tuple[bytes, int, int] | None:
        """The JPEG of a frame that was kept, its width and height, px; older ones are let go. None if there is none."""
        image = self._kept.pop(seq, None)
        for older in [s for s in self._kept if s < seq]:
            del self._kept[older]
        if image is None:
            return None
        jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, self._quality])[1]
        return bytes(jpeg), image.shape[1], image.shape[0]

    def forget(self) -> None:
        """Let go of every copy: nobody watches any more."""
        self._kept.clear()
