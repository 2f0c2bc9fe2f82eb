"""What is learned: a pair's flow from nothing, or from a guess."""

import torch
from torch import Tensor
from torch.nn import functional

from engines.grid import CELL
from engines.meflownet.covers import Covers
from engines.meflownet.follower import Follower
from engines.meflownet.grids import spread
from engines.meflownet.guesses import Guesses
from engines.meflownet.losses import STAGE_WEIGHTS, loss
from engines.meflownet.memory import Batch
from engines.meflownet.model import MEFlowNet


class Pairs:
    """The loss of a network that is told nothing of a batch's flow."""

    def __init__(self, net: MEFlowNet) -> None:
        """Take the network, on its device."""
        self._net = net

    def __call__(self, batch: Batch) -> Tensor:
        """The loss."""
        found = self._net(batch.first, batch.second)
        return loss(found, batch.facial, batch.head, batch.valid, batch.tolerance)


class Guessed:
    """The loss of a follower, a network's, that is told a batch's flow roughly, and of some second crops shown a part.

    Half of the guesses are what it makes of one: what it finds in one frame is where it begins in the next.
    """

    def __init__(self, net: MEFlowNet, follower: Follower) -> None:
        """Take both, on their device; the network does not learn."""
        self._net, self._follower = net, follower
        device = next(net.parameters()).device
        self._guesses, self._covers = Guesses(device), Covers(device)

    def __call__(self, batch: Batch) -> Tensor:
        """The loss."""
        found = self.followed(batch._replace(second=self._covers.over(batch.second)))
        return loss(found, batch.facial, batch.head, batch.valid, batch.tolerance, STAGE_WEIGHTS[-1:])

    def followed(self, batch: Batch) -> tuple[Tensor, Tensor, list[Tensor]]:
        """What the follower makes of guesses: as `MEFlowNet` answers."""
        with torch.no_grad():
            first, second = (self._net.encode(crops.float()) for crops in (batch.first, batch.second))
            facial, head = (functional.avg_pool2d(flow, CELL) for flow in (batch.facial, batch.head))
            guess = torch.nan_to_num(self._guesses.of(facial, facial - head))
            again = torch.nan_to_num(self._guesses.after(self._follower(first, second.shade, guess)[0]))
            own = torch.rand((len(guess), 1, 1, 1), device=guess.device) < 0.5
        facial, head, stages = self._follower(first, second.shade, torch.where(own, again, guess))
        return spread(self._net.up, facial), spread(self._net.up, head), stages
