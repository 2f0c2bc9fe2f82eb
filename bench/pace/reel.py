"""Frames made before the clock starts: phantoms side by side, in one file that a source plays back and forth.

Rendering a phantom costs more than a camera does. Read from a file in memory, a frame costs the capture process one
copy, which `Reel.read_ms` says.
"""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from bench.complaint import BenchError
from calib.phantom import PhantomEvent, PhantomScript, PhantomVideo, portrait
from realtime.bus import own_prefix
from realtime.stack import StackSource

MOST_BYTES = 1 << 30
"""Largest reel, bytes."""

MOST_FPS = 60.0
"""Highest rate at which frames are taken; played faster, some come twice, which costs the pipeline the same."""

LENGTH_S = 4.0
"""Length of a reel, one way."""

_BEAT_S = 2.0
_UNITS = (("AU12",), ("AU4",), ("AU1", "AU2"), ("AU15",))
_SIZE_IOD = 0.03


@dataclass(frozen=True)
class Reel:
    """Frames in a file.

    Attributes:
        path: of the .npy file.
        width, height: of its frames, px.
        faces: in each.
        fps: rate at which they were taken.
        frames: how many there are.
        read_ms: median time that reading one takes, ms.
    """

    path: Path
    width: int
    height: int
    faces: int
    fps: float
    frames: int
    read_ms: float


def reel_length(width: int, height: int, fps: float, most_bytes: int = MOST_BYTES) -> tuple[float, int]:
    """Rate and number of frames of a reel: as many a second as asked for, up to `MOST_FPS` and as fit."""
    fitting = most_bytes // (width * height * 3)
    frames = max(min(round(LENGTH_S * min(fps, MOST_FPS)), fitting), 2)
    return frames / LENGTH_S, frames


def performance(face: int, seconds: float) -> PhantomScript:
    """What one of the phantoms does: a micro-expression every two seconds, a blink between; each face a bit later."""
    shift_s = 0.13 * face
    starts = np.arange(0.5 + shift_s, seconds - 0.5, _BEAT_S)
    events = tuple(
        PhantomEvent(t, t + 0.2, t + 0.45, tuple((code, _SIZE_IOD) for code in _UNITS[(k + face) % len(_UNITS)]))
        for k, t in enumerate(starts.tolist())
    )
    return PhantomScript(events, tuple((starts + 0.9).tolist()), seed=face)


def make_reel(
    folder: Path, width: int, height: int, faces: int, fps: float, progress: Callable[[float], None] = lambda _: None
) -> Reel:
    """Render a reel.

    Args:
        folder: where to.
        width, height: of its frames, px.
        faces: side by side.
        fps: rate at which frames are taken, if so many fit (`MOST_BYTES`).
        progress: hears the share that is done.

    Raises:
        BenchError: the faces would be too small to be found, or the disk is full.
    """
    rate, frames = reel_length(width, height, fps)
    part = width // faces
    iod_px = min(height * 100 / 480, part * 0.3)
    if iod_px < 0.07 * width or iod_px < 20:
        raise BenchError(f"{faces} faces in {width}×{height}: they would be too small to be found")
    plate, seconds = portrait(), frames / rate
    videos = [
        PhantomVideo(plate, performance(face, seconds), part + (width % faces if face == 0 else 0), height, iod_px)
        for face in range(faces)
    ]
    path = folder / f"{width}x{height}-{faces}.npy"
    try:
        with path.open("wb") as file:
            shape = (frames, height, width, 3)
            npy.write_array_header_1_0(  # type: ignore[no-untyped-call]
                file, {"descr": "|u1", "fortran_order": False, "shape": shape}
            )
            for k in range(frames):
                file.write(np.ascontiguousarray(np.hstack([video.frame(k / rate) for video in videos])).data)
                progress((k + 1) / frames)
    except OSError as error:
        raise BenchError(f"no room for {MOST_BYTES >> 20} MiB of frames in {folder}: {error.strerror}") from None
    return Reel(path, width, height, faces, rate, frames, _read_ms(path, frames))


def reel_folder() -> Path:
    """A fresh folder for reels, in memory where there is room; remove it afterwards.

    Its name says whose it is: should this process be killed, the next session clears it away, as it does its own kind
    (`realtime.bus.make_wiring`).
    """
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 3 * MOST_BYTES
    return Path(tempfile.mkdtemp(prefix=f"{own_prefix()}reels-", dir=shared if roomy else None))


def _read_ms(path: Path, frames: int) -> float:
    source = StackSource(path, 30.0)
    times = []
    for _ in range(min(frames, 100)):
        began = time.perf_counter()
        source.read()
        times.append(1000 * (time.perf_counter() - began))
    source.close()
    return round(statistics.median(times), 3)
