"""Fixed linear maps between the network's grids: interpolation, averaging windows, gradients.

A map along one axis is a matrix; on an image it is applied from both sides, which every runtime does fast and exactly.
Grids lie as `engines.grid` says.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from calib.face import Doubles
from engines import grid


def cubic(size: int, cells: int) -> Tensor:
    """`engines.grid.cubic` as a tensor."""
    return _tensor(grid.cubic(size, cells))


def linear(size: int, cells: int) -> Tensor:
    """Linear interpolation from `cells` to `size` samples, (size, cells); edges are repeated."""
    at = ((np.arange(size) + 0.5) * cells / size - 0.5).clip(0, cells - 1)
    matrix = np.maximum(0.0, 1 - np.abs(at[:, None] - np.arange(cells)))
    return _tensor(matrix)


def window(cells: int, sigma: float) -> Tensor:
    """Averaging with a Gaussian of `sigma` cells, (cells, cells), its rows summing to 1 at the edges too.

    Its tails end where they count less than 1e-7: farther out they would be denormal numbers, which cost a processor a
    hundred times the time of ordinary ones.
    """
    gaps = np.arange(cells)[:, None] - np.arange(cells)
    matrix = np.exp(-(gaps**2) / (2 * sigma**2))
    matrix[matrix < 1e-7] = 0
    return _tensor(matrix / matrix.sum(axis=1, keepdims=True))


def smoother(cells: int, sigma: float) -> Tensor:
    """Smoothing that leaves what bends as it is, (cells, cells): twice a `window` less that window applied twice.

    An average halves a bump of its own width. What it took away, smoothed and given back (Tukey's
    twicing, 1977), cancels the curvature's share of that; against noise it does as much as an average of 0.7 its σ.
    """
    average = window(cells, sigma).double()
    matrix = 2 * average - average @ average
    matrix[matrix.abs() < 1e-7] = 0
    return matrix.float()


def _tensor(matrix: Doubles) -> Tensor:
    return torch.from_numpy(matrix.astype(np.float32))


def spread(matrix: Tensor, image: Tensor) -> Tensor:
    """Apply a one-dimensional map to both axes of square images (B, C, n, n)."""
    return matrix @ image @ matrix.T


def spread_by_each(matrices: Tensor, image: Tensor) -> Tensor:
    """`spread` by each of several maps (k, n, n): (B, C, k, n, n), in two products."""
    count, cells, _ = matrices.shape
    rows = matrices.reshape(count * cells, cells) @ image
    return rows.reshape(*image.shape[:2], count, cells, cells) @ matrices.mT


def pooling(cells: int, size: int) -> Tensor:
    """Averaging of `size` samples in groups to `cells`, (cells, size)."""
    return _tensor(np.repeat(np.eye(cells), size // cells, axis=1) * (cells / size))


def pooled(matrix: Tensor, image: Tensor) -> Tensor:
    """Averages of square blocks of images (B, C, n, n), (B, C, cells, cells); `matrix` is `pooling(cells, n)`.

    What `avg_pool2d` gives, at half its time on a CPU: rows are averaged as they lie, columns by a matrix.
    """
    cells, size = matrix.shape
    rows = image.reshape(-1, image.shape[1], cells, size // cells, size).mean(3)
    return rows @ matrix.T


def compressed(x: Tensor) -> Tensor:
    """Positive numbers of many magnitudes brought together, 8 (x^(1/8) - 1).

    Like a logarithm, and exactly like it near 1, but roots are fast on every runtime.
    """
    return 8 * torch.sqrt(torch.sqrt(torch.sqrt(x))) - 8


def pixel_grid(cells: int) -> Tensor:
    """Cell indices (1, 2, cells, cells): x, y."""
    axis = torch.arange(cells, dtype=torch.float32)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x, y])[None]


_BESIDE = 0.15
"""How much of a slope's misplacement by cubic interpolation is made up for; 0.26 would be all of it.

With 0.15 the answers of filters with σ = 1 cell differ least: what is finer than a slope is in its place already."""


def warp(features: Tensor, flow: Tensor, grid: Tensor, cubic: bool = False) -> Tensor:
    """Features (B, C, n, n) of the second crop fetched to where `flow` (B, 2, n, n), in cells, says they went.

    What is finer than some cells is blurred by linear interpolation, most of it half way between two of them, which
    pulls a flow towards whole cells. Cubic (Keys 1981, with the a = -3/4 of every runtime) blurs less and takes thrice
    the time, but sees a slope up to 0.05 cells beside its place, by t³ - 1.5 t² + 0.5 t at t cells from the last one.
    """
    cells = features.shape[-1]
    at = grid + flow
    if cubic:
        rest = at - torch.floor(at) - 0.5
        at = at + _BESIDE * rest * (1 - 4 * rest * rest)
    places = (2 * at + 1) / cells - 1
    mode = "bicubic" if cubic else "bilinear"
    return functional.grid_sample(
        features, places.permute(0, 2, 3, 1), mode=mode, padding_mode="border", align_corners=False
    )


def gradients(image: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences along x and y, of the same shape; edges are repeated."""
    padded = functional.pad(image, (1, 1, 1, 1), mode="replicate")
    along_x = 0.5 * (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2])
    along_y = 0.5 * (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1])
    return along_x, along_y
