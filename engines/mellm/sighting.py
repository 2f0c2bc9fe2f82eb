"""Which action units a measurement shows, and which of those that an answer names it does not.

A unit is seen if the reader or the pursuit finds it, each side for itself: whoever says AU12 says LAU12 and RAU12.
"""

import re
from collections.abc import Iterable

from calib.facs import parse_code
from engines.mellm.answer import Facts
from engines.mellm.reader import shipped_reader
from engines.mellm.units import infer_units

_CODE = re.compile(r"\b([LR]?AU)[ -]?(\d+)\b", re.IGNORECASE)


def named_units(text: str) -> list[str]:
    """The codes in a text, in its order; also those of units that do not exist."""
    return [f"{unit}{number}".upper() for unit, number in _CODE.findall(text)]


class Sighting:
    """The action units that a measurement shows."""

    def __init__(self, facts: Facts) -> None:
        """Look for them.

        Raises:
            ValueError: the reader cannot be loaded.
        """
        pursued = [code for code, _ in infer_units(facts.regions, facts.noise_iod)] if facts.moving else []
        self._seen = _sides((*shipped_reader().units(facts), *pursued))

    def unseen(self, codes: Iterable[str]) -> list[str]:
        """Those of some codes that it does not show, on one side or both; one that does not exist is never seen."""
        return [code for code in codes if not _exists(code) or not _sides([code]) <= self._seen]


def _exists(code: str) -> bool:
    try:
        parse_code(code)
    except ValueError:
        return False
    return True


def _sides(codes: Iterable[str]) -> frozenset[tuple[str, int]]:
    parsed = map(parse_code, codes)
    return frozenset((one, unit.number) for side, unit in parsed for one in side or "LR")
