"""What a benchmark ran on, for its page."""

import datetime
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

_PACKAGES = ("numpy", "opencv-contrib-python", "openvino", "mediapipe", "mellm-live")


def cpu() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def versions() -> str:
    """Python and the packages that matter."""
    return ", ".join([f"Python {platform.python_version()}", *_versions()])


def today() -> str:
    """The date, UTC."""
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()


def _versions() -> Iterator[str]:
    for package in _PACKAGES:
        try:
            yield f"{package} {metadata.version(package)}"
        except metadata.PackageNotFoundError:
            continue
