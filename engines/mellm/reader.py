"""Reads action units off region movements: a small network that has seen many acted ones.

It takes all 29 regions at once and gives the chance of every action unit. The language model is told the units it reads
beside the movements themselves. It was trained by `engines.mellm.learning`.
"""

from functools import cache
from pathlib import Path

import numpy as np

from calib.face import REGION_INDEX, REGIONS, Doubles
from calib.facs import parse_code
from engines.mellm.answer import Facts
from engines.mellm.closing import MAX_UNITS, codes

SHIPPED = Path(__file__).parent.parent / "weights" / "reader.npz"

UNIT_IOD = 0.02
"""Movements are given to the network in this unit."""

LIKELY = 0.5
"""Units less likely than this are not read."""

MOST = MAX_UNITS


class Reader:
    """A trained reader."""

    def __init__(self, path: Path = SHIPPED) -> None:
        """Load it.

        Raises:
            ValueError: the file is missing, damaged or another network's.
        """
        try:
            with np.load(path) as held:
                self._layers = [
                    (held[f"weight{k}"].astype(np.float64), held[f"bias{k}"].astype(np.float64))
                    for k in range(sum(name.startswith("weight") for name in held.files))
                ]
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(f"{path}: no reader of action units ({error})") from error
        if not self._layers or self._layers[0][0].shape[1] != INPUTS or len(self._layers[-1][1]) != len(codes()):
            raise ValueError(f"{path}: a reader of other regions or action units")

    def chances(self, inputs: Doubles) -> Doubles:
        """Chance of every code of `closing.codes`, for inputs (…, `INPUTS`) that `inputs_of` made."""
        values = inputs
        for weight, bias in self._layers[:-1]:
            values = np.maximum(values @ weight.T + bias, 0)
        weight, bias = self._layers[-1]
        return np.asarray(1 / (1 + np.exp(-np.clip(values @ weight.T + bias, -30, 30))))

    def units(self, facts: Facts) -> tuple[str, ...]:
        """The units that are likelier than not, in the order of their numbers; each once, one side or both.

        A face that kept still shows none.
        """
        if not facts.moving:
            return ()
        chances = self.chances(inputs_of(facts))
        likeliest: dict[int, int] = {}
        for place in (int(k) for k in np.argsort(-chances) if chances[k] >= LIKELY):
            likeliest.setdefault(parse_code(codes()[place])[1].number, place)
        return tuple(codes()[place] for place in sorted(list(likeliest.values())[:MOST]))


INPUTS = 4 * len(REGIONS)


def inputs_of(facts: Facts) -> Doubles:
    """What the network is told: displacement, mean length and whether it moved, of every region, (`INPUTS`,)."""
    rows = np.zeros((len(REGIONS), 4))
    for region in facts.moving:
        rows[REGION_INDEX[region.name]] = (
            region.u_iod / UNIT_IOD, region.v_iod / UNIT_IOD, region.mean_iod / UNIT_IOD, 1.0,
        )  # fmt: skip
    return rows.ravel()


@cache
def shipped_reader() -> Reader:
    """The reader that ships, loaded once.

    Raises:
        ValueError: it cannot be loaded.
    """
    return Reader()
