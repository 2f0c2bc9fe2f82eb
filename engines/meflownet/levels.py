"""What the Lucas–Kanade steps compare: features of the first crop, and of the second where a flow leads.

At 1/4 resolution the encoder's features are fetched, which see through changes of appearance. At 1/2 and full
resolution the picture is fetched, and linear filters see it afterwards: features that were fetched themselves would be
those of an undistorted second crop, and where skin stretches or a head turns they differ from the first one's, which
pulls the flow by up to a tenth of a pixel.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from calib.face import CROP
from engines.grid import CELL
from engines.meflownet.grids import cubic, linear, pixel_grid, spread, warp

_CELLS = CROP // CELL

_SIZES = {1: 5, 2: 6}
"""Of the filters, px: even at 1/2 resolution, so that they are centred on the cells' 2×2 pixels."""

_FINEST_PX, _NEXT = {1: 1.0, 2: 1.5}, 1.5
"""Of the filters as built: σ of the first pair, px, and from one pair to the next."""


class Normalised(nn.Module):
    """Linear features divided by their own local strength, so that light and contrast drop out."""

    def __init__(self, inputs: int, outputs: int, size: int, cells: int, stride: int = 1) -> None:
        """Build them.

        Args:
            inputs, outputs: channels.
            size: of the filters.
            cells: along a side of the features.
            stride: samples of the image a cell.
        """
        super().__init__()
        self.filters = nn.Conv2d(inputs, outputs, size, stride, (size - stride) // 2)
        self.floor = nn.Parameter(torch.tensor(-3.0))
        self.pool = 2 * cells // _CELLS
        self.shape = (outputs, cells, cells)
        self.register_buffer("up", linear(cells, _CELLS // 2), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, n, n) to (B, outputs, cells, cells)."""
        channels, cells, _ = self.shape
        # Flat, or OpenVINO lays channels innermost from here on, which makes all that follows slow.
        raw = self.filters(x).reshape(-1, channels, cells * cells)
        energy = (raw * raw).mean(1).reshape(-1, 1, cells, cells)
        local = spread(self.up, functional.avg_pool2d(energy, self.pool)).reshape(-1, 1, cells * cells)
        return (raw * torch.rsqrt(local + functional.softplus(self.floor) ** 2)).reshape(-1, *self.shape)


class FeatureLevel(nn.Module):
    """At 1/4 resolution: the encoder's features."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("grid", pixel_grid(_CELLS), persistent=False)

    def moved(self, second: Tensor, flow: Tensor) -> Tensor:
        """The second crop's features (B, C, 64, 64) where a flow (B, 2, 64, 64) px leads."""
        return warp(second, (1 / CELL) * flow, self.grid)


class PictureLevel(nn.Module):
    """At 1/2 or full resolution: filters on the picture.

    Attributes:
        features: the filters: a crop's shades (B, 1, 256, 256) to (B, channels, n, n).
    """

    def __init__(self, step: int, channels: int) -> None:
        """Build it.

        Args:
            step: px of the crop a cell, 1 or 2.
            channels: of the features, an even number.
        """
        super().__init__()
        self.step = step
        self.features = Normalised(1, channels, _SIZES[step], CROP // step, step)
        with torch.no_grad():
            self.features.filters.weight.copy_(_slopes(_SIZES[step], channels, _FINEST_PX[step]))
            self.features.filters.bias.zero_()
        self.register_buffer("grid", pixel_grid(CROP), persistent=False)
        self.register_buffer("up", cubic(CROP, _CELLS), persistent=False)

    def moved(self, second: Tensor, flow: Tensor) -> Tensor:
        """Features of the second crop's shades (B, 1, 256, 256) where a flow (B, 2, 64, 64) px leads.

        Linear interpolation blurs what is finest, which filters at 1/2 resolution do not see; cubic takes thrice the
        time.
        """
        features: Tensor = self.features(warp(second, spread(self.up, flow), self.grid, cubic=self.step == 1))
        return features


def _slopes(size: int, channels: int, finest_px: float) -> Tensor:
    """Filters (channels, 1, size, size) that take an image's slopes along x and y, from fine to coarse."""
    axis = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    filters = []
    for pair in range(channels // 2):
        sigma = finest_px * math.pow(_NEXT, pair)
        bell = torch.exp(-(axis**2) / (2 * sigma**2))
        bell = bell / bell.sum()
        slope = bell * axis / sigma**2
        filters += [bell[:, None] * slope, slope[:, None] * bell]
    return torch.stack(filters)[:, None]
