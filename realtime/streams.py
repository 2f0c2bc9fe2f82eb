"""Sources that run by themselves: webcams and network streams. They cannot wait, and may come back after a failure."""

import os
import re
import time
from pathlib import Path

import cv2
import numpy as np

from realtime.config import CaptureConfig
from realtime.source import Grab, SourceError, SourceLostError, check_size


class CameraSource:
    """A webcam by its number or device."""

    live = True
    frames = 0

    def __init__(self, config: CaptureConfig) -> None:
        """Open it with the asked size and rate.

        Raises:
            SourceError: no such camera, or it gives no picture.
        """
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(max(1, round(config.timeout_s))))
        name = config.source
        device = Path(f"/dev/video{name}" if name.isdigit() else name)
        if not device.exists():
            raise SourceError(f"no camera {name}: {device} does not exist (see: mellm doctor)")
        if not os.access(device, os.R_OK | os.W_OK):
            raise SourceError(
                f"camera {name}: no permission for {device}; join its group: sudo usermod -aG video $USER"
            )
        self._name = f"camera {name}"
        self._capture = cv2.VideoCapture(str(device), cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise SourceError(f"camera {name}: {device} cannot be opened; does another program use it?")
        self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, config.width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, config.height)
        self._capture.set(cv2.CAP_PROP_FPS, config.fps or 30.0)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS))

    def read(self) -> Grab | None:
        """See `Source.read`."""
        ok, image = self._capture.read()
        if not ok:
            raise SourceLostError(f"{self._name} gives no picture")
        check_size(image, self._name)
        return Grab(np.asarray(image, dtype=np.uint8), None)

    def seek(self, t_media_ns: int) -> None:
        """A camera runs by itself."""

    def close(self) -> None:
        """Give the camera back."""
        self._capture.release()


class StreamSource:
    """An rtsp:// or http:// (MJPEG) URL."""

    live = True
    frames = 0

    def __init__(self, config: CaptureConfig) -> None:
        """Connect.

        Raises:
            SourceError: refused, silent, not a video stream, or a file that does not come at its own speed.
        """
        self._place = place_of(config.source)
        wait_ms = round(config.timeout_s * 1000)
        began = time.monotonic()
        self._capture = cv2.VideoCapture(
            config.source,
            cv2.CAP_FFMPEG,
            [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, wait_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, wait_ms],
        )
        if not self._capture.isOpened():
            waited = time.monotonic() - began
            why = (
                f"no answer for {waited:.0f} s" if waited > 0.9 * config.timeout_s else "refused, or not a video stream"
            )
            raise SourceError(f"{self._place}: {why}")
        # What is over at some frame is no stream; but an RTSP server sends a file, too, as fast as it was taken.
        if self._capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0 and config.source.lower().startswith("http"):
            self._capture.release()
            raise SourceError(f"{self._place}: a file behind a URL, not a stream: download it, then give the file")
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS))

    def read(self) -> Grab | None:
        """See `Source.read`."""
        ok, image = self._capture.read()
        if not ok:
            raise SourceLostError(f"{self._place} stalled or hung up")
        check_size(image, self._place)
        return Grab(np.asarray(image, dtype=np.uint8), None)

    def seek(self, t_media_ns: int) -> None:
        """A stream runs by itself."""

    def close(self) -> None:
        """Hang up."""
        self._capture.release()


def place_of(url: str) -> str:
    """What may be shown and kept of a URL: it without user, password, query and fragment, in which keys may stand."""
    scheme, _, rest = url.partition("://")
    host = re.split("[/?#]", rest, maxsplit=1)[0]
    if "@" not in host and "@" in rest and re.search(r"^[^\[].*:(?!\d*$)", host):
        rest = rest.rpartition("@")[2]  # no port: a password in which one of these characters is not encoded
    place = re.split("[?#]", rest, maxsplit=1)[0].rstrip("/")
    host, slash, path = place.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
