"""What a text claims to have moved, and which of it was not measured.

Faithfulness is the share of claimed region movements that were measured above the noise floor with the claimed
direction (± 45°), and by the claimed amount where one is said.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calib.face import REGION_NAMES
from engines.mellm.answer import Facts
from engines.regions import OCTANTS, RegionMotion

_NAME = "|".join(re.escape(name) for name in sorted(REGION_NAMES, key=len, reverse=True))
_WAY = r"(?:up|down)(?:\s+and\s+(?:to\s+the\s+)?|[- ])(?:left|right)|up|down|left|right"
# "Chin raiser" and "left cheek raiser" are action units.
_WORD = re.compile(
    rf"\b(?:(?P<name>{_NAME})(?! raiser)|(?P<way>{_WAY}))\b"
    r"|(?P<px>\d+(?:\.\d+)?) ?(?:px|pixels)\b|(?P<share>\d+(?:\.\d+)?) ?%|(?P<stop>[.;|\n](?!\d))",
    re.IGNORECASE,
)
_PROPER = {name.lower(): name for name in REGION_NAMES}
_FIRST = "|".join(sorted({name.split()[0] for name in REGION_NAMES}))
_BEGUN = re.compile(rf"\b(?:(?:{_FIRST})\b[A-Za-z ]*|[A-Za-z]+)\Z", re.IGNORECASE)  # perhaps the beginning of a name
_CODE_BEGUN = re.compile(r"\b[LR]?AU[ -]?\d*\Z", re.IGNORECASE)  # an action unit's code, which may yet go on

_NEAR, _NEAR_SHARE = 0.1, 0.05
"""An amount may be off by so much, px or % of the eye distance, and by this share: what rounding does."""


@dataclass(frozen=True)
class Claim:
    """One region that a text says moved.

    Attributes:
        region: the viewer's name.
        direction: an octant; empty if the text names none.
        px, percent: how far, in px and % of the eye distance; None if the text does not say.
    """

    region: str
    direction: str
    px: float | None = None
    percent: float | None = None

    def __str__(self) -> str:
        """As a text would say it."""
        amounts = ((self.px, " px"), (self.percent, "%"))
        said = [f"{amount:g}{unit}" for amount, unit in amounts if amount is not None]
        return ", ".join([f"{self.region} {self.direction}".rstrip(), *said])


def claims(text: str) -> list[Claim]:
    """The region movements a text claims, in its order.

    A direction belongs to the regions named before it in the same clause: "A and B moved up"; so does an amount.
    Regions are matched before directions, so that the "right" of "Right Cheek" is none.
    """
    found: list[Claim] = []
    clause: list[str] = []
    said: dict[str, str] = {}
    for word in _WORD.finditer(text + "\n"):
        if word["name"]:
            if said:
                found += _made(clause, said)
                clause, said = [], {}
            clause.append(_PROPER[word["name"].lower()])
        elif word["stop"]:
            found += _made(clause, said)
            clause, said = [], {}
        elif clause:
            kind = str(word.lastgroup)
            said.setdefault(kind, word[kind])
    return found


def settled(text: str) -> str:
    """The beginning of a text that is still being written: all before a clause, or a code, that may yet change."""
    start, said = -1, False
    for word in _WORD.finditer(text):
        if word["name"]:
            if start < 0 or said:
                start, said = word.start(), False
        elif word["stop"]:
            # At the very end a full stop may be the point of a number.
            start = start if word.end() == len(text) else -1
        else:
            said = True
    if start < 0:
        begun = _BEGUN.search(text)
        if begun is None or not _begins_a_name(begun[0]):
            begun = _CODE_BEGUN.search(text)
        start = begun.start() if begun is not None else len(text)
    return text[:start]


def _begins_a_name(text: str) -> bool:
    return any(name.startswith(" ".join(text.lower().split())) for name in _PROPER)


def _made(names: Sequence[str], said: Mapping[str, str]) -> list[Claim]:
    """The claims of one clause."""
    way = "-".join(re.findall(r"up|down|left|right", said.get("way", "").lower()))
    px, percent = (float(said[kind]) if kind in said else None for kind in ("px", "share"))
    return [Claim(name, way, px, percent) for name in names]


def false_claims(text: str, facts: Facts) -> list[Claim]:
    """The claims of a text that were not measured: a still region, a direction over 45° away, another amount."""
    moving = {region.name: region for region in facts.moving}
    return [
        claim for claim in claims(text)
        if claim.region not in moving or not _fits(claim, moving[claim.region], facts.iod_px)
    ]  # fmt: skip


def _fits(claim: Claim, measured: RegionMotion, iod_px: float) -> bool:
    if claim.direction:
        away = abs((measured.degrees - 45 * OCTANTS.index(claim.direction) + 180) % 360 - 180)
        if away > 45:
            return False
    amounts = ((claim.px, measured.mean_iod * iod_px), (claim.percent, 100 * measured.mean_iod))
    return all(said is None or abs(said - true) <= _NEAR + _NEAR_SHARE * true for said, true in amounts)
