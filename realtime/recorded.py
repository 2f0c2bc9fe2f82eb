"""Sources that wait for their reader: video files, folders of frames, photos, the phantom."""

import math
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.phantom import PhantomEvent, PhantomScript, PhantomVideo, demo_script, portrait
from calib.phantom.script import BLINK_S
from engines.quiet import quiet_stderr
from realtime.config import CaptureConfig
from realtime.source import Grab, SourceError, check_size

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")
PHANTOMS = ("phantom", "phantom-rest")
"""The built-in face as a source: performing, or at rest but for its head's sway and a blink every 3 to 5 s."""

_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_BOXES = (
    *_FIRST_BOXES, b"moof", b"mfra", b"sidx", b"ssix", b"styp", b"prft", b"emsg", b"pdin", b"meta", b"meco", b"udta",
    b"uuid", b"pnot", b"PICT",
)  # fmt: skip
"""What an MP4 or MOV file may begin with, and what may stand in its row of boxes (ISO/IEC 14496-12, QuickTime)."""

_FROM_ZERO = (b"\x1a\x45\xdf\xa3", b"\x30\x26\xb2\x75")
"""How Matroska (WebM) and ASF (WMV) files begin: their length counts from time 0, where no picture may be yet."""

PHANTOM_SECONDS = 3600.0
"""Length of an endless phantom's performance; then it begins anew."""


def read_photo(path: Path) -> NDArray[np.uint8]:
    """A photo as (H, W, 3) uint8 BGR: grey, RGBA and 16-bit are converted, EXIF rotation is applied.

    Raises:
        SourceError: missing, unreadable, not an image, or too small.
    """
    if not path.is_file():
        raise SourceError(f"{path}: no such image")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from error
    if data.startswith(b"\xff\xd8") and b"\xff\xd9" not in data[-65536:]:
        raise SourceError(f"{path}: the JPEG is cut short")
    try:
        with quiet_stderr():
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error as error:
        raise SourceError(f"{path}: too large to read ({error.err})") from error
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
        self._seconds = config.seconds or PHANTOM_SECONDS
        self._video = PhantomVideo(
            portrait(), phantom_script(config), config.width, config.height, iod_px=config.height * 100 / 480
        )
        self._count = 0

    def read(self) -> Grab | None:
        """See `Source.read`."""
        t_s = self._count / self.fps
        self._count += 1
        return Grab(self._video.frame(t_s % self._seconds), round(t_s * 1e9))

    def seek(self, t_media_ns: int) -> None:
        """See `Source.seek`."""
        self._count = math.ceil(t_media_ns * self.fps / 1e9)

    def close(self) -> None:
        """Nothing to release."""


def phantom_script(config: CaptureConfig) -> PhantomScript:
    """What the phantom performs under a configuration: known to whoever knows its seed."""
    seconds = config.seconds or PHANTOM_SECONDS
    if config.source == PHANTOMS[1]:
        pauses_s = np.random.default_rng(config.seed).uniform(3.0, 5.0, math.ceil(seconds / 3.0))
        blinks_s = np.cumsum(pauses_s)
        return PhantomScript((), tuple(blinks_s[blinks_s + BLINK_S <= seconds].tolist()), seed=config.seed)
    return demo_script(seconds, config.seed)


def phantom_events(config: CaptureConfig) -> Iterator[PhantomEvent]:
    """The expressions that the phantom performs under a configuration, in order; without end if that sets no length."""
    script = phantom_script(config)
    for turn in count():
        for event in script.events:
            yield event.later(turn * PHANTOM_SECONDS)
        if config.seconds or not script.events:
            return


