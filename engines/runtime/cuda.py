"""MEFlowNet on an NVIDIA GPU by torch, where TensorRT is missing: half-precision convolutions, a CUDA graph a step.

The engine owns the network, the tensors that the graphs read and write, and the graphs. What `encode` returns are the
caller's own copies in the GPU's memory; what `flow` returns, plain arrays.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, Floats
from engines.grid import CELLS
from engines.runtime.gpu import Gpu, find_gpu
from engines.runtime.interface import EngineError, FlowFields, Guessed, check_crop
from engines.runtime.reference import Reference, allowed_px
from engines.runtime.torch import load_follower, load_network

NAMES = {"fp16": "cuda", "bf16": "cuda-bf16"}

LARGEST = 64
"""Largest batch that is run at once."""


@dataclass(frozen=True)
class _Lane:
    """Tensors and work for one batch.

    Attributes:
        staging: crops in page-locked memory, (batch, 256, 256, 3).
        crops: the same in the GPU's. A graph keeps no tensor alive: what it reads and writes must be kept here.
        encoded: the encoded crops' features, a row of numbers each, (batch, numbers).
        first, second: features that the matcher reads, alike.
        guesses: in page-locked memory, (batch, 64, 64, 2).
        guessed: the same in the GPU's.
        flows: facial and head flow in page-locked memory, (batch, 2, 64, 64, 2).
        encode, match, follow: the work; graphs on a GPU.
    """

    staging: NDArray[np.uint8]
    crops: Any
    encoded: Any
    first: Any
    second: Any
    guesses: Floats
    guessed: Any
    flows: Floats
    encode: Callable[[], None]
    match: Callable[[], None]
    follow: Callable[[], None]


class CudaEngine:
    """The network as it was trained, but for its convolutions."""

    def __init__(
        self,
        precision: Literal["fp16", "bf16"] = "fp16",
        weights: Path | None = None,
        device: str = "cuda",
        *,
        fused: bool = False,
    ) -> None:
        """Load the weights and record the work for one pair, and for two crops at once.

        Args:
            precision: of the convolutions.
            weights: a folder of weights; by default the shipped ones.
            device: "cpu" runs the same without graphs: for tests.
            fused: whether torch writes kernels of its own for one pair at a time, each doing what several did: that
                takes it minutes when it is first asked to, and some seconds from then on. Larger batches, whose
                kernels have enough to do, stay as they are.

        Raises:
            NoGpuError: there is no NVIDIA GPU here.
            EngineError: torch is missing or has no CUDA, the weights are missing, corrupt or of another network, or
                what comes out is too far from the reference answer; torch cannot compute here, or write kernels.
        """
        self.name = f"{NAMES[precision]}-fused" if fused else NAMES[precision]
        self._fused = fused
        if device == "cuda":
            gpu = find_gpu()
            if _installed().endswith("+cpu"):  # seen without loading it, which takes a second and much memory
                raise _without_cuda(_installed(), gpu)
        net, files = load_network(weights)
        follower = load_follower(net, files)
        import torch

        from engines.meflownet.rounding import rounded

        if device == "cuda" and not torch.cuda.is_available():
            raise _without_cuda(torch.__version__, gpu)
        self._torch, self._device = torch, torch.device(device)
        self._lanes: dict[int, _Lane] = {}
        try:
            self._net, self._follower = (
                rounded(part, torch.float16 if precision == "fp16" else torch.bfloat16).to(self._device)
                for part in (net, follower)
            )
            self._stream = torch.cuda.Stream() if device == "cuda" else None
            reference = Reference(files)
            reference.check(self, allowed_px(precision))
            # The two frames of an event, or two faces, come together: what they need is recorded now, not live.
            self.encode_many(reference.crops)
        except RuntimeError as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            if fused and not isinstance(error, torch.cuda.OutOfMemoryError):
                raise EngineError(f"torch cannot write kernels here ({reason}): it needs Triton and a C compiler; "
                                  f"--engine {NAMES[precision]} does without") from None  # fmt: skip
            raise EngineError(f"torch {torch.__version__} cannot compute on {device} ({reason})") from None

    def __enter__(self) -> "CudaEngine":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def encode(self, crop: NDArray[np.uint8]) -> Any:
        """The crop's features; see `FlowEngine.encode`."""
        return self.encode_many([crop])[0]

    def flow(self, first: Any, second: Any) -> FlowFields:
        """See `FlowEngine.flow`."""
        return self.flow_many([(first, second)])[0]

    def follow(self, first: Any, second: Any, guess: Floats) -> FlowFields:
        """See `FollowingEngine.follow`."""
        return self.follow_many([(first, second, guess)])[0]

    def encode_many(self, crops: Sequence[NDArray[np.uint8]]) -> list[Any]:
        """Several crops at once; see `BatchEngine.encode_many`.

        Each crop's features are a row of its batch's tensor, whose memory stays as long as one of them is kept: 1.5 MB
        a crop, up to `LARGEST` of them.
        """
        for crop in crops:
            check_crop(crop)
        encoded: list[Any] = []
        with self._ours():
            for lane, chunk in self._chunks(crops):
                self._wait()  # the crops before may still be on their way
                for place, crop in zip(lane.staging, chunk, strict=False):
                    place[:] = crop
                lane.encode()
                # One copy for all: a copy a crop would keep the GPU waiting for its launches.
                encoded += lane.encoded[: len(chunk)].clone().unbind()
        return encoded

    def flow_many(self, pairs: Sequence[tuple[Any, Any]]) -> list[FlowFields]:
        """Several pairs at once; see `BatchEngine.flow_many`."""
        with self._ours():
            return [f for lane, chunk in self._chunks(pairs) for f in self._measured(lane, chunk, lane.match)]

    def follow_many(self, guessed: Sequence[Guessed]) -> list[FlowFields]:
        """Several pairs near to their guesses at once; see `BatchEngine.follow_many`."""
        with self._ours():
            return [f for lane, chunk in self._chunks(guessed) for f in self._measured(lane, chunk, lane.follow)]

    def close(self) -> None:
        """Release the graphs, the tensors and the network."""
        self._wait()
        self._lanes.clear()
        self._net = self._follower = None

    @contextmanager
    def _ours(self) -> Iterator[None]:
        """What is launched meanwhile goes to the engine's own stream."""
        with self._torch.inference_mode(), self._torch.cuda.stream(self._stream):
            yield

    def _measured(self, lane: _Lane, pairs: Sequence[tuple[Any, ...]], work: Callable[[], None]) -> list[FlowFields]:
        """What a lane's work makes of pairs of features, each with its guess if that is wanted."""
        firsts, seconds, *guesses = zip(*pairs, strict=True)
        for side, features in ((lane.first, firsts), (lane.second, seconds)):
            self._torch.stack(features, out=side[: len(pairs)])
        for given in guesses:
            lane.guesses[: len(pairs)] = given
        work()
        self._wait()
        return [FlowFields(*both.copy()) for both in lane.flows[: len(pairs)]]

    def _wait(self) -> None:
        if self._stream is not None:
            self._stream.synchronize()

    def _chunks(self, items: Sequence[Any]) -> Iterator[tuple[_Lane, Sequence[Any]]]:
        """Items in runs of at most `LARGEST`; batches are powers of two, so that few graphs are recorded."""
        for start in range(0, len(items), LARGEST):
            chunk = items[start : start + LARGEST]
            batch = 1 << (len(chunk) - 1).bit_length()
            if batch not in self._lanes:
                self._lanes[batch] = self._lane(batch)
            yield self._lanes[batch], chunk

    def _lane(self, batch: int) -> _Lane:
        """Tensors for a batch, and the work on them, recorded."""
        torch, pinned = self._torch, self._stream is not None
        staging = torch.zeros((batch, CROP, CROP, 3), dtype=torch.uint8, pin_memory=pinned)
        crops = torch.zeros_like(staging, device=self._device)
        guesses = torch.zeros((batch, CELLS, CELLS, 2), pin_memory=pinned)
        guessed = torch.zeros_like(guesses, device=self._device)
        flows = torch.zeros((batch, 2, CELLS, CELLS, 2), pin_memory=pinned)
        layout = self._net.encode(_pixels(crops))
        parts = self._net.encode, self._net.matcher, self._follower
        if self._fused and batch == 1:
            parts = tuple(torch.compile(part, fullgraph=True, dynamic=False) for part in parts)
        encoder, matcher, follower = parts
        encoded, first, second = (torch.zeros_like(_rows(torch, layout)) for _ in range(3))
        stored_first, stored_second = (_features(torch, rows, layout) for rows in (first, second))

        def encode() -> None:
            crops.copy_(staging, non_blocking=True)
            _rows(torch, encoder(_pixels(crops)), out=encoded)

        def give(found: Any) -> None:
            facial, head, _ = found
            flows.copy_(torch.stack([facial, head], dim=1).permute(0, 1, 3, 4, 2), non_blocking=True)

        def match() -> None:
            give(matcher(stored_first, stored_second))

        def follow() -> None:
            guessed.copy_(guesses, non_blocking=True)
            give(follower(stored_first, stored_second.shade, guessed.permute(0, 3, 1, 2)))

        return _Lane(
            staging.numpy(), crops, encoded, first, second, guesses.numpy(), guessed, flows.numpy(),
            *(self._recorded(work) for work in (encode, match, follow)),
        )  # fmt: skip

    def _recorded(self, work: Callable[[], None]) -> Callable[[], None]:
        """The work as a CUDA graph, after torch has chosen its kernels in three rounds; as it is on a CPU."""
        if self._stream is None:
            return work
        # What is not in half precision is exact.
        with self._torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
            for _ in range(3):
                work()
            self._wait()
            graph = self._torch.cuda.CUDAGraph()
            with self._torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                work()
        replay: Callable[[], None] = graph.replay
        return replay


def _pixels(crops: Any) -> Any:
    return crops.permute(0, 3, 1, 2).float()


def _rows(torch: Any, features: Any, out: Any = None) -> Any:
    """Features as a row of numbers a crop, (B, numbers)."""
    return torch.cat([feature.flatten(1) for feature in features], dim=1, out=out)


def _features(torch: Any, rows: Any, layout: Any) -> Any:
    """The features in such rows, (B, channels, n, n) each as in the layout: views."""
    parts = torch.split(rows, [feature[0].numel() for feature in layout], dim=1)
    return type(layout)(*(part.view(feature.shape) for part, feature in zip(parts, layout, strict=True)))


def _installed() -> str:
    """The version of the torch that is installed; empty if none is."""
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return ""


def _without_cuda(version: str, gpu: Gpu) -> EngineError:
    return EngineError(f"torch {version} cannot use {gpu}; install one with CUDA (see pytorch.org)")
