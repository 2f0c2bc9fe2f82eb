"""Which CPU engine was the fastest here, remembered: so that every run takes the same one and starts at once."""

import hashlib
import json
import os
import platform
from importlib import metadata
from pathlib import Path

from engines.runtime.weights import MANIFEST, Weights


def cache_folder() -> Path:
    """Where what was found out or built once is kept: `mellm-live` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "mellm-live"


def cache_file() -> Path:
    """Where choices are kept: `engines.json` in the cache folder."""
    return cache_folder() / "engines.json"


def machine_key(weights: Weights) -> str:
    """A digest of all that the choice depends on: the processor, the runtime and the weights."""
    parts = [platform.machine(), _openvino(), (weights.folder / MANIFEST).read_text(encoding="utf-8")]
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        parts += sorted({line for line in lines if line.startswith(("model name", "flags"))})
    except OSError:
        parts.append(platform.processor())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _openvino() -> str:
    try:
        return metadata.version("openvino")
    except metadata.PackageNotFoundError:
        return ""


def recall(key: str) -> str | None:
    """The engine chosen before; None if there is none, or the file cannot be read."""
    name = _all().get(key)
    return name if isinstance(name, str) else None


def remember(key: str, name: str) -> None:
    """Keep a choice; where nothing can be written it is made anew each time."""
    try:
        path = cache_file()
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps({**_all(), key: name}, indent=2) + "\n", encoding="utf-8")
        draft.replace(path)
    except (OSError, RuntimeError):  # also where there is no home
        return


def _all() -> dict[str, object]:
    try:
        content = json.loads(cache_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):
        return {}
    return content if isinstance(content, dict) else {}
