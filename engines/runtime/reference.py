"""The reference answer that comes with the weights: what torch said to one pair of crops, in float32."""

import io
import time
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from engines.grid import at_every_pixel
from engines.runtime.interface import EngineError, FlowEngine, FlowFields, FollowingEngine, WeightsError
from engines.runtime.weights import Weights

_KEYS = ("first", "second", "facial", "head", "guess", "followed", "followed_head")
"""Two crops, the flow between them, a guess of it, and what the follower makes of that."""


def allowed_px(precision: str) -> float:
    """How far an engine of this precision may be from the answer; see `Reference.check`."""
    return 0.03 if precision == "int8" else 0.01


class Reference:
    """The reference answer of a folder of weights."""

    def __init__(self, weights: Weights) -> None:
        """Read it.

        Raises:
            WeightsError: the file is missing, or holds no such answer.
        """
        name = f"meflownet_{weights.size}_reference.npz"
        self._folder = weights.folder
        try:
            with np.load(io.BytesIO(weights.read(name))) as file:
                self._known = {key: file[key] for key in _KEYS}
        except (ValueError, KeyError, EOFError, BadZipFile) as error:
            raise WeightsError(f"{weights.folder / name}: not a reference answer ({error})") from None

    def check(self, engine: FlowEngine, tolerance_px: float) -> float:
        """Hold an engine against the answer: it catches a runtime that computes too roughly.

        Args:
            engine: freshly opened.
            tolerance_px: largest mean distance allowed.

        Returns:
            The larger mean distance of facial and head flow, px.

        Raises:
            EngineError: the distance is larger.
        """
        apart = self.apart_px(engine)
        if not apart <= tolerance_px:
            raise EngineError(f"{engine.name} is {apart:.3f} px away from the reference answer of {self._folder}, "
                              f"{tolerance_px:g} px are allowed: this machine computes it too roughly")  # fmt: skip
        return apart

    def apart_px(self, engine: FlowEngine) -> float:
        """How far an engine is from the answer: the largest mean distance of facial and, if it has one, head flow.

        Also where it begins with a guess, if it can.
        """
        known = self._known
        first, second = engine.encode(known["first"]), engine.encode(known["second"])
        answers = [(engine.flow(first, second), known["facial"], known["head"])]
        if isinstance(engine, FollowingEngine):
            fields = engine.follow(first, second, known["guess"])
            answers.append((fields, known["followed"], known["followed_head"]))
        pairs = [(fields.facial, facial) for fields, facial, _ in answers]
        pairs += [(fields.head, head) for fields, _, head in answers if fields.head is not None]
        return max(float(np.hypot(*np.moveaxis(flow - at_every_pixel(true), -1, 0)).mean()) for flow, true in pairs)

    @property
    def crops(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The pair that it is the answer to, (256, 256, 3) uint8 RGB each."""
        return self._known["first"], self._known["second"]

    def pace_s(self, engine: FlowEngine, rounds: int = 9) -> float:
        """How long an engine takes for a live frame, one encoding and one flow, begun with a guess if it can, s.

        The shortest of some rounds: what else the machine does only adds to them.
        """
        anchor = engine.encode(self._known["first"])
        times = []
        for _ in range(rounds):
            began = time.perf_counter()
            self.live(engine, anchor)
            times.append(time.perf_counter() - began)
        return min(times)

    def live(self, engine: FlowEngine, anchor: Any) -> FlowFields:
        """What an engine does for a live frame: encode it, and find the flow, begun with a guess if it can.

        Args:
            engine: any.
            anchor: the first of the `crops`, encoded.
        """
        encoded = engine.encode(self._known["second"])
        if isinstance(engine, FollowingEngine):
            return engine.follow(anchor, encoded, self._known["guess"])
        return engine.flow(anchor, encoded)
