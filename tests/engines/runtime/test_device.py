import ctypes
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engines.runtime import device
from engines.runtime.device import Device, DeviceError
from engines.runtime.gpu import Gpu, NoGpuError
from engines.runtime.interface import EngineError
from engines.runtime.plans.store import PlanError


class CudaError(Exception):
    """pycuda's."""


class Driver:
    """The functions of the driver's library that graphs need; it writes down what it is asked for."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.failing: dict[str, int] = {}
        self.contexts: list[int] = []

    def ask(self, name: str) -> None:
        """What pycuda asks of the driver in its own words."""
        if name in self.failing:
            raise CudaError("an illegal address was used")

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> int:
            self.said.append(name)
            if name == "cuStreamEndCapture" and name not in self.failing:
                arguments[1]._obj.value = 0xAB
            if name == "cuGraphInstantiateWithFlags":
                arguments[0]._obj.value = 0xCD
            if name == "cuCtxGetCurrent":
                arguments[0]._obj.value = self.contexts[-1] if self.contexts else None
            if name == "cuCtxPopCurrent_v2":
                self.contexts.pop()
            return self.failing.get(name, 0)

        return call


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    """A machine with a GPU and pycuda, as far as `Device` looks."""
    made = Driver()

    class Context:
        handle = 0x12

        def __init__(self) -> None:
            self.thread = threading.get_ident()

        def push(self) -> None:
            made.ask("push")
            made.contexts.append(self.handle)

        @staticmethod
        def pop() -> None:
            made.contexts.pop()

        def detach(self) -> None:
            """As pycuda does it."""
            if self.handle not in made.contexts:
                if self.thread != threading.get_ident():
                    return
                made.contexts.append(self.handle)
            made.said.append("released")

    class Stream:
        handle = 0x77

        def synchronize(self) -> None:
            made.ask("synchronize")

    def mem_alloc(size: int) -> Any:
        if size > 1000:
            raise CudaError("out of memory")
        return SimpleNamespace(free=lambda: made.said.append("free"))

    def pagelocked_empty(shape: tuple[int, ...], dtype: Any) -> Any:
        made.ask("pagelocked_empty")
        return np.empty(shape, dtype)

    def copied(kind: str) -> Any:
        def copy(*arguments: Any) -> None:
            made.ask(kind)
            *places, stream = (one for one in arguments if not isinstance(one, np.ndarray))
            made.said.append(f"{kind} {' '.join(map(str, places))} {stream.handle:#x}")

        return copy

    pycuda = ModuleType("pycuda")
    pycuda.driver = SimpleNamespace(  # type: ignore[attr-defined]
        Error=CudaError, init=lambda: None, Context=Context, Stream=Stream, mem_alloc=mem_alloc,
        Device=lambda index: SimpleNamespace(retain_primary_context=Context),
        pagelocked_empty=pagelocked_empty, memcpy_htod_async=copied("up"), memcpy_dtoh_async=copied("down"),
        memcpy_dtod_async=copied("copy"),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "pycuda", pycuda)
    monkeypatch.setitem(sys.modules, "pycuda.driver", pycuda.driver)
    monkeypatch.setattr(device, "find_gpu", lambda: Gpu("Test GPU", "8.6"))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: made)
    return made


def test_all_copies_go_to_the_devices_own_stream(driver: Driver) -> None:
    opened = Device()
    assert opened.stream == 0x77
    array = opened.page_locked((2, 3), np.uint8)
    opened.upload(5, array)
    opened.copy(6, 7, 8)
    opened.download(array, 9)
    opened.wait()
    assert driver.said == ["up 5 0x77", "copy 6 7 8 0x77", "down 9 0x77"]


def test_work_is_recorded_once_and_launched_at_will(driver: Driver) -> None:
    opened = Device()
    graph = opened.capture(lambda: driver.said.append("work"))
    begun = ["cuStreamBeginCapture_v2", "work", "cuStreamEndCapture", "cuGraphInstantiateWithFlags", "cuGraphDestroy"]
    assert driver.said == begun
    graph()
    graph()
    graph.close()
    assert driver.said[len(begun) :] == ["cuGraphLaunch", "cuGraphLaunch", "cuGraphExecDestroy"]


@pytest.mark.parametrize("failing", ["cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags"])
def test_what_cannot_be_recorded_leaves_the_stream_as_it_was(driver: Driver, failing: str) -> None:
    opened = Device()
    driver.failing[failing] = 901
    with pytest.raises(DeviceError, match="CUDA error 901"):
        opened.capture(lambda: None)
    begun, ended = (driver.said.count(name) for name in ("cuStreamBeginCapture_v2", "cuStreamEndCapture"))
    assert (begun, ended) == (1, 0 if failing == "cuStreamBeginCapture_v2" else 1)
    assert driver.said.count("cuGraphDestroy") == (failing == "cuGraphInstantiateWithFlags")


@pytest.mark.parametrize("refusal", [DeviceError("no"), PlanError("no"), CudaError("no")])
def test_whoever_refuses_while_work_is_recorded_it_cannot_be(driver: Driver, refusal: Exception) -> None:
    """TensorRT says no in its own way, and pycuda in its."""
    opened = Device()

    def work() -> None:
        raise refusal

    with pytest.raises(DeviceError, match=r"cannot be recorded as a CUDA graph \(no\)"):
        opened.capture(work)
    assert driver.said == ["cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphDestroy"]


def test_full_memory_is_told_with_the_gpus_name(driver: Driver) -> None:
    opened = Device()
    memory = opened.memory(1000)
    opened.free(memory)
    assert driver.said == ["free"]
    with pytest.raises(DeviceError, match=r"Test GPU .*has no 2 MB left \(out of memory\)"):
        opened.memory(2 << 20)


@pytest.mark.parametrize("failing", ["push", "pagelocked_empty", "up", "down", "copy", "synchronize"])
def test_whatever_pycuda_refuses_is_an_engines_error_with_the_gpus_name(driver: Driver, failing: str) -> None:
    """So that "auto" takes another engine."""
    opened = Device()
    with opened.current():
        array = opened.page_locked((2, 3), np.uint8)
    driver.failing[failing] = 700
    with pytest.raises(DeviceError, match=r"Test GPU .*illegal address"), opened.current():
        opened.page_locked((2, 3), np.uint8)
        opened.upload(5, array)
        opened.copy(6, 7, 8)
        opened.download(array, 9)
        opened.wait()
    assert driver.contexts == []


def test_the_context_is_current_only_while_it_is_used(driver: Driver) -> None:
    opened = Device()
    assert driver.contexts == []
    with pytest.raises(ValueError, match="something"), opened.current():
        assert driver.contexts == [0x12]
        raise ValueError("something")
    assert driver.contexts == []
    opened.close()
    assert driver.contexts == []


def test_it_can_be_closed_in_another_thread_than_it_was_opened_in(driver: Driver) -> None:
    with ThreadPoolExecutor(1) as other:
        other.submit(Device().close).result()
    assert driver.said.count("released") == 1
    assert driver.contexts == []


def test_without_pycuda_it_says_what_to_install(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycuda", None)
    with pytest.raises(EngineError, match=r"pycuda cannot be loaded .*pip install pycuda"):
        Device()


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Gpu:
        raise NoGpuError("no NVIDIA driver on this machine")

    monkeypatch.setattr(device, "find_gpu", none)
    with pytest.raises(NoGpuError):
        Device()
