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

SILENT = """
import sys
from engines.runtime import open_engine

open_engine("meflownet").close()
assert "openvino" in sys.modules
assert not [name for name in sys.modules if name.startswith("openvino_telemetry.")]
"""


def test_nobody_is_told_that_it_is_used() -> None:
    pytest.importorskip("openvino")
    done = subprocess.run([sys.executable, "-c", SILENT], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_there_is_one() -> None:
    pytest.importorskip("openvino")
    assert openvino_core() is openvino_core()


def test_a_process_that_opened_and_closed_engines_still_hears_signals() -> None:
    pytest.importorskip("openvino")
    done = subprocess.run([sys.executable, "-c", SIGNALLED], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
