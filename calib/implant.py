"""Known movements put into frames of a real face.

A movement is an action unit's field (`calib.phantom.fields`), made once in the canonical crop from the face's mean mesh
and carried into every frame by that frame's crop transform, so that it rides on the moving head. The transforms are
smoothed over time first: the mesh trembles, and what is put in must not.

A frame is warped backwards as the phantom is: the pixel at Y shows what was at Y - B(Y). Three things would give a
warped frame away, and are taken care of:

- OpenCV rounds a warp's coordinates to 1/32 px, a good part of the smallest movements. A fixed pattern of less than
  half a step is added before, so that the mean over some pixels is right (ordered dithering).
- Interpolation averages neighbouring pixels and so takes noise away, and a frame that is less noisy while it moves is
  easier to read. Lanczos takes away little; what it does, the sum of its squared weights tells (independent noise from
  pixel to pixel, as in a raw sensor; a compressed video's is coarser and loses less), and fresh noise makes it good.
- The result is rounded to whole grey levels a second time: that noise, 1/12 of a level squared, counts as made good.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.face import CROP, Doubles, Floats, invert_transform
from calib.phantom.fields import FieldMaker
from calib.phantom.script import PhantomEvent

_STEPS = 32  # OpenCV's INTER_TAB_SIZE: coordinates are rounded to this part of a pixel
_TAPS = 8  # of Lanczos-4
_SMOOTH_S = 0.1  # σ of the transforms' smoothing
_REACH = 0.002  # a field is followed down to this share of its peak
_TILE = 64  # noise is cut from one tile, shifted by up to so many px


class Implant:
    """Some movements, ready to be put into the frames of a recording."""

    def __init__(
        self,
        events: Sequence[PhantomEvent],
        fields: Mapping[str, Floats],
        transforms: Sequence[Doubles],
        times_s: Sequence[float],
        noise: float,
        seed: int = 0,
    ) -> None:
        """Prepare them.

        Args:
            events: what moves and when; amplitudes in IOD of the unit's strongest region.
            fields: of every unit in them, as `crop_fields` makes them.
            transforms: of every frame, (2, 3) frame px to crop px, smooth (`smooth_transforms`).
            times_s: of every frame.
            noise: σ of the frames' noise, grey levels (`temporal_noise`).
            seed: of the noise that is added.
        """
        self._events, self._fields = tuple(events), fields
        self._transforms, self._times_s = transforms, times_s
        self._noise, self._seed = noise, seed
        self._grain: Floats = np.zeros((0, 0, 3), np.float32)

    def frame(self, index: int, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Frame `index` of the recording with its movement, (H, W, 3) uint8; the image itself while nothing moves."""
        backward = self._backward(self._times_s[index])
        if backward is None:
            return image
        transform = self._transforms[index]
        height, width = image.shape[:2]
        x0, y0, x1, y1 = _reached(backward, transform, width, height)
        if x1 <= x0 or y1 <= y0:
            return image
        # Only the box that moves is warped; around it the image is left as it is.
        step = invert_transform(transform)[:, :2]
        map_x, map_y = np.meshgrid(np.arange(x0, x1, dtype=np.float64), np.arange(y0, y1, dtype=np.float64))
        grid = np.stack([map_x, map_y], axis=-1)
        placed = (grid @ transform[:, :2].T + transform[:, 2]).astype(np.float32)
        shift = cv2.remap(backward, placed, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) @ step.T
        fine = grid - shift + _dither(y1 - y0, x1 - x0)
        steps = np.rint(fine * _STEPS)
        source = (steps / _STEPS).astype(np.float32)
        moved = cv2.remap(image.astype(np.float32), source, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101)
        kept = _KEPT[steps.astype(np.int64) % _STEPS].prod(axis=-1)
        added = np.sqrt(np.maximum(self._noise**2 * (1 - kept) - 1 / 12, 0.0)).astype(np.float32)
        moved += added[..., None] * self._cut(index, y1 - y0, x1 - x0)
        out = image.copy()
        out[y0:y1, x0:x1] = np.clip(np.rint(moved), 0, 255).astype(np.uint8)
        return out

    def _backward(self, t_s: float) -> Floats | None:
        """B at a time, (256, 256, 2) px of the crop; None while nothing moves."""
        total: Floats | None = None
        for event in self._events:
            share = event.strength(t_s)
            if share > 0:
                for code, amplitude in event.units:
                    part = self._fields[code] * np.float32(share * amplitude)
                    total = part if total is None else total + part
        return total

    def _cut(self, index: int, height: int, width: int) -> Floats:
        """Noise of σ 1 for a box, another cut of one tile for every frame."""
        if self._grain.shape[0] < height + _TILE or self._grain.shape[1] < width + _TILE:
            rng = np.random.default_rng(self._seed)
            self._grain = rng.standard_normal((height + 2 * _TILE, width + 2 * _TILE, 3)).astype(np.float32)
        y, x = np.random.default_rng([self._seed, index]).integers(0, _TILE, 2)
        return self._grain[y : y + height, x : x + width]


