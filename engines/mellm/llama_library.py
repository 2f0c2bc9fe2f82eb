"""llama-cpp-python, which is optional, and what its C library complains of."""

import importlib
from functools import cache
from pathlib import Path
from typing import Any

from engines.mellm.answer import ModelError


def llama_library(path: Path) -> Any:
    """The package llama_cpp, silent.

    Args:
        path: of the model it is wanted for.

    Raises:
        ModelError: it is not there, with the remedy.
    """
    try:
        library = importlib.import_module("llama_cpp")
    except Exception as error:
        missing = isinstance(error, ModuleNotFoundError)
        detail = "which is not installed: make narrator" if missing else f"which does not load ({error}): make narrator"
        raise ModelError(f"{path}: needs llama-cpp-python, {detail}") from error
    llama_log(library)
    library.llama_backend_init()
    return library


@cache
def has_amx() -> bool:
    """Whether this processor has Intel's matrix tiles: llama.cpp 0.3.36's kernels for them end the process.

    Seen with every model of 8-bit weights on a Xeon with AMX; without its rearranged weights llama.cpp runs the same
    models on AVX-512.
    """
    try:
        return " amx_int8" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


class LlamaLog:
    """The last complaints of llama.cpp, which writes them to the terminal if nobody takes them."""

    def __init__(self, library: Any) -> None:
        self._lines: list[str] = []
        self._callback = library.llama_log_callback(self._take)
        library.llama_log_set(self._callback, None)

    def _take(self, level: int, text: bytes, data: object) -> None:
        if level == 4 and len(self._lines) < 50:  # GGML_LOG_LEVEL_ERROR
            self._lines.append(text.decode("utf-8", "replace").strip())

    def clear(self) -> None:
        """Forget what was said."""
        self._lines.clear()

    def reason(self) -> str:
        """The first complaint, which is the nearest to the cause."""
        return self._lines[0].rpartition("error loading model: ")[2] if self._lines else "it does not say why"


@cache
def llama_log(library: Any) -> LlamaLog:
    """The one log that the C library has."""
    return LlamaLog(library)
