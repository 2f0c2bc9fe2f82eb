"""Where frames come from: webcam, video file, folder of frames, URL, or the phantom."""

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.phantom import PhantomScript, PhantomVideo, demo_script, portrait
from engines.landmarks import MIN_SIDE
from realtime.config import CaptureConfig

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
LIVE_SCHEMES = ("rtsp://", "rtsps://", "http://", "https://")
PHANTOM_SECONDS = 3600.0
"""Length of an endless phantom's performance; then it begins anew."""


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


def is_live(source: str) -> bool:
    """Whether a source is a camera or a URL rather than a file, folder or phantom."""
    return source.isdigit() or source.startswith(("/dev/", *LIVE_SCHEMES))


def open_source(config: CaptureConfig) -> Source:
    """Open the configured source.

    Raises:
        SourceError: it cannot be opened.
    """
    name = config.source
    if name == "phantom":
        return PhantomSource(config)
    if name.startswith(LIVE_SCHEMES):
        return StreamSource(config)
    if is_live(name):
        return CameraSource(config)
    path = Path(name)
    if not path.exists():
        raise SourceError(f"{name}: no such file or folder (a webcam is given by its number or /dev/video…)")
    return FolderSource(path, config.fps or 30.0) if path.is_dir() else FileSource(path)


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


def read_photo(path: Path) -> NDArray[np.uint8]:
    """A photo as (H, W, 3) uint8 BGR: grey, RGBA and 16-bit are converted, EXIF rotation is applied.

    Raises:
        SourceError: missing, not an image, or too small.
    """
    if not path.is_file():
        raise SourceError(f"{path}: no such image")
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f"{path}: not an image that OpenCV can read")
    photo = np.asarray(image, dtype=np.uint8)
    check_size(photo, str(path))
    return photo


class PhantomSource:
    """The built-in face performing `phantom_script`, by its own clock."""

    live = False
    frames = 0

    def __init__(self, config: CaptureConfig) -> None:
        self.fps = config.fps or 30.0
        self._video = PhantomVideo(
            portrait(), phantom_script(config), config.width, config.height, iod_px=config.height * 100 / 480
        )
        self._count = 0

    def read(self) -> Grab | None:
        """See `Source.read`."""
        t_s = self._count / self.fps
        self._count += 1
        return Grab(self._video.frame(t_s % PHANTOM_SECONDS), round(t_s * 1e9))

    def seek(self, t_media_ns: int) -> None:
        """See `Source.seek`."""
        self._count = math.ceil(t_media_ns * self.fps / 1e9)

    def close(self) -> None:
        """Nothing to release."""


def phantom_script(config: CaptureConfig) -> PhantomScript:
    """What the phantom performs under a configuration: known to whoever knows its seed."""
    return demo_script(config.seconds or PHANTOM_SECONDS, config.seed)


class FileSource:
    """A video file, by its own timestamps (also when they are irregular)."""

    live = False

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            SourceError: empty, or not a video.
        """
        self._name = str(path)
        if path.stat().st_size == 0:
            raise SourceError(f"{path}: the file is empty")
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise SourceError(f"{path}: not a video that can be decoded (damaged, cut short, or another kind of file)")
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS)) or 30.0
        self.frames = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._count = 0
        self._last_ns = -1

    def read(self) -> Grab | None:
        """See `Source.read`; a file that ends before nine tenths of its announced frames is damaged."""
        ok, image = self._capture.read()
        if not ok:
            if self._count == 0:
                raise SourceError(f"{self._name}: no frame can be decoded (damaged, or cut short)")
            if self._count < 0.9 * self.frames - 2:
                raise SourceError(
                    f"{self._name}: cut short or damaged: {self._count} of {self.frames} frames can be decoded"
                )
            return None
        if self._count == 0:
            check_size(image, self._name)
        stamp_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        step_ns = round(1e9 / self.fps)
        # Containers without timestamps give the same one again and again; an edit list can begin below zero.
        if stamp_ns <= self._last_ns:
            stamp_ns = max(self._last_ns + step_ns, 0) if self._count else 0
        self._last_ns = stamp_ns
        self._count += 1
        return Grab(np.asarray(image, dtype=np.uint8), stamp_ns)

    def seek(self, t_media_ns: int) -> None:
        """See `Source.seek`."""
        self._capture.set(cv2.CAP_PROP_POS_MSEC, t_media_ns / 1e6)
        self._count = int(self._capture.get(cv2.CAP_PROP_POS_FRAMES))

    def close(self) -> None:
        """Close the file."""
        self._capture.release()


class FolderSource:
    """A folder of frames in the order of their names, at a given rate."""

    live = False

    def __init__(self, path: Path, fps: float) -> None:
        """List the frames.

        Raises:
            SourceError: no images in it.
        """
        self.fps = fps
        self._paths = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
        if not self._paths:
            raise SourceError(f"{path}: no images in this folder (looked for {', '.join(IMAGE_SUFFIXES)})")
        self.frames = len(self._paths)
        self._count = 0

    def read(self) -> Grab | None:
        """See `Source.read`."""
        if self._count == len(self._paths):
            return None
        image = read_photo(self._paths[self._count])
        self._count += 1
        return Grab(image, round((self._count - 1) * 1e9 / self.fps))

    def seek(self, t_media_ns: int) -> None:
        """See `Source.seek`."""
        self._count = min(math.ceil(t_media_ns * self.fps / 1e9), len(self._paths))

    def close(self) -> None:
        """Nothing to release."""


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
            SourceError: refused, silent, or not a video stream.
        """
        self._url = config.source
        wait_ms = round(config.timeout_s * 1000)
        began = time.monotonic()
        self._capture = cv2.VideoCapture(
            self._url,
            cv2.CAP_FFMPEG,
            [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, wait_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, wait_ms],
        )
        if not self._capture.isOpened():
            waited = time.monotonic() - began
            why = (
                f"no answer for {waited:.0f} s" if waited > 0.9 * config.timeout_s else "refused, or not a video stream"
            )
            raise SourceError(f"{self._url}: {why}")
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS))

    def read(self) -> Grab | None:
        """See `Source.read`."""
        ok, image = self._capture.read()
        if not ok:
            raise SourceLostError(f"{self._url} stalled or hung up")
        check_size(image, self._url)
        return Grab(np.asarray(image, dtype=np.uint8), None)

    def seek(self, t_media_ns: int) -> None:
        """A stream runs by itself."""

    def close(self) -> None:
        """Hang up."""
        self._capture.release()
