"""Smaller copies of a GGUF model, by llama.cpp.

llama.cpp works in a process of its own: it cannot be interrupted, and a fault in it ends the whole process.
"""

import ctypes
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from engines.mellm.answer import ModelError
from engines.mellm.gguf_model import check_file

FORMATS = {"Q8_0": 7, "Q4_K_M": 15}
"""Numbers of the formats in `llama_ftype` of llama.h."""

_ERROR = 4
"""`GGML_LOG_LEVEL_ERROR` of ggml.h."""

_WORK = "import sys; from engines.mellm.gguf.quantiser import work; work(*sys.argv[1:])"


class QuantiseError(RuntimeError):
    """A model that could not be quantised; one line that says why."""


def quantise(source: Path, target: Path, kind: str, progress: Callable[[int, int], None] | None = None) -> None:
    """Write a model with smaller weights, whole or not at all.

    Rows that are no multiple of 256 long do not fit Q4_K; llama.cpp takes the next larger format for them.

    Args:
        source: a GGUF file with f16 or f32 weights.
        target: the file to write, another one than the source.
        kind: one of `FORMATS`.
        progress: told the tensors that are done, and how many there are.

    Raises:
        QuantiseError: no such format, the source is no such model, or llama.cpp is missing or refuses.
    """
    if kind not in FORMATS:
        raise QuantiseError(f"no format {kind!r}; there are: {', '.join(FORMATS)}")
    if find_spec("llama_cpp") is None:
        raise QuantiseError("llama-cpp-python is not installed; `make narrator` builds it")
    try:
        check_file(source)
    except ModelError as error:
        raise QuantiseError(str(error)) from None
    if target.exists() and target.samefile(source):
        raise QuantiseError(f"{target}: the model itself; name another file to write")
    if not target.parent.is_dir():
        raise QuantiseError(f"{target.parent}: no such folder")
    draft = target.with_name(f".{target.name}.part")
    command = [sys.executable, "-c", _WORK, str(source), str(draft), str(FORMATS[kind])]
    where = {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    try:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", env=os.environ | where,
        ) as worker:  # fmt: skip
            try:
                said = _follow(worker, progress)
            finally:
                worker.kill()
        if worker.returncode != 0:
            reason = "; ".join(said[-3:]) or f"llama.cpp ended with status {worker.returncode}"
            raise QuantiseError(f"{source}: cannot be written as {kind} ({reason})")
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _follow(worker: "subprocess.Popen[str]", progress: Callable[[int, int], None] | None) -> list[str]:
    """Listen until the worker ends; returns what it said beside its progress."""
    said: list[str] = []
    assert worker.stdout is not None
    for line in worker.stdout:
        counted = re.fullmatch(r"(\d+)/(\d+)\n", line)
        if counted is None:
            said += [line.strip()] if line.strip() else []
        elif progress is not None:
            progress(int(counted[1]), int(counted[2]))
    worker.wait()
    return said


def work(source: str, target: str, kind: str) -> None:
    """In the worker: quantise, write "done/all" for every tensor and a line for every fault, and end the process."""
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    import llama_cpp

    @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
    def hear(level: int, text: bytes, _: ctypes.c_void_p) -> None:
        counted = re.match(rb"\[\s*(\d+)/\s*(\d+)\]", text)
        if counted:
            os.write(1, b"%s/%s\n" % counted.groups())
        elif level == _ERROR:
            os.write(1, re.sub(rb"^\w+: ", b"", text.strip()) + b"\n")

    llama_cpp.llama_log_set(hear, ctypes.c_void_p(0))
    settings = llama_cpp.llama_model_quantize_default_params()
    settings.ftype, settings.nthread = int(kind), os.cpu_count() or 1
    failed = llama_cpp.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(settings))
    # Not by way of the interpreter's end, where the library would log into a callback that is gone.
    os._exit(1 if failed else 0)
