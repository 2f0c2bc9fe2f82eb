"""`mellm doctor`: what this machine has, what is missing, and the command that mends it."""

import ctypes
import os
import platform
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Literal

from calib.camera import camera_timing
from realtime.config import CaptureConfig, Config
from realtime.nodes import ring_sizes
from realtime.recap import counted

Verdict = Literal["ok", "missing", "note"]


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        subject: what was looked at.
        verdict: ok; missing (something will not work); note (worth knowing).
        detail: what was found.
        remedy: the command that mends it, or nothing.
    """

    subject: str
    verdict: Verdict
    detail: str
    remedy: str = ""


DEVICES = Path("/dev")
"""Where cameras are looked for."""

_PACKAGES = (
    "numpy",
    "opencv-contrib-python",
    "mediapipe",
    "pyzmq",
    "msgspec",
    "openvino",
    "pyarrow",
    "rich",
    "cyclopts",
)
_LIBRARIES = (
    ("libGL.so.1", "libgl1"),
    ("libglib-2.0.so.0", "libglib2.0-0"),
    ("libEGL.so.1", "libegl1"),
    ("libGLESv2.so.2", "libgles2"),
)


def examine() -> Iterator[Finding]:
    """Everything worth saying about this machine, in the order of the pipeline."""
    yield Finding(
        "Python",
        "ok",
        f"{platform.python_version()} on {platform.platform(terse=True)}, {counted(os.cpu_count() or 1, 'core')}",
    )
    yield from _libraries()
    yield from _packages()
    yield _shared_memory()
    yield from _cameras()
    yield from _models()
    yield from _engines()
    yield from _narrators()


def _libraries() -> Iterator[Finding]:
    for library, package in _LIBRARIES:
        try:
            ctypes.CDLL(library)
        except OSError:
            yield Finding(library, "missing", "system library not found", f"sudo apt-get install {package}")
    if shutil.which("cc") is None or shutil.which("make") is None:
        yield Finding("compiler", "note", "none found; only the language model's build needs it",
                      "sudo apt-get install build-essential")  # fmt: skip


def _packages() -> Iterator[Finding]:
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            yield Finding(name, "missing", "Python package not installed", "make install")
    yield Finding("packages", "ok", ", ".join(found))
    wheels = [d.name for d in metadata.distributions() if (d.name or "").lower().startswith("opencv-")]
    if len(set(wheels)) > 1:
        yield Finding("OpenCV", "missing", f"several wheels overwrite each other: {', '.join(sorted(set(wheels)))}",
                      "pip uninstall -y " + " ".join(sorted(set(wheels))) + " && make install")  # fmt: skip


def _shared_memory() -> Finding:
    try:
        free = shutil.disk_usage("/dev/shm").free
    except OSError:
        return Finding("shared memory", "missing", "/dev/shm is not there", "mount -t tmpfs tmpfs /dev/shm")
    small, large = _taken(640, 480), _taken(1920, 1080)
    detail = (
        f"{free / 2**20:.0f} MB free in /dev/shm (640×480 takes {small / 2**20:.0f} MB, "
        f"1920×1080 {large / 2**20:.0f} MB)"
    )
    if free < large:
        return Finding("shared memory", "note", detail, "docker run --shm-size=256m …")
    return Finding("shared memory", "ok", detail)


def _taken(width: int, height: int) -> int:
    """Bytes that a session takes of it at the default settings, once all slots of its rings were used."""
    frames, crops = ring_sizes(Config())
    return frames.slots * width * height * 3 + crops.slots * crops.slot_bytes


def _cameras() -> Iterator[Finding]:
    devices = sorted(DEVICES.glob("video*"))
    if not devices:
        yield Finding("cameras", "note", "none found (/dev/video*)", "mellm live phantom")
    for device in devices:
        yield _camera(device)


def _camera(device: Path) -> Finding:
    from realtime.source import SourceError, SourceLostError
    from realtime.streams import CameraSource

    times, frames = [], []
    try:
        camera = CameraSource(CaptureConfig(source=str(device)))
        try:
            for _ in range(45):
                grab = camera.read()
                if grab is not None:
                    times.append(time.monotonic_ns())
                    frames.append(grab.image)
        finally:
            camera.close()
        # A camera's first frames come late, while it finds its exposure.
        timing = camera_timing(times[15:], frames[15:])
    except (SourceError, SourceLostError, ValueError) as error:
        return Finding(str(device), "note", str(error))
    height, width = frames[0].shape[:2]
    detail = (
        f"{width}×{height} at {timing.fps:.1f} fps, jitter {timing.jitter_ms:.1f} ms, {timing.duplicates:.0%} repeated"
    )
    if timing.fps < 25:
        return Finding(str(device), "note", f"{detail}: slow for micro-expressions; more light lets it expose faster")
    return Finding(str(device), "ok", detail)


def _models() -> Iterator[Finding]:
    package = util.find_spec("mediapipe")
    folder = Path(package.origin).parent / "modules" / "face_landmark" if package and package.origin else Path()
    model = folder / "face_landmark_with_attention.tflite"
    if model.exists():
        yield Finding(
            "face mesh model", "ok", f"{model.name}, {model.stat().st_size / 2**20:.1f} MB, in mediapipe's wheel"
        )
    else:
        yield Finding("face mesh model", "missing", "mediapipe is installed without it", "make install")


def _engines() -> Iterator[Finding]:
    from engines.runtime import ENGINES, GPU, EngineError, NoGpuError
    from engines.runtime.gpu import find_gpu

    gpu = None
    try:
        gpu = find_gpu()
        yield Finding("NVIDIA GPU", "ok", f"{gpu}, driver for CUDA {gpu.driver}")
    except NoGpuError as error:
        yield Finding("NVIDIA GPU", "note", f"{error}; everything runs on the CPU")
    for name, opener in ENGINES.items():
        if gpu is None and name in GPU:
            continue
        try:
            opener(None).close()
            yield Finding(f"flow engine {name}", "ok", "works")
        except EngineError as error:
            yield Finding(f"flow engine {name}", "note", str(error))


def _narrators() -> Iterator[Finding]:
    from engines.mellm import NARRATORS, LanguageSettings, NarratorError, open_narrator
    from engines.mellm.registry import SHIPPED

    for name, opener in NARRATORS.items():
        if name == "mellm" and not SHIPPED.exists():
            yield Finding(f"narrator {name}", "note", f"{SHIPPED.name} is not there; auto takes the template")
            continue
        try:
            opener(LanguageSettings()).close()
            yield Finding(f"narrator {name}", "ok", "works")
        except NarratorError as error:
            yield Finding(f"narrator {name}", "note", f"{error}; auto takes the template")
    narrator = open_narrator("auto")
    narrator.close()
    yield Finding("narrators", "ok", f"auto takes {narrator.name}; gguf:PATH and http:URL take any other model")
    if util.find_spec("llama_cpp") is None:
        detail = "not built: models in files cannot speak; the template narrator and servers can"
        yield Finding("llama-cpp-python", "note", detail, "make narrator")
    else:
        yield Finding("llama-cpp-python", "ok", metadata.version("llama-cpp-python"))
