"""Where the regions of every face rest, so that curves and arrows start from there.

A motion counts from where the face's curves began; people want to see how far a region is from its rest.
"""

import numpy as np

from calib.face import Doubles
from calib.neutral import RestLevel
from realtime.messages import Lost, Motion, Spot


class Rests:
    """Follows the rest of every face; while an event is under way in one, its rest stays where it was."""

    def __init__(self) -> None:
        self._levels: dict[int, RestLevel] = {}
        self._open: dict[int, int] = {}  # event: face

    def note(self, message: Spot | Lost) -> None:
        """Take in that an event began or ended, or that a face went."""
        if isinstance(message, Lost):
            self._levels.pop(message.face_id, None)
            self._open = {event: face for event, face in self._open.items() if face != message.face_id}
        elif message.phase in ("closed", "revoked"):
            self._open.pop(message.spot_id, None)
        else:
            self._open[message.spot_id] = message.face_id

    def away(self, motion: Motion) -> Doubles:
        """How far every region is from its rest, (29, 2) IOD, right and down; what was not measured is 0."""
        level = self._levels.setdefault(motion.face_id, RestLevel())
        now = np.nan_to_num(np.array([motion.u_iod, motion.v_iod]).T)
        if motion.face_id not in self._open.values():
            level.update(motion.t_media_ns / 1e9, now)
        return np.asarray(now - level.level)
