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
_WAY = r"(?:up|down)(?:\s+and\s+(?:to\s+the\s+)?|[- ])(?:left|right)|up|down|left|right"
# "Chin raiser" and "left cheek raiser" are action units.
_WORD = re.compile(rf"\b(?:(?P<name>{_NAME})(?! raiser)|(?P<way>{_WAY}))\b|(?P<stop>[.;:|\n](?!\d))", re.IGNORECASE)
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

    A direction belongs to the regions named before it in the same clause: "A and B moved up". Regions are matched
    before directions, so that the "right" of "Right Cheek" is none.
    """
    found: list[Claim] = []
    named: list[str] = []
    for word in _WORD.finditer(text + "\n"):
        if word["name"]:
            named.append(_PROPER[word["name"].lower()])
        elif named:
            way = "-".join(re.findall(r"up|down|left|right", (word["way"] or "").lower()))
            found += [Claim(name, way) for name in named]
            named = []
    return found


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
