"""A narrator that looks at nothing: what can be had from the annotations' frequencies alone."""

from collections.abc import Iterator, Sequence

from calib.facs import CLASS_TOTALS, CLASSES
from engines.mellm import Answer, Facts
from engines.mellm.annotations import AnnotatedSet


class Guesser:
    """Always says the set and the class that were annotated most."""

    name = "prior only"

    def __init__(self, sets: Sequence[AnnotatedSet]) -> None:
        """Count the sets it may know."""
        commonest = max(sets, key=lambda one: sum(one.counts))
        place = max(range(len(CLASSES)), key=lambda k: sum(one.counts[k] for one in sets))
        self._answer = Answer(commonest.units, CLASSES[place], CLASS_TOTALS[place] / sum(CLASS_TOTALS), "No idea.")

    def narrate(self, facts: Facts) -> Iterator[str | Answer]:
        """See `Narrator.narrate`."""
        yield self._answer.narration
        yield self._answer

    def notes(self) -> Sequence[str]:
        """Nothing to say."""
        return ()

    def close(self) -> None:
        """Nothing to release."""
