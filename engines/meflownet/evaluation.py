"""Errors of a network on people it was never trained on."""

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from engines.meflownet.data import PairConfig, PairMaker, Person
from engines.meflownet.data.appearance import AppearanceConfig
from engines.meflownet.data.expressions import ExpressionConfig
from engines.meflownet.data.heads import HeadConfig
from engines.meflownet.data.photometry import PhotometryConfig
from engines.meflownet.follower import Follower
from engines.meflownet.losses import end_point_error
from engines.meflownet.memory import Batch
from engines.meflownet.model import MEFlowNet
from engines.meflownet.objectives import Guessed

Found: TypeAlias = tuple[Tensor, Tensor, list[Tensor]]
Measure: TypeAlias = Callable[[Batch], Found]
"""Gives what `MEFlowNet` answers to a batch."""


def bench_like(noise: float, micro_px: tuple[float, float] = (0.4, 2.5), still: float = 0.0) -> PairConfig:
    """Pairs like those of the reference table: 100 px between the eyes, gain ±3 %, one noise level.

    Args:
        noise: σ, grey levels.
        micro_px: smallest and largest peak displacement, px of the crop.
        still: share of pairs without expression.
    """
    clean = PhotometryConfig(tone=False, gain=0.02, bias=0, shadow=0, noise=(noise, noise), grey_noise=0, blur=0,
                             motion_blur=0, rescaled=0, jpeg=0, video=0)  # fmt: skip
    expression = ExpressionConfig(still=still, micro_px=micro_px, macro=0, smooth=0)
    alike = AppearanceConfig(mouth=0, eyes=0, creases=0)
    return PairConfig(
        expression, alike, HeadConfig(strength=(0.1, 0.6)), clean, frame_iod=(95, 105), posed=0,
        still_background=0,
    )  # fmt: skip


@torch.no_grad()
def errors(measure: Measure, batches: Iterable[Batch]) -> tuple[float, float, float]:
    """Mean end-point error of the facial, the head and the expression flow over the faces, px of the crop.

    Args:
        measure: what is measured.
        batches: on which; every batch counts alike.
    """
    rows = []
    for batch in batches:
        facial, head, _ = measure(batch)
        checks = ((facial, batch.facial), (head, batch.head), (facial - head, batch.facial - batch.head))
        rows.append([float(end_point_error(*check, batch.valid).mean()) for check in checks])
    facial_px, head_px, expression_px = np.mean(rows, axis=0)
    return float(facial_px), float(head_px), float(expression_px)


def held_out_table(
    net: MEFlowNet, people: Sequence[Person], seed: int, pairs: int = 32, follower: Follower | None = None
) -> str:
    """A Markdown table of errors by noise and by size of movement.

    Args:
        net: the network.
        people: whose faces it is measured on.
        seed: of the pairs.
        pairs: how many in each row.
        follower: if given, what it makes of guesses stands beside what the network finds.
    """
    rows = [(f"σ {noise:g}, 0.4–2.5 px", bench_like(noise)) for noise in (0.7, 2.0, 4.0)]
    rows += [
        (f"σ 2, {low:g}–{high:g} px", bench_like(2.0, (low, high))) for low, high in ((0.1, 0.4), (2.5, 4), (4, 15))
    ]
    rows += [("σ 2, no expression", bench_like(2.0, still=1.0)), ("as in training", PairConfig(posed=0))]
    device = next(net.parameters()).device
    lines = ["| held-out pairs | facial, px | head, px | expression, px |", "|---|---|---|---|"]
    for name, config in rows:
        maker = PairMaker(people, config, seed=seed)
        made = [Batch.of(maker.pair(n), device) for n in range(pairs)]
        measured = [("", errors(from_nothing(net), made))]
        if follower is not None:
            measured.append((", from a guess", errors(from_guesses(net, follower, seed), made)))
        for how, found in measured:
            lines.append(f"| {name}{how} | " + " | ".join(f"{e:.3f}" for e in found) + " |")
    return "\n".join(lines) + "\n"


def from_nothing(net: MEFlowNet) -> Measure:
    """What a network finds."""
    return lambda batch: net(batch.first, batch.second)


def from_guesses(net: MEFlowNet, follower: Follower, seed: int) -> Measure:
    """What a network's follower makes of guesses, the same ones in the same order every time."""
    objective, number = Guessed(net, follower), count(seed)

    def measure(batch: Batch) -> Found:
        with torch.random.fork_rng():
            torch.manual_seed(next(number))
            return objective.followed(batch)

    return measure
