"""An event as a method found it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from calib.phantom.scoring import Interval
from calib.phantom.script import MICRO_LIMIT_S
from engines.mellm.reader import shipped_reader
from realtime.messages import Kind, Spot
from realtime.narrate import facts_of


@dataclass(frozen=True)
class Found:
    """An event that a method found.

    Attributes:
        onset_s, apex_s, offset_s: when, s.
        kind: micro or macro.
        confidence: 0 to 1; NaN if the method gives none.
        announced_s: when the apex was first told of, s; NaN if the method waits for the end of the video.
        taken_back: whether it was told of and then revoked; it ends at its apex, since no offset was ever told.
        magnitude_iod: how far its strongest region moved, IOD; NaN if that was not measured.
        units: the action units that MELLM's reader reads in it; None if it was not measured.
    """

    onset_s: float
    apex_s: float
    offset_s: float
    kind: Kind
    confidence: float = math.nan
    announced_s: float = math.nan
    taken_back: bool = False
    magnitude_iod: float = math.nan
    units: tuple[str, ...] | None = None

    @property
    def interval(self) -> Interval:
        """(onset, offset), s."""
        return self.onset_s, self.offset_s

    @property
    def length_s(self) -> float:
        """From onset to offset, s."""
        return self.offset_s - self.onset_s


def kind_of(seconds: float) -> Kind:
    """What an event of this length is (MEGC)."""
    return "micro" if seconds <= MICRO_LIMIT_S else "macro"


def spotted(spots: Iterable[Spot]) -> list[Found]:
    """The events that a spotter closed or took back, with the time of the first message that told the apex.

    What was revoked before its apex was told is none of them: nobody heard of it as an event.
    """
    told: dict[int, Spot] = {}
    found = []
    for spot in spots:
        if spot.phase in ("apex", "closed"):
            told.setdefault(spot.spot_id, spot)
        if spot.phase == "revoked" and spot.spot_id in told:
            first = told[spot.spot_id]
            onset_s, apex_s, told_s = (t_ns / 1e9 for t_ns in (first.onset_ns, first.apex_ns, first.t_media_ns))
            kind = kind_of(apex_s - onset_s)
            found.append(Found(onset_s, apex_s, apex_s, kind, first.confidence, told_s, taken_back=True))
        if spot.phase == "closed" and spot.kind is not None:
            onset_s, apex_s, offset_s = (t_ns / 1e9 for t_ns in (spot.onset_ns, spot.apex_ns, spot.offset_ns))
            told_s = told[spot.spot_id].t_media_ns / 1e9
            # MEGC knows no speech: whoever speaks is taken to make a macro-expression.
            kind = "macro" if spot.kind == "speech" else spot.kind
            own = Found(onset_s, apex_s, offset_s, kind, spot.confidence, told_s)
            if spot.regions and spot.kind != "speech":
                units = shipped_reader().units(facts_of(spot))
                own = replace(own, magnitude_iod=spot.magnitude_iod, units=units)
            found.append(own)
    return found
