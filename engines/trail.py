"""The flow from one crop to those of the frames that follow it, each begun with the last one.

From frame to frame an expression changes little, and a head moves as a whole: what is left to find once it is there are
fractions of a pixel. That takes half the time of a flow about which nothing is known, does not end where that one's
reach does, and a hand that passes before the face hardly leads it astray.

A large expression is followed no further than it has been checked by a flow from nothing: skin that wrinkles and lips
that part look like something else, and a flow that goes on from itself loses them little by little. Where the check
finds it lost, frames are measured from nothing until the expression is small again.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from calib.face import Floats
from engines.grid import NO_FLOW
from engines.likeness import MIDDLE, Likeness
from engines.runtime import FlowEngine, FlowFields, FollowingEngine

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
    """A crop, and the flow from it to the last frame."""

    def __init__(self, crop: NDArray[np.uint8], encoded: Any, t_ns: int) -> None:
        """Begin one.

        Args:
            crop: the first of all pairs, (256, 256, 3) uint8 RGB.
            encoded: the same.
            t_ns: its time in the stream.
        """
        self._crop, self._encoded = crop, encoded
        self._last_ns, self._last = t_ns, FlowFields(NO_FLOW, NO_FLOW)
        self._checked = NO_FLOW  # the expression near which following can be trusted
        self._near = True  # the last flow to what the next one will be

    def flow(self, engine: FlowEngine, crop: NDArray[np.uint8], encoded: Any, t_ns: int) -> FlowFields:
        """The flow to a frame's crop.

        Where it turns out to be far from the last one, or large and not yet checked, it is measured from nothing as
        well; of two that differ that one is believed if the crops look more alike under it, which they do not where a
        hand hides a part of the face.

        Args:
            engine: what measures, always the same.
            crop: of a later frame than the last one.
            encoded: the same.
            t_ns: the frame's time.
        """
        if not isinstance(engine, FollowingEngine):
            return engine.flow(self._encoded, encoded)
        if self._near and t_ns - self._last_ns <= _LONGEST_NS:
            fields, sure = engine.follow(self._encoded, encoded, self._last.found), True
            if not self._goes_on(fields):
                fields, sure = self._check(fields, engine.flow(self._encoded, encoded), crop)
        else:
            fields, sure = engine.flow(self._encoded, encoded), False
        self._near = sure or _largest_px(_expression(fields)) <= SMALL_PX
        self._last_ns, self._last = t_ns, fields
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

    def _goes_on(self, fields: FlowFields) -> bool:
        """Whether a flow is so near to the last one that its beginning there did not matter."""
        now = _expression(fields)
        return (
            (_largest_px(now) <= SMALL_PX or _largest_px(now - self._checked) <= CHANGE_PX)
            and _largest_px(now - _expression(self._last)) <= CHANGE_PX
            and _largest_px(fields.found - self._last.found) <= REACH_PX
        )


def _expression(fields: FlowFields) -> Floats:
    """The expression (64, 64, 2) px; with the head's part where that is not told."""
    return fields.found if fields.found_head is None else fields.found - fields.found_head


def _largest_px(flow: Floats) -> float:
    """The largest of a flow (64, 64, 2) in the crop's middle, but for lost places."""
    u, v = flow[MIDDLE, MIDDLE].reshape(-1, 2).T
    squares = u * u + v * v
    rank = int(_SHARE * (squares.size - 1))
    return float(np.sqrt(np.partition(squares, rank)[rank]))
