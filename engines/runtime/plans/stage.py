"""A built graph that is ready to run: its engine, its context, and the GPU's memory that it reads and writes."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.runtime.device import Device, DeviceError
from engines.runtime.plans.store import PlanError

_ALIGNMENT = 256
"""Bytes; as the CUDA driver aligns what it allocates."""


@dataclass(frozen=True)
class Port:
    """A tensor that a stage takes or gives.

    Attributes:
        shape: with the batch first.
        dtype: of its numbers.
        offset: bytes from the beginning of the stage's memory.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int

    @property
    def each(self) -> int:
        """Bytes for one of the batch."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def size(self) -> int:
        """Bytes for the whole batch."""
        return self.shape[0] * self.each


@dataclass(frozen=True)
class Copy:
    """Bytes that are to be copied: from and to where, counted from the beginning of two blocks, and how many."""

    target: int
    source: int
    size: int


def joined(copies: Iterable[Copy]) -> list[Copy]:
    """The same copies in fewer pieces, where they lie side by side, or as far apart at both ends."""
    result: list[Copy] = []
    for copy in sorted(copies, key=lambda one: one.source):
        last = result[-1] if result else None
        if (
            last is not None
            and copy.source - last.source == copy.target - last.target
            and (copy.source - (last.source + last.size) < _ALIGNMENT)
        ):
            result[-1] = Copy(last.target, last.source, copy.source + copy.size - last.source)
        else:
            result.append(copy)
    return result


def laid_out(ports: Sequence[tuple[str, tuple[int, ...], Any]], start: int = 0) -> tuple[dict[str, Port], int]:
    """Give tensors (name, shape, dtype) their places one after the other; and where the last one ends."""
    placed: dict[str, Port] = {}
    for name, shape, dtype in ports:
        port = placed[name] = Port(shape, np.dtype(dtype), start)
        start += math.ceil(port.size / _ALIGNMENT) * _ALIGNMENT
    return placed, start


class Stage:
    """One of a plan's parts. It owns its engine, its context and its memory, one block for all its tensors."""

    def __init__(self, device: Device, trt: Any, runtime: Any, plan: bytes, order: Sequence[str], name: str) -> None:
        """Load a plan.

        Args:
            device: whose stream it runs on; the caller's, and to be closed after the stage.
            trt: the TensorRT module.
            runtime: a TensorRT runtime; the caller's, and to be let go after the stage.
            plan: the serialised engine.
            order: names of tensors in the order in which they shall lie; those that are not named come last.
            name: for messages.

        Raises:
            PlanError: TensorRT does not take the plan.
            DeviceError: the GPU's memory is full.
        """
        self._device = device
        self._context: Any = None
        self._memory: Any = None
        self._engine: Any = runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise PlanError(f"TensorRT does not take the plan's {name} (is the driver too old for it?)")
        names = [self._engine.get_tensor_name(index) for index in range(self._engine.num_io_tensors)]
        names.sort(key=lambda one: order.index(one) if one in order else len(order))
        self.ports, size = laid_out(
            [(n, tuple(self._engine.get_tensor_shape(n)), trt.nptype(self._engine.get_tensor_dtype(n))) for n in names]
        )
        self.takes = {n for n in names if self._engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT}
        try:
            self._context = self._engine.create_execution_context()
            if self._context is None:
                raise DeviceError(f"TensorRT cannot run the plan's {name}: is the GPU's memory full?")
            self._memory = device.memory(size)
        except BaseException:  # whoever handles it closes the device first
            self.close()
            raise
        for tensor, port in self.ports.items():
            self._context.set_tensor_address(tensor, self.start + port.offset)

    @property
    def start(self) -> int:
        """Address of its memory."""
        return int(self._memory)

    def address(self, name: str) -> int:
        """Where a tensor lies."""
        return self.start + self.ports[name].offset

    def enqueue(self) -> None:
        """Have it computed on the device's stream.

        Raises:
            PlanError: TensorRT refuses.
        """
        if not self._context.execute_async_v3(self._device.stream):
            raise PlanError("TensorRT refuses to run the plan")

    def close(self) -> None:
        """Free all of it, context first."""
        self._context = None
        self._engine = None
        if self._memory is not None:
            self._device.free(self._memory)
