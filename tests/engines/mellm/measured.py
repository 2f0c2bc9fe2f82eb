"""Measurements for the tests, read off the table of action units."""

from collections.abc import Iterable

import numpy as np

from calib.face import REGION_NAMES
from calib.facs import pattern
from engines.mellm.answer import Facts
from engines.regions import motion_of


def facts_of(codes: Iterable[str], strength: float = 0.02, floor: float = 0.003, iod_px: float = 100.0) -> Facts:
    """What a face shows that moves some action units by so much, without an error."""
    moved = sum((strength * pattern(code) for code in codes), np.zeros((len(REGION_NAMES), 2)))
    regions = tuple(
        motion_of(name, row[None].astype(np.float32)) for name, row in zip(REGION_NAMES, moved, strict=True)
    )
    return Facts(regions, (floor,) * len(regions), iod_px)
