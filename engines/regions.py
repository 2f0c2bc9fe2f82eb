"""What each of the 29 regions did, read off an expression flow."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, CROP_IOD, REGIONS, Doubles, Floats, region_centres
from engines.grid import CELLS, on_the_grid

OCTANTS = ("right", "up-right", "up", "up-left", "left", "down-left", "down", "down-right")
"""The eight directions, counter-clockwise from right, 45° each."""

CLEAR_CONCENTRATION = 0.15
"""Below this concentration R = |Σv| / Σ|v| a region has no clear direction."""


@dataclass(frozen=True)
class RegionMotion:
    """The movement of one region.

    Attributes:
        name: the viewer's name.
        u_iod, v_iod: mean displacement, IOD, to the right and down.
        mean_iod, max_iod: mean and largest magnitude in the region, IOD.
        degrees: direction of the mean displacement, counter-clockwise from right, up positive, 0–360.
        direction: its octant, or "unclear".
        concentration: R = |Σv| / Σ|v|, 0–1.
    """

    name: str
    u_iod: float
    v_iod: float
    mean_iod: float
    max_iod: float
    degrees: float
    direction: str
    concentration: float


def octant(degrees: float) -> str:
    """The name of the octant a direction lies in."""
    return OCTANTS[round(degrees / 45) % 8]


def motion_of(name: str, inside: Floats) -> RegionMotion:
    """The movement of a region from the displacements of its points.

    Args:
        name: the viewer's name.
        inside: (n, 2) IOD, right and down; at least one.
    """
    lengths = np.hypot(inside[:, 0], inside[:, 1])
    u, v = (float(c) for c in inside.mean(axis=0))
    spread = float(lengths.mean())
    concentration = math.hypot(u, v) / spread if spread > 0 else 0.0
    degrees = math.degrees(math.atan2(-v, u)) % 360
    direction = octant(degrees) if concentration >= CLEAR_CONCENTRATION else "unclear"
    return RegionMotion(name, u, v, spread, float(lengths.max()), degrees, direction, concentration)


class RegionMeter:
    """The 29 discs of one anchor frame."""

    def __init__(self, landmarks: Floats) -> None:
        """Place the discs.

        Args:
            landmarks: (478, 3) mesh points in px of the canonical crop.
        """
        self._pixels: list[NDArray[np.intp]] = []  # of each disc, in a flattened crop
        self._discs: list[tuple[NDArray[np.bool_], slice, slice]] = []  # and as it lies in some rows and columns
        for (x, y), region in zip(region_centres(landmarks), REGIONS, strict=True):
            radius = region.radius_iod * CROP_IOD
            x0, x1 = (min(max(int(edge), 0), CROP) for edge in (x - radius, x + radius + 2))
            y0, y1 = (min(max(int(edge), 0), CROP) for edge in (y - radius, y + radius + 2))
            ys, xs = np.mgrid[y0:y1, x0:x1]
            disc = (xs - x) ** 2 + (ys - y) ** 2 <= radius**2
            self._pixels.append(ys[disc] * CROP + xs[disc])
            self._discs.append((disc, slice(y0, y1), slice(x0, x1)))
        self._seen = [index for index, pixels in enumerate(self._pixels) if len(pixels)]
        self._sizes = np.array([len(self._pixels[index]) for index in self._seen])
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._all = np.concatenate(self._pixels)

    def displacements(self, expression: Floats) -> Doubles:
        """Mean displacement of every region, (29, 2) IOD, x right and y down; NaN for a region outside the crop.

        Args:
            expression: (256, 256, 2) expression flow on the canonical crop, px; or (64, 64, 2), on the grid of 4 px.
        """
        out = np.full((len(REGIONS), 2), np.nan)
        if len(expression) == CELLS:
            out[self._seen] = self._on_the_grid @ expression.reshape(-1, 2)
        elif self._seen:
            sums = np.add.reduceat(expression.reshape(-1, 2).take(self._all, axis=0), self._starts, axis=0)
            out[self._seen] = sums / (self._sizes[:, None] * CROP_IOD)
        return out

    @cached_property
    def _on_the_grid(self) -> Floats:
        """Every region's mean, IOD, as weights of the grid's cells, (regions in the crop, 64 · 64)."""
        weights = np.zeros((len(self._seen), CELLS * CELLS), np.float32)
        for row, index in enumerate(self._seen):
            disc, *where = self._discs[index]
            weights[row] = on_the_grid(disc / (disc.sum() * CROP_IOD), *where).ravel()
        return weights

    def measure(self, expression: Floats) -> list[RegionMotion]:
        """Statistics of every region that lies in the crop, in the order of `calib.face.REGIONS`.

        Args:
            expression: (256, 256, 2) expression flow on the canonical crop, px.
        """
        flat = expression.reshape(-1, 2)
        return [motion_of(REGIONS[index].name, flat[self._pixels[index]] / CROP_IOD) for index in self._seen]