class FileSource:
    """A video file, by its own timestamps (also when they are irregular)."""

    live = False

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            SourceError: empty, not a video, or without a picture that can be decoded.
        """
        self._name = str(path)
        if path.stat().st_size == 0:
            raise SourceError(f"{path}: the file is empty")
        missing = _missing_bytes(path)
        if missing:
            raise SourceError(f"{path}: cut short: its last {missing} bytes are missing")
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise SourceError(f"{path}: not a video that can be decoded (damaged, cut short, or another kind of file)")
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS)) or 30.0
        self._ahead = self._capture.grab()  # the first picture: with it comes when the file's times begin
        if not self._ahead:
            raise SourceError(f"{path}: no frame can be decoded (damaged, or cut short)")
        self._zero_ns = max(self._stamp_ns(), 0)
        before = self._capture.get(cv2.CAP_PROP_PTS) - self._stamp_ns() * self.fps / 1e9
        late = max(round(before), 0) if _counts_from_zero(path) else 0
        self.frames = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)) - late
        self._last_ns = -1

    def read(self) -> Grab | None:
        """See `Source.read`."""
        ok, image = self._capture.retrieve() if self._ahead else self._capture.read()
        self._ahead = False
        if not ok:
            return None
        if self._last_ns < 0:
            check_size(image, self._name)
        stamp_ns = self._stamp_ns() - self._zero_ns
        step_ns = round(1e9 / self.fps)
        # Containers without timestamps give the same one again and again; an edit list can begin below zero.
        if stamp_ns <= self._last_ns:
            stamp_ns = self._last_ns + step_ns if self._last_ns >= 0 else 0
        self._last_ns = stamp_ns
        return Grab(np.asarray(image, dtype=np.uint8), stamp_ns)

    def seek(self, t_media_ns: int) -> None:
        """See `Source.seek`."""
        self._capture.set(cv2.CAP_PROP_POS_MSEC, (t_media_ns + self._zero_ns) / 1e6)
        self._ahead = False
        self._last_ns = t_media_ns - 1  # wherever that has led to, the stream's time goes on

    def _stamp_ns(self) -> int:
        """When the last picture is to be shown, from the beginning of the file's own times."""
        return round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)

    def close(self) -> None:
        """Close the file."""
        self._capture.release()


def _by_number(path: Path) -> list[tuple[int, str]]:
    """A key that puts frame2 before frame10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name)]


def _counts_from_zero(path: Path) -> bool:
    """Whether a file tells how long it is from time 0 on, not from its first picture."""
    with path.open("rb") as file:
        return file.read(4) in _FROM_ZERO


def _missing_bytes(path: Path) -> int:
    """How many bytes a file lacks by its container's own account (MP4, MOV, AVI); 0 for others.

    An MP4 or MOV file is a row of boxes, each with its length in front; an AVI file is one such chunk. Cameras and
    taggers append what is no box: that is not asked for its length.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] == b"RIFF":
            return max(0, int.from_bytes(head[4:8], "little") + 8 - size)
        if head[4:8] not in _FIRST_BOXES:
            return 0
        place = 0
        while place < size:
            file.seek(place)
            box = file.read(16)
            if box[4:8] not in _BOXES:
                return 0
            length = int.from_bytes(box[:4], "big")
            if length == 1:
                length = int.from_bytes(box[8:16], "big")
            if length < 8:
                return 0  # 0: up to the end of the file
            place += length
    return place - size


class FolderSource:
    """A folder of frames in the order of their names, at a given rate."""

    live = False

    def __init__(self, path: Path, fps: float) -> None:
        """List the frames.

        Raises:
            SourceError: no images in it, or videos beside them; later, one of another size than those before.
        """
        self.fps = fps
        self._paths = sorted((p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES), key=_by_number)
        videos = sorted(p for p in path.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES and not p.is_dir())
        if self._paths and videos:
            raise SourceError(
                f"{path}: holds pictures ({self._paths[0].name}) and videos ({videos[0].name}); to analyse the videos, "
                f"give {path}/*{videos[0].suffix}; to take the pictures for frames, put them into a folder of their own"
            )
        if not self._paths:
            inside = sorted([*videos, *(p for p in path.iterdir() if p.is_dir())])
            if inside:
                raise SourceError(f"{path}: no images in this folder; to analyse {inside[0].name} in it, give {path}/*")
            raise SourceError(f"{path}: no images in this folder (looked for {', '.join(IMAGE_SUFFIXES)})")
        self.frames = len(self._paths)
        self._size: tuple[int, ...] = ()
        self._count = 0

    def read(self) -> Grab | None:
        """See `Source.read`."""
        if self._count == len(self._paths):
            return None
        path = self._paths[self._count]
        image = read_photo(path)
        self._size = self._size or image.shape
        if image.shape != self._size:
            (high, wide, _), (height, width, _) = self._size, image.shape
            raise SourceError(f"{path}: {width}×{height} px, but the frames before it are {wide}×{high}")
        self._count += 1
        return Grab(image, round((self._count - 1) * 1e9 / self.fps))

    def seek(self, t_media_ns: int) -> None:
        """See `Source.seek`."""
        self._count = min(math.ceil(t_media_ns * self.fps / 1e9), len(self._paths))

    def close(self) -> None:
        """Nothing to release."""
