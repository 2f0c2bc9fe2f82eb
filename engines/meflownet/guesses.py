"""Guesses of a flow, wrong as those of a video are: what a follower learns from.

The head goes on another way than it went, an expression sets in, noise is carried on, and a place was lost.
"""

import math

import torch
from torch import Tensor

from engines.grid import CELLS
from engines.meflownet.grids import spread, window

_HEAD_PX, _AGAIN_PX = (0.03, 2.5), (0.02, 1.0)
"""σ of a head's shift, smallest and largest, and of what is added to a follower's own answer; its linear terms have
half of that at the crop's edge."""

_EXPRESSION_PX = 2.0
"""Expression that may be missing."""

_NOISE_PX, _NOISE_CELLS = (0.01, 0.6), (3.0, 5.0, 8.0)
"""σ of smooth noise, and over how many cells it is smooth."""

_LOST_PX, _LOST = 2.0, (0.08, 0.2)
"""σ of a lost place's flow, and its size, halves of the crop."""

_MOVED, _SET_IN, _NOISY, _SOMEWHERE_LOST = 0.85, 0.5, 0.6, 0.15
"""How many guesses have each."""


class Guesses:
    """Makes guesses of known flows (B, 2, 64, 64) px."""

    def __init__(self, device: torch.device) -> None:
        """Prepare the fixed maps, on a device."""
        axis = torch.linspace(-1, 1, CELLS, device=device)
        self._y, self._x = torch.meshgrid(axis, axis, indexing="ij")
        self._smooth = [window(CELLS, cells).to(device) for cells in _NOISE_CELLS]

    def of(self, facial: Tensor, expression: Tensor) -> Tensor:
        """Guesses of facial flows, given the expression in them."""
        largest = expression.flatten(2).norm(dim=1).amax(1).clamp(min=1e-3)
        missing = self._some(facial, _SET_IN) * self._any(facial) * (_EXPRESSION_PX / largest).clamp(max=1)
        guess = facial - _each(missing) * expression
        guess = guess + self._head(facial, self._some(facial, _MOVED) * self._between(facial, _HEAD_PX))
        guess = guess + _each(self._some(facial, _NOISY) * self._between(facial, _NOISE_PX)) * self._noise(facial)
        return guess + _each(self._some(facial, _SOMEWHERE_LOST)) * self._lost(facial)

    def after(self, found: Tensor) -> Tensor:
        """Guesses that go on from flows that were found."""
        return found + self._head(found, self._between(found, _AGAIN_PX))

    def _head(self, like: Tensor, sigma: Tensor) -> Tensor:
        shift, along_x, along_y = (_each(sigma) * torch.randn_like(like[:, :, :1, :1]) for _ in range(3))
        return shift + 0.5 * (along_x * self._x + along_y * self._y)

    def _noise(self, like: Tensor) -> Tensor:
        """Noise of σ 1, of one of the widths in all flows."""
        rough = torch.randn_like(like)
        smooth = torch.stack([spread(matrix, rough) for matrix in self._smooth])
        smooth = smooth / smooth.std((2, 3, 4), keepdim=True)
        share = torch.rand((len(smooth), len(like), 1, 1, 1), device=like.device)
        return (smooth * (share == share.amax(0))).sum(0)

    def _lost(self, like: Tensor) -> Tensor:
        x, y = (0.6 * (2 * _each(self._any(like))[:, 0] - 1) for _ in range(2))
        low, high = _LOST
        radius = low + (high - low) * _each(self._any(like))[:, 0]
        near = torch.exp(-((self._x - x) ** 2 + (self._y - y) ** 2) / (2 * radius**2))
        return near[:, None] * _LOST_PX * torch.randn_like(like[:, :, :1, :1])

    def _any(self, like: Tensor) -> Tensor:
        return torch.rand(len(like), device=like.device)

    def _some(self, like: Tensor, share: float) -> Tensor:
        return (self._any(like) < share).float()

    def _between(self, like: Tensor, ends: tuple[float, float]) -> Tensor:
        """Sizes between two, on a log scale."""
        return ends[0] * torch.exp(self._any(like) * math.log(ends[1] / ends[0]))


def _each(values: Tensor) -> Tensor:
    """(B,) as (B, 1, 1, 1)."""
    return values.reshape(-1, 1, 1, 1)
