"""What passes before a face, a hand or a cup: a part of another picture over a crop.

What lies beneath cannot be seen: a follower learns to leave its guess there as it is.
"""

import math

import torch
from torch import Tensor

from calib.face import CROP

_SHARE = 0.25
"""How many crops are covered."""

_RADII = (0.15, 0.6)
"""Of an ellipse, smallest and largest, halves of the crop."""

_EDGE = 0.03
"""How far its edge is blurred, in the same unit."""


class Covers:
    """Covers parts of crops."""

    def __init__(self, device: torch.device) -> None:
        """Prepare the fixed maps, on a device."""
        axis = torch.linspace(-1, 1, CROP, device=device)
        self._y, self._x = torch.meshgrid(axis, axis, indexing="ij")

    def over(self, crops: Tensor) -> Tensor:
        """Crops (B, 3, 256, 256), 0–255, as float32, some of them covered by what another one shows upside down."""
        x, y, wide, high, chance = torch.rand((5, len(crops), 1, 1, 1), device=crops.device)
        low, ratio = _RADII[0], math.log(_RADII[1] / _RADII[0])
        wide, high = low * torch.exp(ratio * wide), low * torch.exp(ratio * high)
        radius = torch.hypot((self._x - (2 * x - 1)) / wide, (self._y - (2 * y - 1)) / high)
        cover = torch.sigmoid((1 - radius) * torch.minimum(wide, high) / _EDGE) * (chance < _SHARE)
        return (crops + cover * (crops.flip(0, 2).float() - crops)).round()
