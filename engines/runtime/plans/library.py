"""The TensorRT that is installed: `tensorrt` 10 or 11, or `tensorrt_rtx`, and what differs between them.

TensorRT 11 and TensorRT for RTX know strongly typed networks only; 10 must be asked for one. TensorRT for RTX builds
for any compute capability it lists, without a GPU; TensorRT for the GPU at hand. TF32 is switched off in all: it would
round the flow itself.
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engines.runtime.gpu import Gpu
from engines.runtime.interface import EngineError

FLAVOURS = ("tensorrt", "tensorrt_rtx")
"""The packages, the better one first."""


@dataclass(frozen=True)
class Library:
    """An installed TensorRT.

    Attributes:
        flavour: the package's name.
        version: its version.
        module: the package.
    """

    flavour: str
    version: str
    module: Any

    @property
    def portable(self) -> bool:
        """Whether it builds for a compute capability rather than for the GPU at hand."""
        return self.flavour == "tensorrt_rtx"

    def capabilities(self) -> list[str]:
        """Compute capabilities that a portable one builds for, such as "8.6"."""
        names = [name[2:] for name in self.module.ComputeCapability.__members__ if name.startswith("SM")]
        return [f"{name[:-1]}.{name[-1]}" for name in names]

    def serves(self, gpu: Gpu) -> None:
        """Refuse a GPU that it cannot build for.

        Raises:
            EngineError: the GPU is none of those that TensorRT for RTX lists.
        """
        if self.portable and gpu.capability not in self.capabilities():
            raise EngineError(
                f"TensorRT for RTX {self.version} builds for compute capability {', '.join(self.capabilities())}, not "
                f"for {gpu}; install TensorRT (pip install tensorrt), or use --engine cuda"
            )

    def runtime(self, gpu: Gpu) -> Any:
        """What loads plans, on a GPU.

        Raises:
            EngineError: it does not start there, as with a driver that is too old for it.
        """
        try:
            return self.module.Runtime(self.module.Logger(self.module.Logger.ERROR))
        except (TypeError, RuntimeError) as error:  # pybind11 makes a TypeError of a null pointer
            raise EngineError(
                f"{self.flavour} {self.version} does not start on {gpu}: its driver knows CUDA {gpu.driver} and may be "
                f"too old for it ({error})"
            ) from error

    def network_flags(self) -> int:
        """Flags of a strongly typed network."""
        flag = getattr(self.module.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
        return 0 if flag is None else 1 << int(flag)

    def configure(self, config: Any, capability: str) -> None:
        """Set a builder's configuration up.

        Args:
            config: fresh from the builder.
            capability: to build for, where the library is portable.

        Raises:
            EngineError: it does not build for this capability.
        """
        trt = self.module
        if hasattr(trt.BuilderFlag, "TF32"):
            config.clear_flag(trt.BuilderFlag.TF32)
        if self.portable:
            config.num_compute_capabilities = 1
            wanted = getattr(trt.ComputeCapability, f"SM{capability.replace('.', '')}", None)
            if wanted is None or not config.set_compute_capability(wanted, 0):
                raise EngineError(f"TensorRT for RTX {self.version} does not build for {capability}")


def installed_libraries() -> Iterator[Library]:
    """Every TensorRT that can be loaded, the better one first, loaded as it is asked for."""
    for flavour in FLAVOURS:
        try:
            library = open_library(flavour)
        except EngineError:
            continue
        yield library


def open_library(flavour: str = "") -> Library:
    """The TensorRT that is installed.

    Args:
        flavour: one of `FLAVOURS`; by default the first that can be loaded.

    Raises:
        EngineError: none can be loaded; the message says what to install.
    """
    reasons = []
    for name in (flavour,) if flavour else FLAVOURS:
        try:
            module = importlib.import_module(name)
            return Library(name, str(module.__version__), module)
        except (ImportError, OSError, RuntimeError, AttributeError) as error:
            reasons.append(str(error).splitlines()[0] if str(error) else type(error).__name__)
    raise EngineError(f"TensorRT cannot be loaded ({'; '.join(reasons)}); install it: pip install tensorrt, or "
                      "pip install tensorrt-rtx for a GeForce or RTX GPU")  # fmt: skip
