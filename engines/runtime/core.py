"""OpenVINO's core, one a process."""

import functools
import sys
import threading
from typing import Any

from engines.runtime.interface import EngineError

_once = threading.Lock()


def openvino_core() -> Any:
    """The core that all of this process's graphs are compiled by.

    There is one, and it lives as long as the process. OpenVINO's CPU plugin (2026.4) gives the thread that makes a core
    an alternate stack for signals; when the core goes, in whatever order or thread, it sets back what it found then and
    frees its own. After two cores a thread's signals could so be put on memory that is gone, and the next Ctrl-C ended
    the process with a segmentation fault.

    Raises:
        EngineError: OpenVINO is missing.
    """
    # Imported, OpenVINO tells Google Analytics so, unless the package for that cannot be.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError as error:
        raise EngineError(f"OpenVINO cannot be loaded ({error}); install the package openvino") from None
    with _once:
        return _core(openvino)


@functools.cache
def _core(openvino: Any) -> Any:
    return openvino.Core()
