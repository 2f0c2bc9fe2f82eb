"""What training minimises, and the errors it reports."""

import torch
from torch import Tensor
from torch.nn import functional

STAGE_WEIGHTS = (0.05, 0.1, 0.2, 0.3)
"""Of the flow after the coarse step and after 1/4, 1/2 and full resolution."""


def end_point_error(flow: Tensor, truth: Tensor, valid: Tensor, softness: float = 0.0) -> Tensor:
    """Mean end-point error of a batch, (B,) px.

    Args:
        flow, truth: (B, 2, n, n) px.
        valid: (B, 1, n, n), 1 where it counts.
        softness: px below which the error is rounded off, so that its gradient does not jump.
    """
    error = torch.sqrt(((flow - truth) ** 2).sum(1, keepdim=True) + softness**2)
    return (error * valid).sum((1, 2, 3)) / valid.sum((1, 2, 3)).clamp(min=1)


def loss(
    facial: Tensor, head: Tensor, stages: list[Tensor], true_facial: Tensor, true_head: Tensor, valid: Tensor
) -> Tensor:
    """The training loss: facial, expression and head error, and the error of every step on the way.

    Args:
        facial, head: (B, 2, 256, 256) px.
        stages: facial flow on the grid of 4 px after every step.
        true_facial, true_head: (B, 2, 256, 256) px.
        valid: (B, 1, 256, 256).
    """
    total = end_point_error(facial, true_facial, valid, 0.01)
    total = total + end_point_error(facial - head, true_facial - true_head, valid, 0.01)
    total = total + end_point_error(head, true_head, valid, 0.01)
    coarse = functional.avg_pool2d(true_facial, 4)
    inside = (functional.avg_pool2d(valid, 4) > 0.99).float()
    # A network with repeated steps has more stages: the last weight counts for all of them.
    weights = STAGE_WEIGHTS + (STAGE_WEIGHTS[-1],) * max(len(stages) - len(STAGE_WEIGHTS), 0)
    for weight, stage in zip(weights, stages, strict=False):
        total = total + weight * end_point_error(stage, coarse, inside, 0.01)
    return total.mean()
