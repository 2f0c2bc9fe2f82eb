"""The video beside a recording: WebM (VP8), which browsers play, each frame at its own time.

OpenCV's writer knows no times and its VP8 costs a core, so PyAV encodes; reading needs OpenCV only. The video's time 0
is its first frame; a millisecond is as fine as the format goes, so every frame's exact time stands in the messages.
"""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realtime.messages import Frame
from realtime.recordings.journal import Footage, RecordingError

_TICKS = Fraction(1, 1000)
_BITS_PER_PX = 0.6
_OPTIONS = {
    "deadline": "realtime", "cpu-used": "8", "crf": "8", "qmin": "4", "qmax": "40", "lag-in-frames": "0",
    "auto-alt-ref": "0",
}  # fmt: skip


def check_encoder() -> None:
    """Make sure that video can be encoded here.

    Raises:
        RecordingError: it cannot; how to mend it.
    """
    try:
        import av
    except ImportError as error:
        raise RecordingError("recording video needs PyAV: pip install av (or record without --record-video)") from error
    if "libvpx" not in av.codec.codecs_available:
        raise RecordingError("this PyAV cannot encode VP8 video: pip install --force-reinstall av")


class FootageWriter:
    """Writes a video frame by frame."""

    def __init__(self, path: Path) -> None:
        """Prepare a file; it is begun with the first frame, whose size all others have to have."""
        self._path = path
        self._container: Any = None
        self._stream: Any = None
        self._size = (0, 0)
        self._first_ns = 0
        self._last_ms = -1
        self._count = 0

    def write(self, frame: Frame, image: NDArray[np.uint8]) -> Footage | None:
        """Add a frame, (H, W, 3) uint8 BGR; None if its size changed in the middle of the stream.

        Raises:
            RecordingError, OSError: it cannot be encoded or written.
        """
        import av

        if self._container is None:
            self._begin(frame, image)
        if (frame.width, frame.height) != self._size:
            return None
        width, height = frame.width & ~1, frame.height & ~1  # colours are kept for every other pixel
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format="bgr24")
        self._last_ms = max(round((frame.t_media_ns - self._first_ns) / 1e6), self._last_ms + 1)
        picture.pts, picture.time_base = self._last_ms, _TICKS
        self._mux(self._stream.encode(picture))
        shot = Footage(
            seq=frame.seq, t_capture_ns=frame.t_capture_ns, t_media_ns=frame.t_media_ns, index=self._count,
            pts_ms=self._last_ms,
        )  # fmt: skip
        self._count += 1
        return shot

    @property
    def begun(self) -> bool:
        """Whether there has been a frame."""
        return self._count > 0

    def close(self) -> None:
        """Finish the file."""
        if self._container is None:
            return
        container, self._container = self._container, None
        try:
            for packet in self._stream.encode():
                container.mux(packet)
        finally:
            container.close()

    def _begin(self, frame: Frame, image: NDArray[np.uint8]) -> None:
        import av

        height, width = image.shape[:2]
        self._size, self._first_ns = (width, height), frame.t_media_ns
        # Short clusters, written at once: what was filmed survives a kill.
        self._container = av.open(str(self._path), "w", options={"cluster_time_limit": "1000", "flush_packets": "1"})
        self._stream = self._container.add_stream("libvpx", rate=30, options=_OPTIONS)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width & ~1, height & ~1, "yuv420p"
        context = self._stream.codec_context
        context.time_base, context.bit_rate = _TICKS, round(width * height * 30 * _BITS_PER_PX)
        context.thread_count, context.gop_size = 1, 60

    def _mux(self, packets: Any) -> None:
        for packet in packets:
            self._container.mux(packet)
