"""Pairs without disturbances in which nothing is covered or uncovered."""

from typing import Any

from engines.meflownet.data import PairConfig
from engines.meflownet.data.appearance import AppearanceConfig
from engines.meflownet.data.expressions import ExpressionConfig
from engines.meflownet.data.heads import HeadConfig
from engines.meflownet.data.photometry import PhotometryConfig

CLEAN = PhotometryConfig(tone=False, gain=0, bias=0, shadow=0, noise=(1e-6, 1e-6), grey_noise=0, blur=0, motion_blur=0,
                         rescaled=0, jpeg=0, video=0)  # fmt: skip
NOTHING_NEW = AppearanceConfig(mouth=0, eyes=0, creases=0)
MOVING = HeadConfig(still=0, strength=(0.5, 1))


def config(expression: ExpressionConfig, head: HeadConfig, **others: Any) -> PairConfig:
    """Such pairs, but for the others."""
    plain: dict[str, Any] = {"appearance": NOTHING_NEW, "photometry": CLEAN}
    return PairConfig(expression, head=head, **(plain | others))