def crop_fields(codes: Sequence[str], mesh: Floats) -> dict[str, Floats]:
    """The fields of some units in the canonical crop, (256, 256, 2) px for an amplitude of 1 IOD.

    Args:
        codes: of the units.
        mesh: (478, 3) the face's mesh points, px of the crop.
    """
    maker = FieldMaker(mesh, CROP, CROP)
    return {code: maker.field(code) for code in sorted(set(codes))}


def smooth_transforms(transforms: Sequence[Doubles], times_s: Sequence[float]) -> list[Doubles]:
    """Crop transforms (2, 3) without the mesh's tremble: a Gaussian mean of σ 0.1 s around every time."""
    t_s = np.asarray(times_s, np.float64)
    stack = np.stack(transforms)
    out = []
    for now_s in t_s:
        weights = np.exp(-((t_s - now_s) ** 2) / (2 * _SMOOTH_S**2))
        out.append(np.asarray(np.tensordot(weights / weights.sum(), stack, axes=1), dtype=np.float64))
    return out


def temporal_noise(frames: Sequence[NDArray[np.uint8]]) -> float:
    """σ of the noise of some frames, their rounding to whole grey levels included: from the differences of neighbours.

    Two thirds of the differences lie within σ √2, and those are hardly touched by what moves. Repeated frames do not
    count; 0 if there are no others.
    """
    counts = np.zeros(256)
    for before, now in pairwise(frames):
        apart = cv2.absdiff(before[::2, ::2], now[::2, ::2])
        if apart.any():
            counts += np.bincount(apart.ravel(), minlength=256)
    if counts.sum() == 0:
        return 0.0
    # A difference of k stands for those from k - 1/2 to k + 1/2.
    below = np.cumsum(counts) / counts.sum()
    width = float(np.interp(math.erf(1 / math.sqrt(2)), np.concatenate([[0.0], below]), np.arange(257) - 0.5))
    return max(width, 0.0) / math.sqrt(2)


def _lanczos_kept() -> Doubles:
    """Share of white noise's variance that OpenCV's Lanczos-4 leaves along one axis, for each 1/32 px of shift.

    Its weights are sinc(x) sinc(x / 4) at the eight pixels around, made to sum to 1.
    """
    kept = []
    for part in np.arange(_STEPS) / _STEPS:
        x = np.arange(_TAPS) - (_TAPS // 2 - 1) - part
        weights = np.sinc(x) * np.sinc(x / (_TAPS // 2))
        kept.append(float((weights**2).sum() / weights.sum() ** 2))
    return np.array(kept)


_KEPT = _lanczos_kept()


def _dither(height: int, width: int) -> Doubles:
    """A fixed pattern (height, width, 2) within ± 1/64 px whose mean over any 8 × 8 px is 0: Bayer's matrix."""
    bayer = np.zeros((1, 1))
    for _ in range(3):
        bayer = np.block([[4 * bayer, 4 * bayer + 2], [4 * bayer + 3, 4 * bayer + 1]])
    tile = ((bayer + 0.5) / bayer.size - 0.5) / _STEPS
    both = np.stack([tile, tile.T[::-1]], axis=-1)
    return np.tile(both, (height // 8 + 1, width // 8 + 1, 1))[:height, :width]


def _reached(backward: Floats, transform: Doubles, width: int, height: int) -> tuple[int, int, int, int]:
    """The box (x0, y0, x1, y1) of a frame that a field in the crop reaches."""
    size = np.abs(backward).max(axis=-1)
    ys, xs = np.nonzero(size > _REACH * float(size.max()))
    inverse = invert_transform(transform)
    corners = np.array([[x, y] for x in (xs.min(), xs.max()) for y in (ys.min(), ys.max())], np.float64)
    placed = corners @ inverse[:, :2].T + inverse[:, 2]
    x0, y0 = np.maximum(np.floor(placed.min(axis=0)), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(placed.max(axis=0)) + 1, [width, height]).astype(int)
    return int(x0), int(y0), int(x1), int(y1)
