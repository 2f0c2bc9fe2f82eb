"""Pairs as the second of two passes sees them: what `engines.refine` does between its passes, for batches.

It is near enough, not the same: small expressions are taken out as well, if they are clear; a batch knows where its
flow counts, not the face's whole outline; the picture is fetched by cubic interpolation, a function of torch, and not
rounded where crops are compared; and what DIS mends, and the smoothed pass, are left out.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from calib.face import CROP
from engines.grid import CELL, CELLS
from engines.likeness import DECIDED, LEAST, MIDDLE, REACH_PX, SHIFT_PX
from engines.meflownet.data.pairs import FARTHEST_PX, NEWTON_ROUNDS, THINNEST
from engines.meflownet.grids import gradients, pixel_grid, spread, window
from engines.meflownet.memory import Batch
from engines.refine import ROUNDS

Net = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, list[Tensor]]]
"""Gives facial and head flow (B, 2, 256, 256) px between crops, and a third thing that is not used."""

_CLEAR_PX = 0.5  # an expression that moves no place further than this is not taken out: it would be noise

_SETTLED_PX = 0.05  # where it comes no nearer, as between parting lips, what a first pass leaves over is not known


class SecondPass:
    """Turns pairs into what a second pass sees of them, given what a network finds in a first one.

    What is left is the network's own error, not a random one: it is large where skin stretches, and bends as the first
    pass could not.
    """

    def __init__(self, device: torch.device) -> None:
        """Prepare the fixed maps: a step that is recorded as a CUDA graph can copy nothing to the GPU."""
        self._grid = pixel_grid(CROP).to(device)
        self._wide = window(CELLS, REACH_PX / CELL).to(device)

    @torch.no_grad()
    def of(self, net: Net, batch: Batch) -> Batch:
        """The batch with its second crops as a second pass sees them.

        Args:
            net: makes the first pass.
            batch: pairs as they were made.

        Returns:
            the pairs with what the first pass found taken out, and the flow that is left; where it cannot be told, it
            does not count.
        """
        there, head, _ = net(batch.first, batch.second)
        back, _, _ = net(batch.second, batch.first)
        there, head, back = (torch.nan_to_num(flow, 0, 0, 0) for flow in (there, head, back))
        expression = self._from_both_sides(there, back, *(_grey(crop) for crop in (batch.first, batch.second))) - head
        clear = (expression.norm(dim=1, keepdim=True) * batch.valid).amax((1, 2, 3), keepdim=True) > _CLEAR_PX
        guess = head + expression * clear
        second = _taken(batch.second.float(), self._grid + guess, "bicubic").round().clamp(0, 255)
        left, settled = _left(batch.facial, guess, self._grid)
        return batch._replace(
            second=second.to(batch.second.dtype), facial=left, head=batch.head - head, valid=batch.valid * settled
        )

    def _from_both_sides(self, there: Tensor, back: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """`engines.refine.from_both_sides` of flows (B, 2, 256, 256) px and grey crops (B, 1, 256, 256)."""
        again = there
        for _ in range(ROUNDS):
            again = -_taken(back, self._grid + again)
        apart, turned = (self._apart(flow, first, second) for flow in (there, again))
        noise = torch.minimum(*(one[..., MIDDLE, MIDDLE].flatten(1).median(dim=1).values for one in (apart, turned)))
        along_x, along_y = gradients(first)
        edges = self._around(SHIFT_PX**2 * (along_x**2 + along_y**2))
        against = (apart - turned) / (noise.clamp(min=LEAST)[:, None, None, None] + edges) / DECIDED
        against = functional.interpolate(against, scale_factor=CELL, mode="bilinear", align_corners=False)
        return there + torch.sigmoid(against) * (again - there)

    def _apart(self, flow: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Squared difference of grey levels under a flow, (B, 1, 64, 64), as `engines.likeness` looks at it."""
        taken = _taken(second, self._grid + flow, "bicubic")
        gain = first.mean((1, 2, 3), keepdim=True) / taken.mean((1, 2, 3), keepdim=True).clamp(min=1)
        return self._around((first - gain * taken) ** 2)

    def _around(self, image: Tensor) -> Tensor:
        """The mean around every cell of the grid, (B, 1, 64, 64)."""
        return spread(self._wide, functional.avg_pool2d(image, CELL))


def _grey(crop: Tensor) -> Tensor:
    """Grey levels (B, 1, 256, 256) of crops (B, 3, 256, 256), by the weights of ITU-R BT.601, as OpenCV's."""
    red, green, blue = crop.float().split(1, dim=1)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _left(flow: Tensor, guess: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    """The flow that is left of one when a guess is taken out, and where that is known, (B, 1, 256, 256), 1 or 0.

    What is left and the guess at its place are the flow. Solved by Newton's method, as is the inverse of a flow in
    `data.pairs`.

    Args:
        flow, guess: (B, 2, 256, 256) px.
        grid: the places of the pixels, (1, 2, 256, 256) px.
    """
    along_x, along_y = gradients(guess)
    a, b, c, d = 1 + along_x[:, :1], along_y[:, :1], along_x[:, 1:], 1 + along_y[:, 1:]
    steps = torch.cat([d, -b, -c, a], dim=1) / (a * d - b * c).clamp(min=THINNEST)
    left = torch.zeros_like(flow)
    for _ in range(NEWTON_ROUNDS):
        at = grid + left
        x, y = (flow - left - _taken(guess, at)).split(1, dim=1)
        d, b, c, a = _taken(steps, at).split(1, dim=1)
        left = left + torch.cat([d * x + b * y, c * x + a * y], dim=1).clamp(-FARTHEST_PX, FARTHEST_PX)
    off = (left + _taken(guess, grid + left) - flow).abs().amax(1, keepdim=True)
    return left, (off < _SETTLED_PX).float()


def _taken(image: Tensor, at: Tensor, mode: str = "bilinear") -> Tensor:
    """Images (B, C, 256, 256) at places (B, 2, 256, 256), px; their edges go on outside."""
    places = ((2 * at + 1) / CROP - 1).permute(0, 2, 3, 1)
    return functional.grid_sample(image, places, mode=mode, padding_mode="border", align_corners=False)
