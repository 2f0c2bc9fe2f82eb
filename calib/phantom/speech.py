"""Speech without sound: a train of mouth openings."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from calib.phantom.distractors import Distractor
from calib.phantom.script import PhantomEvent

SYLLABLES_HZ = (3.0, 6.0)
"""Rate of syllables, 1/s: the mouth opens 2 to 7 times a second in speech (Chandrasekaran et al. 2009)."""

_SHAPES = ("AU16", "AU17", "AU20", "AU24", "AU10", "AU12")
"""What the lips do besides opening: one of them a syllable."""


@dataclass(frozen=True)
class Speech(Distractor):
    """Someone talks.

    Attributes:
        syllables: the mouth's movements, one after the other, within the span.
    """

    syllables: tuple[PhantomEvent, ...] = ()
    kind: ClassVar[str] = "speech"

    def strengths(self, t_s: float) -> dict[str, float]:
        """See the base."""
        active: dict[str, float] = {}
        for syllable in self.syllables:
            share = syllable.strength(t_s)
            if share > 0:
                for code, amplitude in syllable.units:
                    active[code] = active.get(code, 0.0) + share * amplitude
        return active

    @property
    def codes(self) -> frozenset[str]:
        """See the base."""
        return frozenset(code for syllable in self.syllables for code, _ in syllable.units)


def make_speech(start_s: float, end_s: float, amplitude_iod: float, rng: np.random.Generator) -> Speech:
    """Draw a stretch of speech: irregular syllables that overlap a little, with pauses now and then.

    Args:
        start_s, end_s: its span, s.
        amplitude_iod: largest movement of the lower lip in a syllable, IOD.
        rng: draws the syllables.
    """
    syllables: list[PhantomEvent] = []
    t = start_s
    while True:
        length = 1 / float(rng.uniform(*SYLLABLES_HZ))
        if t + length > end_s:
            break
        opening = amplitude_iod * float(rng.uniform(0.35, 1.0))
        shape = str(rng.choice(_SHAPES))
        units = (("AU25", opening), (shape, amplitude_iod * float(rng.uniform(0.1, 0.6))))
        syllables.append(PhantomEvent(t, t + length * float(rng.uniform(0.35, 0.6)), t + length, units))
        t += length * float(rng.uniform(0.7, 1.0)) if rng.random() > 0.15 else length * 1.6
    return Speech(start_s, end_s, tuple(syllables))
