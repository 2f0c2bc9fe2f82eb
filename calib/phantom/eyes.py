"""A phantom's eyes: lids that close over them and irises that turn, drawn into a frame's backward warp."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calib.face import LOWER_LIDS, UPPER_LIDS, Doubles, Floats

FOLD_IOD = 0.14
"""Height of the skin above the eye that a blink stretches down, in IOD."""

_IRISES = ((468, 469, 470, 471, 472), (473, 474, 475, 476, 477))
"""Centre and rim of the image-left and the image-right iris."""

_MARGIN_IOD = 0.3
_LID_EDGE = 0.12  # share of the eye's opening at each lid where the gaze fades out, so that the lids' edges stay


@dataclass(frozen=True)
class Eye:
    """One open eye on the plate, px.

    Attributes:
        xs: columns of the eye.
        upper, lower: height of its lids there.
        iris: (x, y) of its centre.
        radius: of the iris.
        iod_px: the ruler.
    """

    xs: Doubles
    upper: Doubles
    lower: Doubles
    iris: tuple[float, float]
    radius: float
    iod_px: float

    def close(self, sources: Floats, closure: float) -> None:
        """Let the skin above the eye, `FOLD_IOD` high, cover the eyeball down to the moved lid.

        Args:
            sources: (H, W, 2) backward warp of a frame, px of the plate; changed in place.
            closure: how far the eye is closed, 0 to 1.
        """
        fold = FOLD_IOD * self.iod_px
        window = self._window(sources)
        x, y = window[..., 0], window[..., 1]
        lid = np.interp(x, self.xs, self.upper)
        gap = np.interp(x, self.xs, np.maximum(self.lower - self.upper, 0) * closure, left=0.0, right=0.0)
        top = lid - fold
        covered = (y > top) & (y < lid + gap)
        stretched = top + (y - top) * fold / (fold + gap)
        window[..., 1] = np.where(covered, stretched, y)

    def turn(self, sources: Floats, shift_px: float) -> None:
        """Move the iris to image right within the open eye; the white stretches on one side and shrinks on the other.

        Args:
            sources: (H, W, 2) backward warp of a frame, px of the plate; changed in place.
            shift_px: how far, px; no farther than the corner of the eye lets it.
        """
        window = self._window(sources)
        x, y = window[..., 0], window[..., 1]
        left, right = float(self.xs[0]), float(self.xs[-1])
        centre, radius = self.iris[0], self.radius
        shift_px = float(np.clip(shift_px, left + 1 - (centre - radius), right - 1 - (centre + radius)))
        seen = [left, centre + shift_px - radius, centre + shift_px + radius, right]
        there = [left, centre - radius, centre + radius, right]
        upper, lower = np.interp(x, self.xs, self.upper), np.interp(x, self.xs, self.lower)
        depth = np.minimum(y - upper, lower - y) / np.maximum(_LID_EDGE * (lower - upper), 1e-6)
        inside = (x > left) & (x < right) & (depth > 0)
        moved = x + np.clip(depth, 0, 1) * (np.interp(x, seen, there) - x)
        window[..., 0] = np.where(inside, moved, x)

    def hide(self, valid: NDArray[np.uint8]) -> None:
        """Strike out, in a mask (H, W) of the plate, what a lid or a glance covers or uncovers."""
        fold = FOLD_IOD * self.iod_px
        x0, x1 = int(self.xs[0]), int(self.xs[-1]) + 1
        valid[int(self.upper.min() - fold) : int(self.lower.max()) + 1, x0:x1] = 0

    def _window(self, sources: Floats) -> Floats:
        """The part of a frame that the eye and its surroundings take, as a view."""
        margin = int(_MARGIN_IOD * self.iod_px)
        height, width = sources.shape[:2]
        x0, x1 = max(int(self.xs[0]) - margin, 0), min(int(self.xs[-1]) + margin, width)
        y0, y1 = max(int(self.upper.min()) - margin, 0), min(int(self.lower.max()) + margin, height)
        return sources[y0:y1, x0:x1]


def find_eyes(landmarks: Floats, iod_px: float) -> tuple[Eye, Eye]:
    """The image-left and the image-right eye.

    Args:
        landmarks: (478, 3) mesh points, px of the plate.
        iod_px: inter-ocular distance, px.
    """
    points = landmarks[:, :2].astype(np.float64)
    eyes = []
    for upper, lower, iris in zip(UPPER_LIDS, LOWER_LIDS, _IRISES, strict=True):
        up, low = points[list(upper)], points[list(lower)]
        xs = np.arange(math.ceil(up[0, 0]), math.floor(up[-1, 0]) + 1, dtype=np.float64)
        lids = np.interp(xs, up[:, 0], up[:, 1]), np.interp(xs, low[:, 0], low[:, 1])
        centre, rim = points[iris[0]], points[list(iris[1:])]
        radius = float(np.hypot(*(rim - centre).T).mean())
        eyes.append(Eye(xs, *lids, (float(centre[0]), float(centre[1])), radius, iod_px))
    return eyes[0], eyes[1]
