"""Errors of a network on people it was never trained on."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from engines.meflownet.data import Pair, PairConfig, PairMaker, Person
from engines.meflownet.data.appearance import AppearanceConfig
from engines.meflownet.data.expressions import ExpressionConfig
from engines.meflownet.data.heads import HeadConfig
from engines.meflownet.data.photometry import PhotometryConfig
from engines.meflownet.losses import end_point_error
from engines.meflownet.memory import Batch
from engines.meflownet.model import MEFlowNet
from engines.meflownet.passes import SecondPass


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
def errors(net: MEFlowNet, pairs: Iterable[Pair], twice: bool = False) -> tuple[float, float, float]:
    """Mean end-point error of the facial, the head and the expression flow over the faces, px of the crop.

    Args:
        net: what is measured.
        pairs: on which.
        twice: whether in the second of two passes; the error is that of what the first one left, where that is known.
    """
    device = next(net.parameters()).device
    second = SecondPass(device)
    rows = []
    for pair in pairs:
        batch = Batch.of(pair, device)
        if twice:
            batch = second.of(net, batch)
        facial, head, _ = net(batch.first, batch.second)
        checks = ((facial, batch.facial), (head, batch.head), (facial - head, batch.facial - batch.head))
        rows.append([float(end_point_error(*check, batch.valid)) for check in checks])
    facial_px, head_px, expression_px = np.mean(rows, axis=0)
    return float(facial_px), float(head_px), float(expression_px)


def held_out_table(net: MEFlowNet, people: Sequence[Person], seed: int, pairs: int = 32) -> str:
    """A Markdown table of errors by noise and by size of movement."""
    rows = [(f"σ {noise:g}, 0.4–2.5 px", bench_like(noise)) for noise in (0.7, 2.0, 4.0)]
    rows += [
        (f"σ 2, {low:g}–{high:g} px", bench_like(2.0, (low, high))) for low, high in ((0.1, 0.4), (2.5, 4), (4, 15))
    ]
    rows += [("σ 2, no expression", bench_like(2.0, still=1.0)), ("as in training", PairConfig(posed=0))]
    lines = ["| held-out pairs | facial, px | head, px | expression, px |", "|---|---|---|---|"]
    for name, config in rows:
        maker = PairMaker(people, config, seed=seed)
        made = [maker.pair(n) for n in range(pairs)]
        for passes, twice in (("", False), (", second pass", True)):
            measured = errors(net, made, twice)
            lines.append(f"| {name}{passes} | " + " | ".join(f"{e:.3f}" for e in measured) + " |")
    return "\n".join(lines) + "\n"
