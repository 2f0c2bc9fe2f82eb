"""MEFlowNet on an NVIDIA GPU by TensorRT: on a stream of its own, page-locked buffers, and a CUDA graph a step.

Who owns what:

- `Device` owns the context and the stream; a `Stage` its TensorRT engine, context, and the memory of its tensors.
- A `Lane`, one for each batch that a plan was built for, owns three stages, the page-locked arrays in front of and
  behind them, and the CUDA graphs that run from one to the other.
- `Features`, what `encode` returns, own a block of the GPU's memory. The caller may keep them; when they are let go the
  block returns to the engine, which uses it again. After `close` they are of no use, and hold nothing.
- What `flow` and `follow` return are plain arrays of the caller's own.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calib.face import Floats
from engines.runtime.device import Device
from engines.runtime.gpu import Gpu
from engines.runtime.interface import FlowFields, Guessed, check_crop
from engines.runtime.plans.builder import plan_spec
from engines.runtime.plans.graph import Precision
from engines.runtime.plans.lane import FEATURES, Lane, Matching
from engines.runtime.plans.library import Library, installed_libraries, open_library
from engines.runtime.plans.store import PlanError, PlanSpec, PlanStore
from engines.runtime.reference import Reference, allowed_px
from engines.runtime.weights import Weights

NAMES: dict[Precision, str] = {"fp32": "tensorrt-fp32", "fp16": "tensorrt", "int8": "tensorrt-int8"}


class Features:
    """An encoded crop in the GPU's memory."""

    def __init__(self, pool: "list[Any]", block: Any) -> None:
        """Made by `TensorRtEngine.encode`."""
        self._pool, self.block = pool, block

    def __del__(self) -> None:
        self._pool.append(self.block)


