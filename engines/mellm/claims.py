"""What a text claims to have moved, and which of it was not measured.

Faithfulness is the share of claimed region movements that were measured above the noise floor with the claimed
direction (± 45°).
"""

import re
from dataclasses import dataclass

from calib.face import REGION_NAMES
from engines.mellm.answer import Facts
from engines.regions import OCTANTS

_NAME = "|".join(re.escape(name) for name in sorted(REGION_NAMES, key=len, reverse=True))
_WAY = r"(?:(?:up|down)(?:ward)?(?:s)?(?:\s+and\s+(?:to\s+the\s+)?|[- ])(?:left|right)|up|down|left|right)"
_CLAIM = re.compile(rf"\b({_NAME})\b([^.;:|\n]{{0,60}}?\b(?P<way>{_WAY}))?", re.IGNORECASE)
_PROPER = {name.lower(): name for name in REGION_NAMES}


@dataclass(frozen=True)
class Claim:
    """One region that a text says moved.

    Attributes:
        region: the viewer's name.
        direction: an octant; empty if the text names none.
    """

    region: str
    direction: str


def claims(text: str) -> list[Claim]:
    """The region movements a text claims, in its order.

    A direction counts for the region named before it, and for regions named just before that one ("A and B up").
    """
    found: list[Claim] = []
    place = 0
    while (match := _CLAIM.search(text, place)) is not None:
        named, between = match[1], match[2] or ""
        # Another region named before the direction: the direction is that one's too.
        if between and re.search(_NAME, between, re.IGNORECASE):
            later = _CLAIM.search(text, match.end(1))
            way = later["way"] if later is not None else None
            place = match.end(1)
        else:
            way = match["way"]
            place = match.end()
        found.append(Claim(_PROPER[named.lower()], _octant(way)))
    return found


def _octant(way: str | None) -> str:
    words = re.findall(r"up|down|left|right", (way or "").lower())
    return "-".join(words)


def false_claims(text: str, facts: Facts) -> list[Claim]:
    """The claims of a text that were not measured: a still region, or a direction more than 45° away."""
    moving = {region.name: region for region in facts.moving}
    return [
        claim for claim in claims(text) if claim.region not in moving or not _fits(claim, moving[claim.region].degrees)
    ]


def _fits(claim: Claim, degrees: float) -> bool:
    if not claim.direction:
        return True
    away = abs((degrees - 45 * OCTANTS.index(claim.direction) + 180) % 360 - 180)
    return away <= 45
