"""What follows the network's convolutions."""

from torch import Tensor
from torch.nn import functional

SLOPE = 0.01
"""Of what is below zero. With nothing left of it (ReLU) a channel that answers nothing any more learns nothing any more:
after hours of training half of them did, in some layers nearly all."""


def active(x: Tensor) -> Tensor:
    """The leaky ReLU (Maas et al. 2013) of any tensor."""
    return functional.leaky_relu(x, SLOPE)
