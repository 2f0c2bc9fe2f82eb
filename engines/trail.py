"""The flow from one crop to those of the frames that follow it, each begun with the last one.

From frame to frame an expression changes little, and a head moves as a whole: what is left to find once it is there are
fractions of a pixel. That takes half the time of a flow about which nothing is known, does not end where that one's
reach does, and a hand that passes before the face hardly leads it astray.

A large expression is followed no further than it has been checked by a flow from nothing: skin that wrinkles and lips
that part look like something else, and a flow that goes on from itself loses them little by little. Where the check
finds it lost, frames are measured from nothing until the expression is small again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calib.face import Floats
from engines.grid import NO_FLOW
from engines.likeness import MIDDLE, Likeness
from engines.runtime import FlowEngine, FlowFields, FollowingEngine, flow_all, follow_all

REACH_PX, CHANGE_PX = 6.0, 0.8
"""How far a flow may be from the last one, and an expression from the last one and, if it is large, from a checked one.

It finds an expression that has changed by more than a pixel for about a pixel nearer to the last one than it is."""

SMALL_PX = 2.0
"""An expression that is followed without a check, at most."""

_SHARE = 0.99
"""Share of the places in the face that this is asked of: some are lost in any open mouth."""

_LONGEST_NS = 150_000_000
"""After so long a face may be anywhere."""

_BETTER = 0.9
"""A flow from nothing is believed if it leaves less than this share of what the followed one does (`Likeness`)."""


class Trail:
    """A crop, and the flow from it to the last frame.

    Attributes:
        encoded: the crop, encoded.
    """

    def __init__(self, crop: NDArray[np.uint8], encoded: Any, t_ns: int) -> None:
        """Begin one.

        Args:
            crop: the first of all pairs, (256, 256, 3) uint8 RGB.
            encoded: the same.
            t_ns: its time in the stream.
        """
        self._crop, self.encoded = crop, encoded
        self._last_ns, self._last = t_ns, FlowFields(NO_FLOW, NO_FLOW)
        self._checked = NO_FLOW  # the expression near which following can be trusted
        self._near = True  # the last flow to what the next one will be

    def guess(self, t_ns: int) -> Floats | None:
        """About what the flow to a frame of this time is, (64, 64, 2) px; None if nothing is known of it."""
        return self._last.found if self._near and t_ns - self._last_ns <= _LONGEST_NS else None

    def doubts(self, fields: FlowFields) -> bool:
        """Whether a followed flow must be checked: it is far from the last one, or large and not yet checked."""
        now = _expression(fields)
        near = (
            (_largest_px(now) <= SMALL_PX or _largest_px(now - self._checked) <= CHANGE_PX)
            and _largest_px(now - _expression(self._last)) <= CHANGE_PX
            and _largest_px(fields.found - self._last.found) <= REACH_PX
        )
        return not near

    def arrive(self, step: "Step", followed: FlowFields | None, other: FlowFields | None) -> FlowFields:
        """Take a frame as the last one.

        Args:
            step: the frame.
            followed: the flow to it by its guess, if there was one.
            other: the flow from nothing; it may be none where there is no doubt.

        Returns:
            The flow to believe: of two that differ the one under which the crops look more alike, which is not the one
            from nothing where a hand hides a part of the face.
        """
        if followed is None:
            assert other is not None
            fields, sure = other, False
        elif other is None:
            fields, sure = followed, True
        else:
            fields, sure = self._check(followed, other, step.crop)
        self._near = sure or _largest_px(_expression(fields)) <= SMALL_PX
        self._last_ns, self._last = step.t_ns, fields
        return fields

    def _check(self, followed: FlowFields, other: FlowFields, crop: NDArray[np.uint8]) -> tuple[FlowFields, bool]:
        """Of a followed flow and one from nothing the one to believe, and whether following is to be trusted."""
        fields, sure = other, True
        if _largest_px(followed.found - other.found) > CHANGE_PX:
            sure = Likeness(self._crop, crop).left_by(other.facial, followed.facial) >= _BETTER
            fields = followed if sure else other
        if sure:
            self._checked = _expression(fields)
        return fields, sure


@dataclass(frozen=True)
class Step:
    """A frame to which a trail is to go on.

    Attributes:
        trail: whose last frame was earlier.
        crop: of the frame, (256, 256, 3) uint8 RGB.
        encoded: the same.
        t_ns: the frame's time.
    """

    trail: Trail
    crop: NDArray[np.uint8]
    encoded: Any
    t_ns: int

    @property
    def pair(self) -> tuple[Any, Any]:
        """What the flow is wanted between, encoded."""
        return self.trail.encoded, self.encoded


def flow_along(engine: FlowEngine, steps: Sequence[Step]) -> list[FlowFields]:
    """The flow of several trails, one step each, measured together where the engine gains by that.

    Args:
        engine: what measures, always the same.
        steps: no two of the same trail.
    """
    if not isinstance(engine, FollowingEngine):
        return flow_all(engine, [step.pair for step in steps])
    guesses = {k: guess for k, step in enumerate(steps) if (guess := step.trail.guess(step.t_ns)) is not None}
    guessed = [(*steps[k].pair, guess) for k, guess in guesses.items()]
    followed = dict(zip(guesses, follow_all(engine, guessed), strict=True))
    doubtful = [k for k, step in enumerate(steps) if k not in followed or step.trail.doubts(followed[k])]
    others = dict(zip(doubtful, flow_all(engine, [steps[k].pair for k in doubtful]), strict=True))
    return [step.trail.arrive(step, followed.get(k), others.get(k)) for k, step in enumerate(steps)]


def _expression(fields: FlowFields) -> Floats:
    """The expression (64, 64, 2) px; with the head's part where that is not told."""
    return fields.found if fields.found_head is None else fields.found - fields.found_head


def _largest_px(flow: Floats) -> float:
    """The largest of a flow (64, 64, 2) in the crop's middle, but for lost places."""
    u, v = flow[MIDDLE, MIDDLE].reshape(-1, 2).T
    squares = u * u + v * v
    rank = int(_SHARE * (squares.size - 1))
    return float(np.sqrt(np.partition(squares, rank)[rank]))
