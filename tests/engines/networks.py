"""Networks for the tests: untrained, but with no layer that gives nothing, as fresh ones have."""

import torch

from engines.meflownet.model import MEFlowNet


def network(seed: int = 0, strength: float = 0.02) -> MEFlowNet:
    """A network of size s with random weights, the same ones for a seed.

    Args:
        seed: where chance begins.
        strength: σ of what is added to every weight: layers that start from zero would hide what stands before them.
    """
    torch.manual_seed(seed)
    net = MEFlowNet()
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(strength * torch.randn_like(weight))
    net.eval()
    return net
