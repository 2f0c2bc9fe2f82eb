import ctypes
from typing import Any

import pytest

from engines.runtime import gpu
from engines.runtime.gpu import Gpu, NoGpuError, find_gpu


@pytest.mark.parametrize("library", ["libno-such-driver.so.1", "libc.so.6"])
def test_without_a_driver_it_says_so(library: str) -> None:
    with pytest.raises(NoGpuError, match=f"no NVIDIA driver on this machine .*{library}"):
        find_gpu(library)


class Driver:
    """The driver's library with one GPU, or with an error."""

    def __init__(self, error: int = 0) -> None:
        self.error = error

    def cuInit(self, flags: int) -> int:  # noqa: N802
        return self.error

    def cuDriverGetVersion(self, version: Any) -> int:  # noqa: N802
        version._obj.value = 13020
        return 0

    def cuDeviceGet(self, device: Any, index: int) -> int:  # noqa: N802
        return 0

    def cuDeviceGetName(self, name: Any, size: int, device: Any) -> int:  # noqa: N802
        name.value = b"NVIDIA Test 4090"
        return 0

    def cuDeviceGetAttribute(self, value: Any, which: int, device: Any) -> int:  # noqa: N802
        value._obj.value = {75: 8, 76: 9}[which]
        return 0


def test_a_gpu_is_told_by_name_capability_and_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver())
    found = find_gpu()
    assert found == Gpu("NVIDIA Test 4090", "8.9", "13.2")
    assert str(found) == "NVIDIA Test 4090 (compute capability 8.9)"


def test_a_driver_without_a_gpu_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver(error=100))
    with pytest.raises(NoGpuError, match=r"shows no GPU .*100"):
        find_gpu()


def test_a_lack_of_one_is_an_engines_error() -> None:
    from engines.runtime import EngineError

    assert issubclass(gpu.NoGpuError, EngineError)
