"""What finds a flow near to a guess: an affine step, and the network's last step and cleaner with weights of their own.

A video's flow is nearly known before it is measured (`engines.trail`). The correlation and the steps at 1/4 and 1/2
resolution, which find what is nearly right, are left out then: of the head's motion they would find the rest, which
the affine step finds in a tenth of their time, and an expression changes little from frame to frame. Of the second crop
nothing is needed but its shades. The weights begin as those of the trained network, which was never shown a guess that
is half a pixel off.
"""

from copy import deepcopy

from torch import Tensor, nn

from engines.meflownet.affine import AffineStep
from engines.meflownet.grids import pooled
from engines.meflownet.model import Features, MEFlowNet

GIVEN = ("shade", "full", "context", "solid")
"""The features of the first crop that it reads; of the second it reads the shade."""


class Follower(nn.Module):
    """Goes on from a guess at full resolution. Only its step and the cleaner learn."""

    def __init__(self, net: MEFlowNet) -> None:
        """Take the parts of a network; they are copies."""
        super().__init__()
        matcher = net.matcher
        self.affine = AffineStep()
        self.level, self.refiner = deepcopy(matcher.levels[-1]), deepcopy(matcher.refiners[-1])
        self.head, self.cleaner = deepcopy(matcher.head), deepcopy(matcher.cleaner)
        self.register_buffer("pool", matcher.pool.clone(), persistent=False)
        for known in (*self.level.parameters(), *self.head.parameters()):
            known.requires_grad_(False)

    def forward(self, first: Features, shade: Tensor, guess: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Flow between encoded crops.

        Args:
            first: the first crop's features.
            shade: the second crop's, (B, 1, 256, 256).
            guess: flow (B, 2, 64, 64) px that is off by 2 px or less, but for a motion of the whole face.

        Returns:
            As `Matcher` does.
        """
        trust = (self.head.trusted + first.solid[:, 1:]).sigmoid()
        near = self.affine(first.shade, shade, trust, guess)
        flow, insight = self.refiner(first.full, self.level.moved(shade, near), near, first.context)
        head = self.head(flow, pooled(self.pool, first.context), first.solid)
        return head + self.cleaner(flow - head, insight), head, [flow]
