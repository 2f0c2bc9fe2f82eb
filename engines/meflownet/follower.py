"""What finds a flow near to a guess: the network's last two steps and its cleaner, with weights of their own.

A video's flow is nearly known before it is measured (`engines.trail`). The correlation and the step at 1/4 resolution,
which find what is nearly right, are left out then, and of the second crop nothing is needed but its shades. The weights
begin as those of the trained network, which was never shown a guess that is a pixel off.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn

from engines.meflownet.grids import pooled
from engines.meflownet.model import Features, MEFlowNet

GIVEN = ("half", "full", "context", "solid")
"""The features of the first crop that it reads; of the second it reads the shade."""


class Follower(nn.Module):
    """Goes on from a guess at 1/2 and full resolution. Only its steps and the cleaner learn."""

    def __init__(self, net: MEFlowNet) -> None:
        """Take the parts of a network; they are copies."""
        super().__init__()
        matcher = net.matcher
        counts = torch.tensor(matcher.steps).cumsum(0).tolist()
        self.levels = deepcopy(matcher.levels[1:])
        self.refiners = nn.ModuleList(deepcopy(matcher.refiners[last - 1]) for last in counts[1:])
        self.head, self.cleaner = deepcopy(matcher.head), deepcopy(matcher.cleaner)
        self.register_buffer("pool", matcher.pool.clone(), persistent=False)
        for known in (*self.levels.parameters(), *self.head.parameters()):
            known.requires_grad_(False)

    def forward(self, first: Features, shade: Tensor, guess: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Flow between encoded crops.

        Args:
            first: the first crop's features.
            shade: the second crop's, (B, 1, 256, 256).
            guess: flow (B, 2, 64, 64) px that is off by 3 px or less.

        Returns:
            As `Matcher` does.
        """
        flow, insight = guess, guess
        stages = []
        for level, refiner, still in zip(self.levels, self.refiners, (first.half, first.full), strict=True):
            if self.training:
                # Torch's backward pass writes beyond its arrays where a place is not a number.
                flow = torch.nan_to_num(flow)
            flow, insight = refiner(still, level.moved(shade, flow), flow, first.context)
            stages.append(flow)
        head = self.head(flow, pooled(self.pool, first.context), first.solid)
        return head + self.cleaner(flow - head, insight), head, stages
