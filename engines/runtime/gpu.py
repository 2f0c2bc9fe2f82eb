"""The NVIDIA GPU of this machine, asked of the driver itself: no package is needed to say that there is none."""

import ctypes
from dataclasses import dataclass

from engines.runtime.interface import EngineError

_DRIVER = "libcuda.so.1"
_MAJOR, _MINOR = 75, 76
"""`CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR` and `_MINOR` of `CUdevice_attribute` in NVIDIA's cuda.h."""


class NoGpuError(EngineError):
    """There is no NVIDIA GPU here, or no driver for it: installing more packages would not help."""


@dataclass(frozen=True)
class Gpu:
    """A GPU.

    Attributes:
        name: as its maker calls it.
        capability: compute capability, such as "8.9".
        driver: newest CUDA version that the driver knows, such as "13.0".
    """

    name: str
    capability: str
    driver: str = ""

    def __str__(self) -> str:
        return f"{self.name or 'a GPU'} (compute capability {self.capability})"


def find_gpu(library: str = _DRIVER) -> Gpu:
    """The first GPU that the driver shows (`CUDA_VISIBLE_DEVICES` counts).

    Args:
        library: the driver's library.

    Raises:
        NoGpuError: no driver, or it shows no GPU.
    """
    try:
        cuda = ctypes.CDLL(library)
        begin, version, get = cuda.cuInit, cuda.cuDriverGetVersion, cuda.cuDeviceGet
        name_of, attribute = cuda.cuDeviceGetName, cuda.cuDeviceGetAttribute
    except (OSError, AttributeError):
        raise NoGpuError(f"no NVIDIA driver on this machine ({library} cannot be loaded)") from None
    device, number, major, minor = (ctypes.c_int() for _ in range(4))
    name = ctypes.create_string_buffer(256)
    for result in (
        begin(0), version(ctypes.byref(number)), get(ctypes.byref(device), 0), name_of(name, len(name), device),
        attribute(ctypes.byref(major), _MAJOR, device), attribute(ctypes.byref(minor), _MINOR, device),
    ):  # fmt: skip
        if result:
            raise NoGpuError(f"the NVIDIA driver shows no GPU (CUDA error {result})")
    return Gpu(
        name.value.decode(errors="replace"), f"{major.value}.{minor.value}",
        f"{number.value // 1000}.{number.value % 1000 // 10}",
    )  # fmt: skip
