"""What every flow engine does: encode a crop once, then measure the flow between two encoded crops."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, Floats
from engines.grid import CELLS, at_every_pixel


class EngineError(Exception):
    """An engine cannot be had on this machine; the message says why and what to do."""


class WeightsError(EngineError):
    """A file of weights is missing, corrupt, or of another network; no other engine may silently take its place."""


class CropError(ValueError):
    """A crop from which no flow can be measured; the message says what is wrong with it."""


@dataclass(frozen=True)
class FlowFields:
    """Flow between two crops on the first one's grid, px, u right, v down.

    Attributes:
        found: head motion followed by expression, float32: at every pixel, (256, 256, 2), or on the grid of 4 px,
            (64, 64, 2), as the engine finds it.
        found_head: the network's own estimate of the head motion, alike; None where the engine makes none, so that it
            must be fitted (`engines.head`).
    """

    found: Floats
    found_head: Floats | None

    @cached_property
    def facial(self) -> Floats:
        """The flow of all that moved at every pixel, (256, 256, 2)."""
        return _whole(self.found)

    @cached_property
    def head(self) -> Floats | None:
        """The head's flow at every pixel, if the engine tells it."""
        return None if self.found_head is None else _whole(self.found_head)


def _whole(flow: Floats) -> Floats:
    return at_every_pixel(flow) if len(flow) == CELLS else flow


Guessed: TypeAlias = tuple[Any, Any, Floats]
"""Two encoded crops, and about what the flow between them is, (64, 64, 2) px."""


class FlowEngine(Protocol):
    """A flow engine.

    What `encode` returns belongs to the caller, who may keep it as long as wanted and hand it to the same engine only.
    Several threads may call at once; a `BatchEngine` takes one call at a time.
    """

    name: str

    def encode(self, crop: NDArray[np.uint8]) -> Any:
        """Prepare a canonical crop, (256, 256, 3) uint8 RGB.

        Raises:
            CropError: wrong shape or type, or nothing to see in it.
        """
        ...

    def flow(self, first: Any, second: Any) -> FlowFields:
        """Flow from one encoded crop to another."""
        ...

    def close(self) -> None:
        """Release what the engine holds."""
        ...


@runtime_checkable
class FollowingEngine(FlowEngine, Protocol):
    """An engine that can begin where the flow was a moment ago: in less time, and however far that is by now."""

    def follow(self, first: Any, second: Any, guess: Floats) -> FlowFields:
        """As `flow`, near to a guess.

        Args:
            first, second: encoded crops.
            guess: a flow on the grid, (64, 64, 2) px, that is right but for 2 px or so.
        """
        ...


@runtime_checkable
class BatchEngine(FollowingEngine, Protocol):
    """An engine that gains by taking several crops, or pairs, at once; any number of them, even none."""

    def encode_many(self, crops: Sequence[NDArray[np.uint8]]) -> list[Any]:
        """As `encode` for each crop.

        Raises:
            CropError: one of them cannot be measured; then none is encoded.
        """
        ...

    def flow_many(self, pairs: Sequence[tuple[Any, Any]]) -> list[FlowFields]:
        """As `flow` for each pair of encoded crops."""
        ...

    def follow_many(self, guessed: Sequence[Guessed]) -> list[FlowFields]:
        """As `follow` for each pair and its guess."""
        ...


def encode_all(engine: FlowEngine, crops: Sequence[NDArray[np.uint8]]) -> list[Any]:
    """Encode several crops, at once where the engine can."""
    return engine.encode_many(crops) if isinstance(engine, BatchEngine) else [engine.encode(crop) for crop in crops]


def encode_each(engine: FlowEngine, crops: Sequence[NDArray[np.uint8]]) -> list[Any]:
    """As `encode_all`, but a crop that cannot be measured costs only itself: its `CropError` stands in its place."""
    if isinstance(engine, BatchEngine):
        with suppress(CropError):
            return engine.encode_many(crops)
    encoded: list[Any] = []
    for crop in crops:
        try:
            encoded.append(engine.encode(crop))
        except CropError as error:
            encoded.append(error)
    return encoded


def flow_all(engine: FlowEngine, pairs: Sequence[tuple[Any, Any]]) -> list[FlowFields]:
    """Flow between several pairs of encoded crops, at once where the engine can."""
    return engine.flow_many(pairs) if isinstance(engine, BatchEngine) else [engine.flow(*pair) for pair in pairs]


def follow_all(engine: FollowingEngine, guessed: Sequence[Guessed]) -> list[FlowFields]:
    """The same near to a guess each."""
    return engine.follow_many(guessed) if isinstance(engine, BatchEngine) else [engine.follow(*one) for one in guessed]


def check_crop(crop: NDArray[np.uint8]) -> None:
    """Refuse what no engine can measure.

    Raises:
        CropError: not (256, 256, 3) uint8, or all black or saturated.
    """
    if crop.shape != (CROP, CROP, 3) or crop.dtype != np.uint8:
        raise CropError(f"a crop must be ({CROP}, {CROP}, 3) uint8, not {crop.shape} {crop.dtype}")
    few = crop[CROP // 2, CROP // 4 : 3 * CROP // 4 : 32].tobytes()
    if max(few) - min(few) >= 4:  # as nearly always: four places tell it in a tenth of the time
        return
    middle = crop[CROP // 4 : 3 * CROP // 4 : 4, CROP // 4 : 3 * CROP // 4 : 4]
    low, high = int(middle.min()), int(middle.max())
    if high - low < 4:
        tone = "black" if high < 16 else "saturated" if low > 239 else "of one flat tone"
        raise CropError(f"the crop is {tone} (grey levels {low}–{high}): there is nothing to follow in it")
