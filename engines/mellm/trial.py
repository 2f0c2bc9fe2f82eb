"""A model tried in a process of its own: llama.cpp ends the whole process over some damaged files.

python -m engines.mellm.trial MODEL.gguf
"""

import os
import subprocess
import sys
from pathlib import Path

from engines.mellm.answer import ModelError, StreamError

_PATIENCE_S = 30.0


def survive(path: Path) -> None:
    """See whether a process survives a model; what else is wrong with it, whoever loads it will hear.

    Raises:
        ModelError: it does not.
    """
    command = [sys.executable, "-m", "engines.mellm.trial", str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "GGML_NO_BACKTRACE": "1"}
    try:
        done = subprocess.run(
            command, env=environment, timeout=_PATIENCE_S, check=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return  # slow is not dead
    if done.returncode < 0:
        raise ModelError(f"{path}: llama.cpp dies of it (signal {-done.returncode}); the file is damaged")


def main(path: Path) -> None:
    """Load a model and have it write a little."""
    from engines.mellm.gguf_model import GgufModel

    try:
        model = GgufModel(path, context=128)
        for count, _ in enumerate(model.stream("1", lambda: False)):
            if count >= 4:
                break
        model.close()
    except (ModelError, StreamError):
        sys.exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
