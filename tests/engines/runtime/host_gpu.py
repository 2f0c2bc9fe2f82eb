"""A GPU that is none: its memory is the host's, plans are ONNX files, and nothing runs before it is waited for.

So whatever reads a result too early, overwrites what is still on its way, touches freed memory or works outside the
context is found out without a GPU.
"""

import ctypes
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from engines.runtime.core import openvino_core
from engines.runtime.device import DeviceError
from engines.runtime.gpu import Gpu
from engines.runtime.interface import EngineError
from engines.runtime.plans.library import Library

T = TypeVar("T")

GPU = Gpu("Test GPU", "8.6", "13.0")


class HostMemory:
    """A block; its bytes are no numbers until something is written."""

    def __init__(self, device: "HostDevice", size: int) -> None:
        self._device, self.size = device, size
        self._bytes = (ctypes.c_ubyte * (size + 256)).from_buffer(bytearray(b"\xff" * (size + 256)))
        device.live[int(self)] = size

    def __int__(self) -> int:
        return -(-ctypes.addressof(self._bytes) // 256) * 256  # as the driver aligns

    def free(self) -> None:
        del self._device.live[int(self)]


class HostDevice:
    """Stands in for `engines.runtime.device.Device`."""

    gpu = GPU

    def __init__(self, captures: bool = True) -> None:
        self.live: dict[int, int] = {}
        self.captures, self.closed, self.launches = captures, False, 0
        self._depth = 0
        self._queue: list[Callable[[], None]] = []
        self._record: list[Callable[[], None]] | None = None
        self._dependent: list[weakref.ref[Any]] = []

    stream = 7

    @contextmanager
    def current(self) -> Iterator[None]:
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def memory(self, size: int) -> HostMemory:
        assert self._depth
        return HostMemory(self, size)

    def free(self, memory: HostMemory) -> None:
        assert self._depth
        memory.free()

    def page_locked(self, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        assert self._depth
        return self.depends(np.full(shape, 77, dtype))

    def depends(self, thing: T) -> T:
        """What must be gone before the context."""
        self._dependent.append(weakref.ref(thing))
        return thing

    def enqueue(self, work: Callable[[], None]) -> None:
        assert self._depth
        assert not self.closed
        (self._queue if self._record is None else self._record).append(work)

    def upload(self, target: int, source: NDArray[Any]) -> None:
        self.enqueue(lambda: self._move(target, source.ctypes.data, source.nbytes, target))

    def download(self, target: NDArray[Any], source: int) -> None:
        self.enqueue(lambda: self._move(target.ctypes.data, source, target.nbytes, source))

    def copy(self, target: int, source: int, size: int) -> None:
        self.enqueue(lambda: self._move(target, source, size, target, source))

    def wait(self) -> None:
        queue, self._queue = self._queue, []
        for work in queue:
            work()

    def capture(self, work: Callable[[], None]) -> "Recorded":
        recorded = self._record = []
        try:
            work()
        except EngineError as error:
            raise DeviceError(f"the work cannot be recorded ({error})") from error
        finally:
            self._record = None
        return Recorded(self, recorded)

    @property
    def refuses(self) -> bool:
        """Whether TensorRT will not run now: it is recorded where it cannot be."""
        return self._record is not None and not self.captures

    def close(self) -> None:
        assert not self.live, "memory was not freed"
        self._queue = []
        assert not [thing for thing in self._dependent if thing() is not None], "something outlives the context"
        assert not self._depth
        self.closed = True

    def array(self, address: int, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """The memory at an address."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self._check(address, size)
        view = (ctypes.c_ubyte * size).from_address(address)
        array: NDArray[Any] = np.frombuffer(memoryview(view), dtype).reshape(shape)
        return array

    def _move(self, target: int, source: int, size: int, *own: int) -> None:
        for address in own:
            self._check(address, size)
        ctypes.memmove(target, source, size)

    def _check(self, address: int, size: int) -> None:
        assert any(start <= address and address + size <= start + length for start, length in self.live.items())


class Recorded:
    """A recorded graph."""

    def __init__(self, device: HostDevice, work: list[Callable[[], None]]) -> None:
        self._device, self._work = device, work

    def __call__(self) -> None:
        self._device.launches += 1
        for one in self._work:
            self._device.enqueue(one)

    def close(self) -> None:
        self._work = []


class _Context:
    def __init__(self, device: HostDevice, model: Any) -> None:
        self._device, self._model, self._request = device, model, model.create_infer_request()
        self._addresses: dict[str, int] = {}

    def set_tensor_address(self, name: str, address: int) -> bool:
        assert address % 256 == 0
        self._addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        assert stream == self._device.stream
        if self._device.refuses:
            return False
        self._device.enqueue(self._run)
        return True

    def _run(self) -> None:
        feed = {p.any_name: self._array(p) for p in self._model.inputs}
        self._request.infer(feed)
        for port in self._model.outputs:
            self._array(port)[:] = self._request.get_tensor(port.any_name).data

    def _array(self, port: Any) -> NDArray[Any]:
        return self._device.array(self._addresses[port.any_name], tuple(port.shape), port.element_type.to_dtype())


class _Engine:
    def __init__(self, device: HostDevice, model: Any) -> None:
        self._device, self._model = device, model
        self._ports = {port.any_name: port for port in (*model.outputs, *model.inputs)}
        self.num_io_tensors = len(self._ports)

    def get_tensor_name(self, index: int) -> str:
        return str(list(self._ports)[index])

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._ports[name].shape)

    def get_tensor_dtype(self, name: str) -> Any:
        return self._ports[name].element_type.to_dtype()

    def get_tensor_mode(self, name: str) -> str:
        return "in" if name in {port.any_name for port in self._model.inputs} else "out"

    def create_execution_context(self) -> _Context:
        return self._device.depends(_Context(self._device, self._model))


def library(device: HostDevice, flavour: str = "tensorrt", version: str = "10.9.0") -> Library:
    """A TensorRT that runs ONNX files, by OpenVINO, in the device's queue."""

    def deserialise(plan: bytes) -> _Engine | None:
        core = openvino_core()
        try:
            model = core.compile_model(core.read_model(plan), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        except RuntimeError:
            return None
        return device.depends(_Engine(device, model))

    logger = type("Logger", (), {"ERROR": 1, "__init__": lambda self, level: None})
    module = SimpleNamespace(
        Runtime=lambda log: SimpleNamespace(deserialize_cuda_engine=deserialise), Logger=logger,
        nptype=lambda kind: kind, TensorIOMode=SimpleNamespace(INPUT="in", OUTPUT="out"),
        ComputeCapability=SimpleNamespace(__members__={"NONE": 0, "CURRENT": 1, "SM75": 2, "SM86": 3, "SM120": 4}),
    )  # fmt: skip
    return Library(flavour, version, module)
