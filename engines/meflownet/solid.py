"""The head decoder: the motion of a solid head, fitted to the facial flow by least squares with learned weights.

To first order the picture of a turning, shifting solid head moves by a linear function of (1, x, y, z), freely along
either axis; a camera that is near adds perspective, which is two numbers for both axes together: p x² + q xy along x
and p xy + q y² along y (Longuet-Higgins & Prazdny 1980). The network tells the depth z and how far to trust every
place; the fit is exact algebra, so that a head without expression leaves nothing over.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from calib.face import CROP, CROP_IOD
from engines.meflownet.grids import compressed, cubic, spread

_CELLS = CROP // 8
_TERMS = 4
_ROUNDS = 2


class SolidHead(nn.Module):
    """A weighted least-squares fit in rounds: trusted places first, then what agrees with them."""

    def __init__(self, context: int, hidden: int = 32) -> None:
        super().__init__()
        self.judge = nn.Sequential(
            nn.Conv2d(context + 5, hidden, 3, padding=1), nn.LeakyReLU(),
            nn.Conv2d(hidden, hidden, 3, padding=2, dilation=2), nn.LeakyReLU(),
            nn.Conv2d(hidden, 1, 3, padding=1),
        )  # fmt: skip
        nn.init.zeros_(self.judge[-1].weight)
        self.ridge = nn.Parameter(torch.tensor([-16.0, -16.0, -16.0, -7.0]))
        self.distance = nn.Parameter(torch.tensor(-7.0))
        self.strictness = nn.Parameter(torch.tensor(2.5))
        axis = (8 * torch.arange(_CELLS) + 3.5 - CROP / 2) / CROP_IOD
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        self.register_buffer("plane", torch.stack([torch.ones_like(x), x, y])[None], persistent=False)
        perspective = torch.stack([torch.stack([x * x, x * y]), torch.stack([x * y, y * y])])
        self.register_buffer("perspective", perspective.flatten(2)[:, None], persistent=False)
        # A face bulges towards the camera: where its depth starts from before anything is learned.
        self.bulge = nn.Parameter((0.4 * (x * x + (y - 0.3) ** 2))[None, None].clamp(max=0.8))
        self.trusted = nn.Parameter((-2.0 * ((x / 0.9) ** 2 + ((y - 0.15) / 1.1) ** 2) ** 2)[None, None].clamp(min=-6))
        self.register_buffer("unit", torch.eye(_TERMS), persistent=False)
        self.register_buffer("up", cubic(CROP // 4, _CELLS), persistent=False)

    def forward(self, flow: Tensor, near: Tensor, solid: Tensor) -> Tensor:
        """The head's flow (B, 2, 64, 64) px.

        Args:
            flow: facial flow (B, 2, 64, 64) px.
            near: the first crop's context features, (B, C, 32, 32).
            solid: the encoder's depth and stability of the first crop, (B, 2, 32, 32).
        """
        coarse = functional.avg_pool2d(flow, 2)
        basis = torch.cat([self.plane.expand(len(flow), -1, -1, -1), self.bulge + solid[:, :1]], dim=1)
        trust = self.trusted + solid[:, 1:]
        fitted = self._fit(basis, coarse, trust.sigmoid())
        for _ in range(_ROUNDS):
            rest = coarse - fitted
            size = (rest * rest).sum(1, keepdim=True)
            seen = torch.cat([near, rest, compressed(size + 1e-4), trust, basis[:, 3:4]], dim=1)
            weight = (trust + self.judge(seen)).sigmoid() * torch.rsqrt(1 + torch.exp(self.strictness) * size)
            fitted = self._fit(basis, coarse, weight)
        return spread(self.up, fitted)

    def _fit(self, basis: Tensor, flow: Tensor, weight: Tensor) -> Tensor:
        """The weighted least-squares fit of a flow (B, 2, 32, 32), on the same grid.

        The numbers of either axis are eliminated first; what they leave of the perspective is a system of two.
        """
        rows, target = basis.flatten(2), flow.flatten(2)
        share = (weight / weight.sum((2, 3), keepdim=True)).flatten(2)
        along = self.perspective.expand(-1, len(flow), -1, -1)
        weighted = rows * share
        normal = weighted @ rows.transpose(1, 2) + torch.exp(self.ridge) * self.unit
        right = torch.cat([target, along[0], along[1]], dim=1)
        solved = solve(normal, weighted @ right.transpose(1, 2), self.unit)
        rest = right - solved.transpose(1, 2) @ rows
        u, v, across, down = rest[:, :1], rest[:, 1:2], rest[:, 2:4], rest[:, 4:]
        two_by_two = (across * share) @ along[0].transpose(1, 2) + (down * share) @ along[1].transpose(1, 2)
        left = ((across * u + down * v) * share).sum(2)
        a, b, d = two_by_two[:, 0, 0], two_by_two[:, 0, 1], two_by_two[:, 1, 1]
        a, d = a + torch.exp(self.distance), d + torch.exp(self.distance)
        p = (d * left[:, 0] - b * left[:, 1]) / (a * d - b * b)
        q = (a * left[:, 1] - b * left[:, 0]) / (a * d - b * b)
        near = torch.stack([p, q], dim=1)[:, :, None]
        left_over = torch.cat([u - (across * near).sum(1, keepdim=True), v - (down * near).sum(1, keepdim=True)], 1)
        return flow - left_over.reshape(flow.shape)


def solve(normal: Tensor, right: Tensor, unit: Tensor) -> Tensor:
    """Solve positive definite systems (B, n, n) · x = (B, n, k) by Gauss–Jordan elimination: every runtime has it.

    `unit` is the unit matrix (n, n).
    """
    table = torch.cat([normal, right], dim=2)
    for k, keep in enumerate(unit[..., None]):
        column, pivot = table[:, :, k : k + 1], table[:, k : k + 1] / table[:, k : k + 1, k : k + 1]
        # Leaves the pivot in its row, since that was the pivot times the column's number.
        table = table - (column - keep) * pivot
    return table[:, :, len(unit) :]
