"""What training minimises, and the errors it reports."""

import torch
from torch import Tensor
from torch.nn import functional

STAGE_WEIGHTS = (0.15, 0.2, 0.25, 0.3)
"""Of the flow after the coarse step and after 1/4, 1/2 and full resolution."""

_SOFTNESS_PX = 0.01

_FLOOR_PX, _STAGE_FLOOR_PX = 0.015, 0.05
"""Error of a pair below which it hardly matters how small it is: of the flow, and of that after a step."""


def end_point_error(
    flow: Tensor, truth: Tensor, valid: Tensor, softness: float = 0.0, tolerance: Tensor | None = None
) -> Tensor:
    """Mean end-point error of a batch, (B,) px.

    Args:
        flow, truth: (B, 2, n, n) px.
        valid: (B, 1, n, n), 1 where it counts.
        softness: px below which the error is rounded off, so that its gradient does not jump.
        tolerance: (B,) px of error that does not count; none if None.
    """
    error = torch.sqrt(((flow - truth) ** 2).sum(1, keepdim=True) + softness**2)
    if tolerance is not None:
        error = functional.relu(error - tolerance.reshape(-1, 1, 1, 1))
    return (error * valid).sum((1, 2, 3)) / valid.sum((1, 2, 3)).clamp(min=1)


def loss(
    found: tuple[Tensor, Tensor, list[Tensor]],
    facial: Tensor,
    head: Tensor,
    valid: Tensor,
    tolerance: Tensor,
    weights: tuple[float, ...] = STAGE_WEIGHTS,
) -> Tensor:
    """The training loss: facial, expression and head error, and that of every step on the way, by their logarithms.

    A tenth less error is worth the same in a pair that is nearly right already as in a hard one. Means of the errors
    themselves are those of large motions and changed faces, in which a hundredth of a pixel counts for nothing.

    Args:
        found: what the network gave: facial and head flow (B, 2, 256, 256) px, and the facial flow on the grid of 4 px
            after every step.
        facial, head: the true flow, (B, 2, 256, 256) px.
        valid: (B, 1, 256, 256).
        tolerance: (B,) px of error that does not count, for pairs whose flow is not known exactly.
        weights: of the steps.
    """
    found_facial, found_head, stages = found
    total = torch.zeros(len(facial), device=facial.device)
    for flow, truth in ((found_facial, facial), (found_head, head), (found_facial - found_head, facial - head)):
        total = total + _graded(end_point_error(flow, truth, valid, _SOFTNESS_PX, tolerance), _FLOOR_PX)
    coarse = functional.avg_pool2d(facial, 4)
    inside = (functional.avg_pool2d(valid, 4) > 0.99).float()
    # A network with repeated steps has more stages: the last weight counts for all of them.
    weights += (weights[-1],) * max(len(stages) - len(weights), 0)
    for weight, stage in zip(weights, stages, strict=False):
        error = end_point_error(stage, coarse, inside, _SOFTNESS_PX, tolerance)
        total = total + weight * _graded(error, _STAGE_FLOOR_PX)
    return total.mean()


def _graded(error: Tensor, floor_px: float) -> Tensor:
    return torch.log(1 + error / floor_px)
