"""Which source a name means: webcam, video file, folder or stack of frames, URL, or the phantom."""

import os
from pathlib import Path

from realtime.config import CaptureConfig
from realtime.recorded import IMAGE_SUFFIXES, PHANTOMS, FileSource, FolderSource, PhantomSource
from realtime.recordings.journal import JOURNAL
from realtime.source import Source, SourceError
from realtime.stack import StackSource
from realtime.streams import CameraSource, StreamSource, place_of

LIVE_SCHEMES = ("rtsp://", "rtsps://", "http://", "https://")

_ASSUMED_FPS = 30.0


def is_live(source: str) -> bool:
    """Whether a source is a camera or a URL rather than a file, folder or phantom."""
    device = source.startswith("/dev/") and not source.startswith("/dev/shm/")  # which holds files
    return source.isdigit() or device or source.lower().startswith(LIVE_SCHEMES)


def source_kind(source: str) -> str:
    """What kind of source a name means, without the name: webcam, stream, phantom, folder or file."""
    if source in PHANTOMS:
        return "phantom"
    if source.lower().startswith(LIVE_SCHEMES):
        return "stream"
    if is_live(source):
        return "webcam"
    return "folder" if os.path.isdir(source) else "file"  # where `Path` would fail over a name that is too long


def source_title(source: str) -> str:
    """A source as a person calls it: a file without its folders, a camera with its maker's name, a URL's place.

    A URL is told by its place (`realtime.streams.place_of`).
    """
    if source in PHANTOMS:
        return source
    if source.lower().startswith(LIVE_SCHEMES):
        return place_of(source)
    if is_live(source):
        number = source if source.isdigit() else source.removeprefix("/dev/video")
        try:
            maker = Path(f"/sys/class/video4linux/video{number}/name").read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            maker = ""
        return f"camera {number}" + (f" ({maker})" if maker else "")
    return Path(source).name or Path(source).resolve().name or source


def tells_no_time(source: str) -> bool:
    """Whether a source is mere frames, in a folder or a stack: how fast they were taken must be said."""
    path = Path(source)
    if source in PHANTOMS or is_live(source):
        return False
    return path.suffix == ".npy" or (os.path.isdir(path) and not (path / JOURNAL).is_file())


def assumed_rate(config: CaptureConfig) -> list[str]:
    """What is to be said of frames that tell no time if no rate was given: what is half a second depends on it."""
    if config.fps or not tells_no_time(config.source):
        return []
    return [f"{_ASSUMED_FPS:g} fps assumed; give the true rate with --fps"]


def open_source(config: CaptureConfig) -> Source:
    """Open the configured source.

    Raises:
        SourceError: it cannot be opened.
    """
    name = config.source
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise SourceError(f"{name!a}: the name is not UTF-8, which OpenCV needs; rename it") from error
    if name in PHANTOMS:
        return PhantomSource(config)
    if name.lower().startswith(LIVE_SCHEMES):
        return StreamSource(config)
    if is_live(name):
        return CameraSource(config)
    try:
        return _open_path(Path(name), config)
    except OSError as error:
        raise SourceError(f"{name}: {error.strerror or error}") from error


def source_length_s(config: CaptureConfig) -> float:
    """How long a recorded source is, s; 0 if it does not tell.

    Raises:
        SourceError: it cannot be opened.
    """
    source = open_source(config)
    try:
        return source.frames / source.fps if source.frames > 0 and source.fps > 0 else 0.0
    finally:
        source.close()


def _open_path(path: Path, config: CaptureConfig) -> Source:
    if not path.exists():
        raise SourceError(f"{config.source}: no such file or folder (a webcam is given by its number or /dev/video…)")
    if (path / JOURNAL).is_file():
        from realtime.recordings.filmed import FilmedSource

        return FilmedSource(path)
    if path.suffix == ".npy" and path.is_file():
        return StackSource(path, config.fps or _ASSUMED_FPS, config.loop_fps)
    if path.is_dir():
        return FolderSource(path, config.fps or _ASSUMED_FPS)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise SourceError(f"{path}: a picture, not a video; of a video's frames give their folder")
    return FileSource(path)