class TensorRtEngine:
    """The network from plans that `mellm engine build` made. A context manager; `close` gives all back."""

    def __init__(
        self, precision: Precision = "fp16", weights: Path | None = None, store: PlanStore | None = None,
        device: Device | None = None, library: Library | None = None,
    ) -> None:  # fmt: skip
        """Load the plans of every batch there is, and hold the engine against the reference answer.

        Args:
            precision: of the convolutions.
            weights: a folder of weights; by default the shipped ones.
            store: where plans lie; by default in the user's cache folder.
            device: to run on; from here on the engine's own.
            library: the TensorRT to run with; by default the first installed one that a plan was built with.

        Raises:
            NoGpuError: there is no NVIDIA GPU here.
            PlanError: no plan was built for this GPU, these weights and this TensorRT, it is damaged, or TensorRT does
                not take it; the message ends in the command that builds it.
            EngineError: TensorRT or pycuda is missing, the weights are missing or corrupt, the GPU fails, or what it
                answers is too far from what it should.
        """
        self.name = NAMES[precision]
        files = Weights(weights)
        self._closed = False
        self._runtime: Any = None
        self._device = device or Device()
        self._lanes: list[Lane] = []
        self._blocks: list[Any] = []
        self._owned: list[Any] = []
        try:
            store = store or PlanStore()
            library = library or _library(store, files, self._device.gpu, precision)
            library.serves(self._device.gpu)
            spec = plan_spec(files, library, self._device.gpu, precision, 1)
            with self._device.current():
                for batch in store.batches(spec) or [1]:
                    planned = dataclasses.replace(spec, batch=batch)
                    try:
                        self._lanes.append(self._lane(library, store, planned))
                    except PlanError as error:
                        raise PlanError(f"{error}; build it: {planned.remedy(weights)}") from error
            self._layout, self._size = self._features()
            Reference(files).check(self, allowed_px(precision))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "TensorRtEngine":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def batches(self) -> list[int]:
        """Batches that plans were built for."""
        return [lane.batch for lane in self._lanes]

    def encode(self, crop: NDArray[np.uint8]) -> Features:
        """The crop's features; see `FlowEngine.encode`."""
        return self.encode_many([crop])[0]

    def flow(self, first: Features, second: Features) -> FlowFields:
        """See `FlowEngine.flow`."""
        return self.flow_many([(first, second)])[0]

    def follow(self, first: Features, second: Features, guess: Floats) -> FlowFields:
        """See `FollowingEngine.follow`."""
        return self.follow_many([(first, second, guess)])[0]

    def encode_many(self, crops: Sequence[NDArray[np.uint8]]) -> list[Features]:
        """Several crops at once; see `BatchEngine.encode_many`."""
        for crop in crops:
            check_crop(crop)
        encoded: list[Features] = []
        with self._device.current():
            for lane, chunk in self._chunks(crops):
                self._device.wait()  # the crops before may still be on their way
                for slot, crop in enumerate(chunk):
                    lane.crops[slot] = crop
                lane.encode()
                for slot in range(len(chunk)):
                    block = self._block()
                    encoded.append(Features(self._blocks, block))
                    for copy in lane.saved(slot, self._layout):
                        self._device.copy(int(block) + copy.target, lane.encoder.start + copy.source, copy.size)
        return encoded

    def flow_many(self, pairs: Sequence[tuple[Features, Features]]) -> list[FlowFields]:
        """Several pairs at once; see `BatchEngine.flow_many`."""
        with self._device.current():
            return [f for lane, chunk in self._chunks(pairs) for f in self._measured(lane.matcher, chunk)]

    def follow_many(self, guessed: Sequence[Guessed]) -> list[FlowFields]:
        """Several pairs near to their guesses at once; see `BatchEngine.follow_many`."""
        with self._device.current():
            return [f for lane, chunk in self._chunks(guessed) for f in self._measured(lane.follower, chunk)]

    def close(self) -> None:
        """Give the GPU's memory, the stream and the context back."""
        if self._closed:
            return
        self._closed = True
        with self._device.current():
            while self._lanes:
                self._lanes.pop().close()
            for block in self._owned:
                self._device.free(block)
            self._blocks, self._owned = [], []
            self._runtime = None
        self._device.close()

    def _measured(self, matching: Matching, pairs: Sequence[tuple[Any, ...]]) -> list[FlowFields]:
        """What a matcher makes of pairs of features, or a follower of pairs and their guesses."""
        start = matching.stage.start
        for slot, (first, second, *guess) in enumerate(pairs):
            for given in guess:
                matching.guesses[slot] = given
            for features, copies in zip((first, second), matching.given(slot, self._layout), strict=True):
                for copy in copies:
                    self._device.copy(start + copy.target, int(features.block) + copy.source, copy.size)
        matching.run()
        self._device.wait()
        return [FlowFields(matching.facial[slot].copy(), matching.head[slot].copy()) for slot in range(len(pairs))]

    def _lane(self, library: Library, store: PlanStore, spec: PlanSpec) -> Lane:
        """What runs a plan. It is read first: without one it does not matter whether TensorRT starts here."""
        parts = store.load(spec)
        if self._runtime is None:
            self._runtime = library.runtime(self._device.gpu)
        return Lane(self._device, library, self._runtime, parts)

    def _block(self) -> Any:
        """A free block for features, one that was used before if there is one."""
        if not self._blocks:
            self._owned.append(self._device.memory(self._size))
            self._blocks.append(self._owned[-1])
        return self._blocks.pop()

    def _features(self) -> tuple[dict[str, int], int]:
        """Where features lie in a block, and how long it is: as in the smallest lane's encoder, for one crop."""
        ports = self._lanes[0].encoder.ports
        layout, end = {}, 0
        for name in (n for n in FEATURES if n in ports):
            layout[name] = end
            end += -(-ports[name].each // 256) * 256
        return layout, end

    def _chunks(self, items: Sequence[Any]) -> Iterator[tuple[Lane, Sequence[Any]]]:
        """Items in as few runs as can be: each with the smallest lane that takes what is left, or the largest."""
        done = 0
        while done < len(items):
            left = len(items) - done
            lane = next((lane for lane in self._lanes if lane.batch >= left), self._lanes[-1])
            yield lane, items[done : done + lane.batch]
            done += lane.batch


def _library(store: PlanStore, weights: Weights, gpu: Gpu, precision: Precision) -> Library:
    """The first TensorRT that a plan was built with; the first of all where there is no plan.

    Raises:
        EngineError: none is installed.
    """
    for library in installed_libraries():
        if store.batches(plan_spec(weights, library, gpu, precision, 1)):
            return library
    return open_library()
