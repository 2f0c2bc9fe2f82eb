"""What a guess leaves over of the head's motion, to first order: a change of the flow that is linear in the place.

It is found by Gauss–Newton on grey levels at 1/4 resolution over the whole face at once (Lucas & Kanade 1981), with the
light's gain and offset as two more unknowns; places that look unlike under it count less (iteratively reweighted least
squares with Cauchy's weights). Nothing in it is learned.
"""

import torch
from torch import Tensor, nn

from calib.face import CROP
from engines.grid import CELL, CELLS
from engines.meflownet.grids import gradients, linear, pixel_grid, pooling, spread, warp
from engines.meflownet.solid import solve

_ROUNDS = (1, 2, 4)
"""How often the weights are found in each round: strict ones at once would let nothing move that is far away."""

_UNLIKE = 1.5
"""A place counts half where it is so many times more unlike than the others are on average, by these weights."""

_RIDGE = 1e-5
"""What keeps a crop without edges where it is; the others' squared slopes are about a thousand times that."""


class AffineStep(nn.Module):
    """Moves a flow as a whole: shifted, turned, stretched, sheared."""

    def __init__(self) -> None:
        super().__init__()
        axis = torch.linspace(-1, 1, CELLS)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        self.register_buffer("plane", torch.stack([torch.ones_like(x), x, y])[None], persistent=False)
        self.register_buffer("grid", pixel_grid(CELLS), persistent=False)
        self.register_buffer("pool", pooling(CELLS, CROP), persistent=False)
        self.register_buffer("up", linear(CELLS, CELLS // 2), persistent=False)
        self.register_buffer("unit", torch.eye(2 * 3 + 2), persistent=False)

    def forward(self, first: Tensor, second: Tensor, trust: Tensor, flow: Tensor) -> Tensor:
        """One step.

        Args:
            first, second: shades of the crops, (B, 1, 256, 256).
            trust: how far a place belongs to the solid head, (B, 1, 32, 32), 0–1.
            flow: so far, (B, 2, 64, 64) px.

        Returns:
            better flow, of the same shape.
        """
        # Columns first, unlike `pooled`, over which TensorRT for RTX 1.7 fails here.
        still, source = ((x @ self.pool.T).reshape(-1, 1, CELLS, CELL, CELLS).mean(3) for x in (first, second))
        solid = spread(self.up, trust).flatten(2)
        for times in _ROUNDS:
            moved = warp(source, (1 / CELL) * flow, self.grid)
            flow = flow + CELL * self._change(still, moved, solid, times)
        return flow

    def _change(self, still: Tensor, moved: Tensor, solid: Tensor, times: int) -> Tensor:
        """What to add, (B, 2, 64, 64) cells, so that the moved picture comes to look like the other.

        The weights of what looks unlike are found so many times, from those found before.
        """
        gx, gy = gradients(0.5 * (still + moved))
        light = torch.cat([still, torch.ones_like(still)], dim=1)
        causes = torch.cat([gx * self.plane, gy * self.plane, light], dim=1).flatten(2)
        rest = (moved - still).flatten(2)
        size, share = rest.abs(), solid
        for _ in range(times):
            usual = (size * share).sum(2, keepdim=True) / share.sum(2, keepdim=True) + 1e-6
            share = solid / (1 + (size / (_UNLIKE * usual)) ** 2)
        weighted = causes * (share / share.sum(2, keepdim=True))
        solved = solve(
            weighted @ causes.transpose(1, 2) + _RIDGE * self.unit, weighted @ rest.transpose(1, 2), self.unit
        )
        along_x, along_y = solved[:, :3].unsqueeze(3), solved[:, 3:6].unsqueeze(3)
        return -torch.cat([(part * self.plane).sum(1, keepdim=True) for part in (along_x, along_y)], dim=1)
