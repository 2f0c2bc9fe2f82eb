"""What a benchmark ran on, for its page."""

import datetime
import os
import platform
import shlex
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


def size() -> str:
    """How many cores this process may use, memory, and the operating system."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    cores = len(os.sched_getaffinity(0))
    return f"{cores} core{'s' if cores > 1 else ''}, {pages / 1e9:.0f} GB, {platform.system()} {platform.release()}"


def load() -> str:
    """The load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def versions() -> str:
    """Python and the packages that matter."""
    return ", ".join([f"Python {platform.python_version()}", *_versions()])


def today() -> str:
    """The date, UTC."""
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()


def now() -> str:
    """Date and time, UTC."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def command(name: str, **options: object) -> str:
    """The command that gives a page again, in Markdown: files and folders by their names, wherever they lie.

    Args:
        name: of the benchmark.
        options: what it was told, by the options' names; those that are None or empty are left out.
    """
    words = [f"python -m bench {name}"]
    for option, value in options.items():
        if value is not None and value != "":
            values = value if isinstance(value, tuple) else (value,)
            words.append(f"--{option.replace('_', '-')}")
            words += [shlex.quote(v.resolve().name if isinstance(v, Path) else str(v)) for v in values]
    return f"`{' '.join(words)}`"


def _versions() -> Iterator[str]:
    for package in _PACKAGES:
        try:
            yield f"{package} {metadata.version(package)}"
        except metadata.PackageNotFoundError:
            continue
