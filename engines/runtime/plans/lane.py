"""A plan that is ready to run: encoder, matcher and follower for one batch, recorded as CUDA graphs."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from engines.runtime.device import CapturedWork, Device, DeviceError
from engines.runtime.plans.library import Library
from engines.runtime.plans.stage import Copy, Stage, joined
from engines.runtime.plans.store import PARTS, PlanError

FEATURES = ("shade", "quarter", "coarse", "context", "solid", "half", "full")
"""The order in which features lie in memory: what the matcher reads of either crop lies together."""

_SIDES = "first", "second"
_ORDER = (*FEATURES, *(f"{side}_{name}" for side in _SIDES for name in FEATURES))


class Matching:
    """A matcher or a follower, and what lies in front of it and behind it.

    Attributes:
        stage: the caller's.
        guesses: page-locked, (batch, 64, 64, 2) px; a matcher has none.
        facial, head: the flows, alike.
        run: brings guesses to the GPU, finds the flows and brings them back, once it is waited for.
    """

    def __init__(self, device: Device, stage: Stage) -> None:
        """Take page-locked memory."""
        self._device, self.stage = device, stage
        arrays = {
            name: device.page_locked(stage.ports[name].shape, np.float32)
            for name in ("guess", "facial", "head") if name in stage.ports
        }  # fmt: skip
        self.guesses: Any = arrays.get("guess")
        self.facial, self.head = arrays["facial"], arrays["head"]
        if self.guesses is not None:
            self.guesses[:] = 0
        self.run: Any = self._run

    def given(self, slot: int, layout: "dict[str, int]") -> Iterator[list[Copy]]:
        """The copies that hand it features in a block of this layout: those of a first crop, those of a second."""
        for side in _SIDES:
            ports = {name: self.stage.ports.get(f"{side}_{name}") for name in FEATURES}
            yield joined(
                Copy(port.offset + slot * port.each, layout[name], port.each)
                for name, port in ports.items() if port is not None
            )  # fmt: skip

    def release(self) -> None:
        """Let go of the page-locked memory."""
        # Work that is not recorded is its own, and would keep it.
        self.run = self.guesses = self.facial = self.head = None  # type: ignore[assignment]

    def _run(self) -> None:
        if self.guesses is not None:
            self._device.upload(self.stage.address("guess"), self.guesses)
        self.stage.enqueue()
        for name, array in (("facial", self.facial), ("head", self.head)):
            self._device.download(array, self.stage.address(name))


class Lane:
    """What one plan holds.

    Attributes:
        encoder: of crops.
        matcher, follower: of pairs.
        crops: page-locked, (batch, 256, 256, 3), in front of the encoder.
        encode: brings crops to the GPU and encodes them.
    """

    def __init__(self, device: Device, library: Library, runtime: Any, parts: dict[str, bytes]) -> None:
        """Load a plan, run it once, and record it.

        Raises:
            PlanError: TensorRT does not take the plan, or it is none of this network.
            DeviceError: the GPU's memory is full, or it fails.
        """
        self._device = device
        self._stages: list[Stage] = []
        self._graphs: list[CapturedWork] = []
        self._matching: list[Matching] = []
        self.crops: Any = None
        self.encode: Any = None
        try:
            for part in PARTS:
                self._stages.append(Stage(device, library.module, runtime, parts[part], _ORDER, part))
            self.encoder, *others = self._stages
            self._check(*others)
            self.crops = device.page_locked(self.encoder.ports["crop"].shape, np.uint8)
            self.crops[:] = 0
            self.encode = self._recorded(self._encode)
            for stage in others:
                self._matching.append(Matching(device, stage))
                self._matching[-1].run = self._recorded(self._matching[-1].run)
            self.matcher, self.follower = self._matching
        except BaseException:
            self.close()
            raise

    @property
    def batch(self) -> int:
        """Crops, or pairs, at once."""
        return self.encoder.ports["crop"].shape[0]

    def saved(self, slot: int, layout: "dict[str, int]") -> list[Copy]:
        """Copies that take the features of one of the encoded crops to a block of this layout."""
        ports = self.encoder.ports
        return joined(
            Copy(layout[n], ports[n].offset + slot * ports[n].each, ports[n].each) for n in FEATURES if n in ports
        )

    def close(self) -> None:
        """Free all of it, graphs first."""
        for graph in self._graphs:
            graph.close()
        for matching in self._matching:
            matching.release()
        # Work that is not recorded is the lane's own, and would keep it and its page-locked arrays alive.
        self.encode = self.crops = None
        for stage in reversed(self._stages):
            stage.close()
        self._graphs, self._stages = [], []

    def _check(self, matcher: Stage, follower: Stage) -> None:
        given = {n: port for n, port in self.encoder.ports.items() if n not in self.encoder.takes}
        wanted = {stage: [(n.partition("_")[2], stage.ports[n]) for n in stage.takes - {"guess"}]
                  for stage in (matcher, follower)}  # fmt: skip
        fits = all(
            name in given and (given[name].shape, given[name].dtype) == (port.shape, port.dtype)
            for pairs in wanted.values() for name, port in pairs
        )  # fmt: skip
        guesses = [("guess" in stage.takes, {"facial", "head"} <= set(stage.ports)) for stage in wanted]
        if not fits or self.encoder.takes != {"crop"} or guesses != [(False, True), (True, True)]:
            raise PlanError("the plan's encoder, matcher and follower do not fit together")

    def _encode(self) -> None:
        self._device.upload(self.encoder.address("crop"), self.crops)
        self.encoder.enqueue()

    def _recorded(self, work: Callable[[], None]) -> Callable[[], None]:
        """The work as a CUDA graph; as it is, where it cannot be recorded."""
        work()  # what TensorRT allocates and compiles at the first run cannot be recorded
        self._device.wait()
        try:
            graph = self._device.capture(work)
        except DeviceError:
            return work
        self._graphs.append(graph)
        return graph
