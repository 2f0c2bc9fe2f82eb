"""The template narrator: says what was measured in fixed sentences, and reads classes off the annotation counts."""

from collections.abc import Iterator, Sequence

from calib.face import REGIONS
from calib.facs import CLASS_TOTALS, Label, class_probabilities, in_order, parse_code
from engines.mellm.answer import Answer, Facts
from engines.mellm.units import infer_units
from engines.regions import RegionMotion

UNSURE = 0.6
"""Below this probability the class is called open."""

_SPOKEN_REGIONS = 4


class TemplateNarrator:
    """Speaks at once, on any machine."""

    name = "template"

    def __init__(self, notes: Sequence[str] = ()) -> None:
        """Get ready.

        Args:
            notes: why it speaks instead of another.
        """
        self._notes = tuple(notes)

    def narrate(self, facts: Facts) -> Iterator[str | Answer]:
        """See `Narrator.narrate`."""
        moving = facts.moving
        units = in_order(code for code, _ in infer_units(facts.regions, facts.noise_iod)) if moving else ()
        chances = class_probabilities(parse_code(code)[1].number for code in units)
        label, chance = max(chances.items(), key=lambda pair: pair[1])
        if label != "none":
            chance = min(round(chance, 2), 0.99)  # in whole percent, as it is said and shown; none is certain
        elif moving:
            chance = 0.5  # something moved, and the counts say nothing of it
        pieces: list[str] = []
        for piece in self._sentences(facts, moving, units, label, chance):
            pieces.append(piece)
            yield piece
        yield Answer(units, label, chance, "".join(pieces), self.name)

    def notes(self) -> Sequence[str]:
        """See `Narrator.notes`."""
        notes, self._notes = self._notes, ()
        return notes

    def close(self) -> None:
        """Nothing to release."""

    def _sentences(
        self, facts: Facts, moving: list[RegionMotion], units: tuple[str, ...], label: Label, chance: float
    ) -> Iterator[str]:
        if not moving:
            yield "No region moved above the noise: no expression seen."
            return
        for index, region in enumerate(telling(moving, _SPOKEN_REGIONS)):
            yield f"{'' if index == 0 else '; '}{_movement(region, facts.iod_px)}"
        rest = len(moving) - _SPOKEN_REGIONS
        yield f"; and {rest} more {'region' if rest == 1 else 'regions'}. " if rest > 0 else ". "
        if not units:
            yield "This fits no single action unit."
            return
        yield "Reads as " + " + ".join(_unit(code) for code in units) + ". "
        if label == "none":
            yield "By itself that says nothing of an emotion."
        elif chance < UNSURE:
            yield f"What it means is open: {label} is the likeliest at {chance:.0%}."
        else:
            yield f"Of {sum(CLASS_TOTALS):,} annotated micro-expressions, such units speak for {label} ({chance:.0%})."


def telling(moving: list[RegionMotion], count: int) -> list[RegionMotion]:
    """At most `count` regions to name: the strongest of every part first, so that a mouth does not hide a brow."""
    parts = {region.name: region.part for region in REGIONS}
    first: dict[str, RegionMotion] = {}
    for region in moving:
        first.setdefault(parts[region.name], region)
    rest = [region for region in moving if region not in first.values()]
    named = [*first.values(), *rest][:count]
    return [region for region in moving if region in named]


def _movement(region: RegionMotion, iod_px: float) -> str:
    way = region.direction.replace("-", " and ")
    return f"{region.name} {way} {region.mean_iod * iod_px:.1f} px ({region.mean_iod:.1%} of eye distance)"


def _unit(code: str) -> str:
    side, unit = parse_code(code)
    whose = {"L": "left ", "R": "right ", "": ""}[side]
    return f"{whose}{unit.name} ({code})"
