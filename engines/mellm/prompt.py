"""What a language model is told: the measurement as text.

Our own model reads one line a region that moved, the strongest first; then the action units that the reader reads off
them; then a number that chooses among its ways of putting it:

    Left Mouth Corner up-left 140° 2.1 px 2.2%
    …
    units RAU6 RAU12
    =3

Other models get an instruction around the same lines.
"""

import zlib
from collections.abc import Mapping, Sequence
from importlib.resources import files

from engines.mellm.answer import Facts
from engines.mellm.closing import codes
from engines.mellm.reader import shipped_reader
from engines.regions import RegionMotion

MANNERS = 8
"""Ways of putting an answer."""

STILL = "no region moved"


class PromptError(ValueError):
    """A prompt file that cannot be used; one line."""


def pixels(region: RegionMotion, iod_px: float) -> str:
    """How far a region moved in the picture the operator sees, e.g. "2.1 px"."""
    length = region.mean_iod * iod_px
    return f"{length:.1f} px" if length < 9.95 else f"{length:.0f} px"


def share(region: RegionMotion) -> str:
    """The same as a share of the distance between the eyes, e.g. "2.2%"."""
    percent = 100 * region.mean_iod
    return f"{percent:.1f}%" if percent < 9.95 else f"{percent:.0f}%"


def movement_lines(facts: Facts) -> str:
    """One line a region that moved, the strongest first."""
    lines = [
        f"{r.name} {r.direction} {10 * round(r.degrees / 10) % 360}° {pixels(r, facts.iod_px)} {share(r)}"
        for r in facts.moving
    ]
    return "\n".join(lines) or STILL


def house_prompt(facts: Facts) -> str:
    """The prompt of our own model; the same facts always choose the same manner.

    Raises:
        ValueError: the reader cannot be loaded.
    """
    manner = zlib.crc32(movement_lines(facts).encode()) % MANNERS
    return prompt_in_manner(facts, shipped_reader().units(facts), manner)


def prompt_in_manner(facts: Facts, units: Sequence[str], manner: int) -> str:
    """The house prompt with its manner chosen, 0 to `MANNERS` - 1.

    Args:
        facts: the measurement.
        units: action units, as `Reader.units` gives them.
        manner: how the answer is put.
    """
    read = f"units {' '.join(units) or 'none'}\n" if facts.moving else ""
    return f"{movement_lines(facts)}\n{read}={manner}\n"


def instruction() -> str:
    """The template for models that were not trained here, as it ships."""
    return (files("engines.mellm") / "instruction.txt").read_text(encoding="utf-8")


def fill(template: str, facts: Facts) -> str:
    """A template with the measurement in its places {movements}, {units}, {iod_px} and {kind}.

    Raises:
        PromptError: a place that does not exist, or no place for the movements.
    """
    values: Mapping[str, str] = {
        "movements": movement_lines(facts), "units": ", ".join(codes()), "iod_px": f"{facts.iod_px:.0f}",
        "kind": facts.kind,
    }  # fmt: skip
    if "{movements}" not in template:
        raise PromptError("the prompt has no place {movements}, so the model would be told nothing")
    try:
        return template.format_map(values)
    except (KeyError, IndexError, AttributeError, TypeError, ValueError) as error:
        known = ", ".join(f"{{{name}}}" for name in values)
        raise PromptError(f"the prompt has a place that does not exist ({error}); there are {known}") from error
