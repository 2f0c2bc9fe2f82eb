"""Two accounts of one stream held against each other: which events agree, and how far they are apart."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from calib.phantom.scoring import match
from realtime.exports.tables import Event


@dataclass(frozen=True)
class Pair:
    """An event in both accounts.

    Attributes:
        before, after: the event in either.
    """

    before: Event
    after: Event

    @property
    def moved_ms(self) -> tuple[int, int, int]:
        """How much later onset, apex and offset are afterwards, ms."""
        return (
            round(1000 * (self.after.onset_s - self.before.onset_s)),
            round(1000 * (self.after.apex_s - self.before.apex_s)),
            round(1000 * (self.after.offset_s - self.before.offset_s)),
        )

    @property
    def changes(self) -> tuple[str, ...]:
        """What else is not the same, in words."""
        before, after = self.before, self.after
        found = []
        if before.kind != after.kind:
            found.append(f"{before.kind} → {after.kind}")
        if set(before.action_units) != set(after.action_units):
            found.append(f"{'+'.join(before.action_units) or 'no unit'} → {'+'.join(after.action_units) or 'no unit'}")
        if before.label != after.label:
            found.append(f"{before.label} → {after.label}")
        return tuple(found)


@dataclass(frozen=True)
class Difference:
    """What became of the events.

    Attributes:
        pairs: those in both, in order of onset.
        missing: those that are in the first account only.
        new: those that are in the second only.
    """

    pairs: tuple[Pair, ...]
    missing: tuple[Event, ...]
    new: tuple[Event, ...]

    def differs(self, tolerance_ms: float) -> bool:
        """Whether anything is missing, new or named otherwise, or has moved by more than this."""
        return bool(self.missing or self.new) or any(
            pair.changes or max(map(abs, pair.moved_ms)) > tolerance_ms for pair in self.pairs
        )


def compare(before: Sequence[Event], after: Sequence[Event]) -> Difference:
    """Match the events of two accounts: of the same face, overlapping by half or more of what they cover together.

    Faces are numbered as they come, so one may have another number in the other account: the faces that have most
    events in common are the same.
    """
    numbers = [sorted({event.face_id for event in events}) for events in (before, after)]
    found = {
        (one, other): _matched([e for e in before if e.face_id == one], [e for e in after if e.face_id == other])
        for one, other in itertools.product(*numbers)
    }
    pairs: list[Pair] = []
    for one, other in sorted(found, key=lambda key: (-len(found[key]), key[0] != key[1], key)):
        if not any(pair.before.face_id == one or pair.after.face_id == other for pair in pairs):
            pairs += found[one, other]
    known = [pair.before for pair in pairs], [pair.after for pair in pairs]
    missing, new = ([e for e in all_ if e not in some] for all_, some in zip((before, after), known, strict=True))
    return Difference(tuple(sorted(pairs, key=lambda pair: pair.before.onset_s)), tuple(missing), tuple(new))


def _matched(before: Sequence[Event], after: Sequence[Event]) -> list[Pair]:
    found = match([(e.onset_s, e.offset_s) for e in before], [(e.onset_s, e.offset_s) for e in after])
    return [Pair(before[one], after[other]) for one, other in found]
