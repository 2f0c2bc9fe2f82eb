"""Trains of mouth movements: three in close order are speech, one span of it, and no micro-expressions.

So a mouth movement that has ended is told only when the mouth has kept still for a moment; its apex was told in time.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

from calib.face import REGIONS
from realtime.config import SpotConfig
from realtime.movement import Movement

LOWER = np.array([region.part not in ("brow", "eyelid") for region in REGIONS])
"""The regions that move in speech."""

SYLLABLE_S = 0.6
"""What lasts longer is no movement of speech, in which the mouth opens 2 to 7 times a second (Chandrasekaran et al.,
*PLoS Computational Biology* 5, 2009)."""

_TRAIN_S = 15.0
"""So long a train may go on by the mouth's mere motion, without a new movement of its own: it might be noise."""


class Speech:
    """Listens to one mouth."""

    def __init__(self, config: SpotConfig) -> None:
        """Begin in silence.

        Args:
            config: settings.
        """
        self._config = config
        self._held: list[Movement] = []
        self._end_s = -1.0
        self._told = False

    @property
    def talking(self) -> bool:
        """Whether what is going on is speech."""
        return len(self._held) >= self._config.speech_movements

    def active(self, t_s: float) -> bool:
        """Whether the mouth has not kept still for long enough yet."""
        return bool(self._held) and t_s - self._end_s < self._config.speech_gap_s

    def go_on(self, t_s: float) -> None:
        """The mouth has moved once more."""
        if not self._held:
            return
        if not self.talking:
            t_s = min(t_s, self._held[-1].offset_s + SYLLABLE_S)
        elif t_s - self._held[0].onset_s > _TRAIN_S:
            return
        self._end_s = max(self._end_s, t_s)

    def hold(self, movement: Movement) -> Iterator[tuple[Movement, Literal["closed", "revoked"]]]:
        """Take in a mouth movement that has ended; if it turns out to be speech, take back all but the first."""
        known = self.talking
        if movement.length_s > SYLLABLE_S:
            if not known:
                yield from self.end()
            if not known or movement.onset_s < self._held[0].onset_s:
                yield movement, "closed"
                return
        self._held.append(movement)
        self._end_s = max(self._end_s, movement.offset_s)
        if self.talking:
            for later in self._held[-1:] if known else self._held[1:]:
                yield later, "revoked"

    def due(self, t_s: float, moving: bool) -> Iterator[tuple[Movement, Literal["closed", "revoked"]]]:
        """What can be told at a time; `moving` says that the mouth is in a movement."""
        if not self._held:
            return
        if self.talking and not self._told and t_s - self._held[0].onset_s > self._config.longest_s:
            self._told = True
            self._end_s = t_s
            yield self._whole(), "closed"
        if not moving and not self.active(t_s):
            yield from self.end()

    def end(self) -> Iterator[tuple[Movement, Literal["closed", "revoked"]]]:
        """Tell everything that was held back."""
        if self.talking:
            if not self._told:
                yield self._whole(), "closed"
        else:
            for movement in self._held:
                yield movement, movement.verdict(self._config)
        self._held, self._end_s, self._told = [], -1.0, False

    def _whole(self) -> Movement:
        """The train as one movement, its apex that of the strongest."""
        strongest = max(self._held, key=lambda movement: movement.peak)
        return replace(
            strongest, number=self._held[0].number, onset_s=self._held[0].onset_s, offset_s=self._end_s,
            movements=len(self._held),
        )  # fmt: skip
