import subprocess
import sys

import pytest

from engines.runtime.core import openvino_core

SIGNALLED = """
import gc, signal
from engines.runtime import open_engine

heard = []
signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
engines = [open_engine("meflownet"), open_engine("meflownet")]
while engines:
    engines.pop(0).close()
    gc.collect()
    signal.raise_signal(signal.SIGINT)
assert len(heard) == 2
"""


def test_there_is_one() -> None:
    pytest.importorskip("openvino")
    assert openvino_core() is openvino_core()


def test_a_process_that_opened_and_closed_engines_still_hears_signals() -> None:
    pytest.importorskip("openvino")
    done = subprocess.run([sys.executable, "-c", SIGNALLED], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
