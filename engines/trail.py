"""The flow from one crop to those of the frames that follow it, each begun where the last ones lead.

From frame to frame a face moves little, and a head goes on moving as it did: what is left to find are fractions of a
pixel. That takes less time than a flow about which nothing is known, does not end where that one's reach does, and a
hand that passes before the face does not lead it astray.

A large expression is measured from nothing: skin that wrinkles and lips that part look like something else, and a flow
that goes on from itself loses them little by little.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from calib.face import Floats
from engines.grid import CELLS, NO_FLOW
from engines.likeness import MIDDLE, Likeness
from engines.runtime import FlowEngine, FlowFields, FollowingEngine

REACH_PX = 2.0
"""How far a guess may be off."""

SMALL_PX, LARGE_PX = 2.0, 3.0
"""Expression from which a frame is followed, at most, and up to which what was found is believed."""

_SHARE = 0.99
"""Share of the places in the face that this is asked of: some are lost in any open mouth."""

_LONGEST_NS = 150_000_000
"""After so long a face may be anywhere."""

_FARTHEST = 2.0
"""For longer than so many times what the last two frames are apart, no head goes on moving as it did."""

_ASTRAY = 0.7
"""A flow from a guess is believed, not one from no guess, where it leaves less than this share of what that leaves."""

_PLACES = np.stack([np.ones((CELLS, CELLS)), *np.mgrid[-1 : 1 : CELLS * 1j, -1 : 1 : CELLS * 1j]], axis=-1)
_FIT = np.linalg.pinv(_PLACES[MIDDLE, MIDDLE].reshape(-1, 3))


class Trail:
    """A crop, and the flow from it to the last frames."""

    def __init__(self, crop: NDArray[np.uint8], encoded: Any, t_ns: int) -> None:
        """Begin one.

        Args:
            crop: the first of all pairs, (256, 256, 3) uint8 RGB.
            encoded: the same.
            t_ns: its time in the stream.
        """
        self._crop, self._encoded = crop, encoded
        self._last_ns, self._last = t_ns, FlowFields(NO_FLOW, NO_FLOW)
        self._before_ns, self._before = t_ns, NO_FLOW

    def flow(self, engine: FlowEngine, crop: NDArray[np.uint8], encoded: Any, t_ns: int) -> FlowFields:
        """The flow to a frame's crop.

        Where it turns out to be far from the guess, or large, it is measured from no guess as well; that one is
        believed unless something has led it astray.

        Args:
            engine: what measures, always the same.
            crop: of a later frame than the last one.
            encoded: the same.
            t_ns: the frame's time.
        """
        guess = self._guess(t_ns)
        if guess is None or not isinstance(engine, FollowingEngine):
            fields = engine.flow(self._encoded, encoded)
        else:
            fields = engine.follow(self._encoded, encoded, guess)
            if _largest_px(fields.found - guess) > REACH_PX or _expression_px(fields) > LARGE_PX:
                fields = self._believed(crop, fields, engine.flow(self._encoded, encoded))
        self._before_ns, self._before = self._last_ns, self._last.found
        self._last_ns, self._last = t_ns, fields
        return fields

    def _guess(self, t_ns: int) -> Floats | None:
        """The flow if the head goes on moving as it did; None if it is too long ago, or the expression was large."""
        since_ns, step_ns = t_ns - self._last_ns, self._last_ns - self._before_ns
        if since_ns > _LONGEST_NS or _expression_px(self._last) > SMALL_PX:
            return None
        if not 0 < step_ns <= _LONGEST_NS:
            return self._last.found
        ahead = min(since_ns / step_ns, _FARTHEST)
        return self._last.found + np.float32(ahead) * _of_the_head(self._last.found - self._before)

    def _believed(self, crop: NDArray[np.uint8], followed: FlowFields, other: FlowFields) -> FlowFields:
        likeness = Likeness(self._crop, crop)
        return followed if likeness.left(followed.facial) < _ASTRAY * likeness.left(other.facial) else other


def _of_the_head(motion: Floats) -> Floats:
    """What of a motion (64, 64, 2) moves the face as a whole: it is linear in the place."""
    return np.asarray(_PLACES @ (_FIT @ motion[MIDDLE, MIDDLE].reshape(-1, 2)), np.float32)


def _expression_px(fields: FlowFields) -> float:
    """Size of the expression; endless where the head's part is not told."""
    return np.inf if fields.found_head is None else _largest_px(fields.found - fields.found_head)


def _largest_px(flow: Floats) -> float:
    """The largest of a flow (64, 64, 2) in the crop's middle, but for lost places."""
    u, v = flow[MIDDLE, MIDDLE].reshape(-1, 2).T
    squares = u * u + v * v
    rank = int(_SHARE * (squares.size - 1))
    return float(np.sqrt(np.partition(squares, rank)[rank]))
