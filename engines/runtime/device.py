"""One CUDA stream with its memory, by pycuda; and CUDA graphs, which pycuda lacks, by the driver's own functions."""

import ctypes
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

from engines.runtime.gpu import Gpu, find_gpu
from engines.runtime.interface import EngineError

_THREAD_LOCAL = 1
"""`CU_STREAM_CAPTURE_MODE_THREAD_LOCAL` in NVIDIA's cuda.h: what other threads do does not spoil a capture."""


class DeviceError(EngineError):
    """The GPU or its driver refuses something; the message is the driver's."""


class Device:
    """The first GPU's primary context, held, and a stream of its own.

    Memory that it gives out belongs to whoever asked, and must be freed before `close`. Calls may come from any thread,
    one at a time, within `current`.
    """

    def __init__(self) -> None:
        """Take hold of the GPU.

        Raises:
            NoGpuError: there is none.
            EngineError: pycuda is missing, or the GPU cannot be used.
        """
        self.gpu: Gpu = find_gpu()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it warns, and then raises
                import pycuda.driver as cuda
        except (ImportError, OSError) as error:
            raise EngineError(f"pycuda cannot be loaded ({error}); install it: pip install pycuda (it is compiled with "
                              "the CUDA toolkit's headers)") from None  # fmt: skip
        self._cuda = cuda
        try:
            cuda.init()
            self._context = cuda.Device(0).retain_primary_context()
        except cuda.Error as error:
            raise DeviceError(f"{self.gpu} cannot be used ({error})") from None
        with self.current():
            self._stream = cuda.Stream()
        self._driver = ctypes.CDLL("libcuda.so.1")

    @property
    def stream(self) -> int:
        """The stream's handle, as TensorRT takes it."""
        return int(self._stream.handle)

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make the GPU's context this thread's for a while.

        Raises:
            DeviceError: whatever pycuda refuses meanwhile, in the driver's words.
        """
        try:
            self._context.push()
            try:
                yield
            finally:
                self._cuda.Context.pop()
        except self._cuda.Error as error:
            raise DeviceError(f"{self.gpu}: {error}") from error

    def memory(self, size: int) -> Any:
        """Memory of the GPU, bytes; `int()` of it is its address.

        Raises:
            DeviceError: there is not so much left.
        """
        try:
            return self._cuda.mem_alloc(size)
        except self._cuda.Error as error:
            raise DeviceError(f"{self.gpu} has no {size / 2**20:.0f} MB left ({error})") from None

    def free(self, memory: Any) -> None:
        """Give memory back before its object is let go."""
        memory.free()

    def page_locked(self, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """An array whose pages stay where they are, so that the GPU copies from and to it by itself."""
        array: NDArray[Any] = self._cuda.pagelocked_empty(shape, dtype)
        return array

    def upload(self, target: int, source: NDArray[Any]) -> None:
        """Enqueue a copy from a page-locked array, which must not change until `wait`."""
        self._cuda.memcpy_htod_async(target, source, self._stream)

    def download(self, target: NDArray[Any], source: int) -> None:
        """Enqueue a copy to a page-locked array, which is there after `wait`."""
        self._cuda.memcpy_dtoh_async(target, source, self._stream)

    def copy(self, target: int, source: int, size: int) -> None:
        """Enqueue a copy within the GPU."""
        self._cuda.memcpy_dtod_async(target, source, size, self._stream)

    def wait(self) -> None:
        """Until all that was enqueued is done."""
        self._stream.synchronize()

    def capture(self, work: Callable[[], None]) -> "CapturedWork":
        """Record what `work` enqueues as one CUDA graph; nothing of it runs yet.

        Raises:
            DeviceError: something in it cannot be recorded, or is refused while it is.
        """
        stream, graph, launchable = ctypes.c_void_p(self.stream), ctypes.c_void_p(), ctypes.c_void_p()
        self._call("cuStreamBeginCapture_v2", stream, ctypes.c_int(_THREAD_LOCAL))
        try:
            try:
                work()
            finally:
                ended = self._driver.cuStreamEndCapture(stream, ctypes.byref(graph))
            if ended or not graph:
                raise DeviceError(f"CUDA error {ended}")
            self._call("cuGraphInstantiateWithFlags", ctypes.byref(launchable), graph, ctypes.c_ulonglong(0))
        except (EngineError, self._cuda.Error) as error:
            raise DeviceError(f"the work cannot be recorded as a CUDA graph ({error})") from error
        finally:
            if graph:
                self._driver.cuGraphDestroy(graph)
        return CapturedWork(self, launchable)

    def launch(self, graph: ctypes.c_void_p) -> None:
        """Enqueue a recorded graph."""
        self._call("cuGraphLaunch", graph, ctypes.c_void_p(self.stream))

    def release(self, graph: ctypes.c_void_p) -> None:
        """Free a recorded graph."""
        self._driver.cuGraphExecDestroy(graph)

    def _call(self, name: str, *arguments: Any) -> None:
        result = getattr(self._driver, name)(*arguments)
        if result:
            raise DeviceError(f"{name}: CUDA error {result}")

    def close(self) -> None:
        """Let go of the stream and the context, in whatever thread."""
        ours, now = int(self._context.handle), ctypes.c_void_p()
        self._context.push()
        del self._stream
        self._context.detach()  # in another thread than it was made in, pycuda does so only while it is current
        # pycuda takes a primary context that it let go of from its own stack, but leaves it current.
        if not self._driver.cuCtxGetCurrent(ctypes.byref(now)) and now.value == ours:
            self._driver.cuCtxPopCurrent_v2(ctypes.byref(now))


class CapturedWork:
    """A recorded CUDA graph. What it reads and writes must outlive it."""

    def __init__(self, device: Device, graph: ctypes.c_void_p) -> None:
        """Made by `Device.capture`."""
        self._device, self._graph = device, graph

    def __call__(self) -> None:
        """Enqueue all of it at once."""
        self._device.launch(self._graph)

    def close(self) -> None:
        """Free it."""
        self._device.release(self._graph)
