"""How alike two crops look under a flow: that tells a wrong flow from a right one where nobody knows the truth."""

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, Floats
from engines.grid import CELL, CELLS, PIXELS, at_places

REACH_PX = 4.0
"""σ over which crops are compared, px. It and what follows were chosen on 52 large expressions: 3 to 7 px, and half or
twice of the others, leave up to 1 % more error."""

SHIFT_PX = 0.1
"""What a shift by so much does to the first crop counts as noise: edges would look unlike under any measured flow."""

DECIDED = 0.2
"""Flows under which crops are less unlike each other than this, in units of the noise, are believed about equally."""

CLEAR_SHARE, CLEAR_GAIN = 0.7, 1.0
"""Another method is believed where its flow leaves less than `CLEAR_SHARE` · what the first leaves - `CLEAR_GAIN`."""

MIDDLE = slice(CELLS // 5, -(CELLS // 5))
"""Rows and columns of the grid that show the face."""

LEAST = 0.25
"""What the noise is taken for at least, grey levels squared: pictures that were never filmed may have none."""


class Likeness:
    """Two crops, and how alike they look under one flow or another."""

    def __init__(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> None:
        """Take two crops, (256, 256, 3) uint8 RGB."""
        self._first, self._second = (
            np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8) for crop in (first, second)
        )
        along_x, along_y = (cv2.Sobel(self._first, cv2.CV_32F, x, 1 - x, ksize=1, scale=0.5) for x in (1, 0))
        self._edges = SHIFT_PX**2 * _around(along_x**2 + along_y**2)

    def unlike(self, flow: Floats) -> Floats:
        """How unlike the crops look under a flow from the first to the second, (256, 256, 2) px.

        Returns:
            (256, 256) at the first's pixels: squared difference of grey levels, gain aside, over `REACH_PX`, as
            multiples of the noise, which is its median in the crop's middle, and more at edges (`SHIFT_PX`).
        """
        apart = self._apart(flow)
        return self._in_noise(apart, _noise(apart))

    def left_by(self, other: Floats, flow: Floats) -> float:
        """What another flow leaves unlike of the crop's middle, as a share of what a flow does, (256, 256, 2) px each.

        Places count as far as the flows differ there. Where something hides the face, both leave the same.
        """
        differ = cv2.resize(np.linalg.norm(other - flow, axis=-1), (CELLS, CELLS), interpolation=cv2.INTER_AREA)
        theirs, ours = (float((differ * self._apart(one))[MIDDLE, MIDDLE].sum()) for one in (other, flow))
        return theirs / max(ours, 1e-6)

    def likelier(self, flow: Floats, other: Floats) -> Floats:
        """Of two measurements of a flow the one that makes the crops look more alike; their mean where both do."""
        one, two = self._apart(flow), self._apart(other)
        noise = min(_noise(one), _noise(two))  # what only one of them leaves everywhere is no noise
        return _mixed(flow, other, self._in_noise(one - two, noise) / DECIDED)

    def mended(self, flow: Floats, face: NDArray[np.bool_]) -> Floats:
        """A flow, and where that is clearly wrong what DIS finds beyond it, if that is clearly better.

        DIS (at its finest scale) is less exact wherever both find their way, and gets lost elsewhere: it finds, now and
        then, what the network misses of lips and cheeks that move by 10 px and more.

        Args:
            flow: (256, 256, 2) px.
            face: where it is, (256, 256): elsewhere nothing is a reason to ask DIS.
        """
        unlike = self.unlike(flow)
        if (CLEAR_SHARE * unlike - CLEAR_GAIN)[face].max() < 1:
            return flow  # not even the right flow would be so much better: it leaves the noise, 1
        dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        dis.setFinestScale(0)
        more = np.asarray(dis.calc(self._first, self._taken(flow), None), np.float32)
        other = more + at_places(flow, more)
        # Each in its own noise: DIS follows the noise as well, and would be believed everywhere for leaving less of it.
        return _mixed(flow, other, (CLEAR_SHARE * unlike - CLEAR_GAIN - self.unlike(other)) / DECIDED)

    def _apart(self, flow: Floats) -> Floats:
        """Squared difference of grey levels under a flow, (64, 64)."""
        taken = self._taken(flow)
        gain = np.float32(self._first.mean() / max(taken.mean(), 1.0))
        return _around(np.square(self._first - gain * taken, dtype=np.float32))

    def _in_noise(self, apart: Floats, noise: float) -> Floats:
        """The same, or a difference of two, in multiples of the noise, at every pixel, (256, 256)."""
        whole = cv2.resize(apart / (noise + self._edges), (CROP, CROP), interpolation=cv2.INTER_LINEAR)
        return np.asarray(whole, np.float32)

    def _taken(self, flow: Floats) -> NDArray[np.uint8]:
        """The second crop's grey levels where the flow leads."""
        taken = cv2.remap(self._second, PIXELS + flow, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(taken, np.uint8)


def _around(image: Floats) -> Floats:
    """The mean of an image (256, 256) around every cell of the grid, (64, 64)."""
    coarse = cv2.resize(image, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(coarse, (0, 0), REACH_PX / CELL), np.float32)


def _noise(apart: Floats) -> float:
    return max(float(np.median(apart[MIDDLE, MIDDLE])), LEAST)


def _mixed(flow: Floats, other: Floats, evidence: Floats) -> Floats:
    """One flow, and the other by the evidence for it: half of each at 0."""
    share = 1 / (1 + np.exp(-evidence.clip(-30, 30)))
    return np.asarray(flow + share[..., None] * (other - flow), np.float32)
