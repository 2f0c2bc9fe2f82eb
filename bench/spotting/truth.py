"""What really happened in a video."""

from collections.abc import Iterator

import msgspec

from calib.phantom import PhantomScript
from calib.phantom.script import BLINK_S
from realtime.messages import Kind

BLINK = "blink"


class TrueEvent(msgspec.Struct, frozen=True):
    """An expression that was performed.

    Attributes:
        kind: micro or macro, by its length.
        onset_s, apex_s, offset_s: when.
        amplitude_iod: of the region that moves most, IOD.
        codes: its action units.
    """

    kind: Kind
    onset_s: float
    apex_s: float
    offset_s: float
    amplitude_iod: float
    codes: tuple[str, ...]


class Span(msgspec.Struct, frozen=True):
    """Something that is no expression: its kind, and from when to when."""

    kind: str
    start_s: float
    end_s: float


class Truth(msgspec.Struct, frozen=True):
    """A whole video.

    Attributes:
        seconds: its length.
        events: expressions in order.
        distractors: everything else, blinks among it, in order.
    """

    seconds: float
    events: tuple[TrueEvent, ...]
    distractors: tuple[Span, ...]

    @property
    def resting_s(self) -> float:
        """Time without an expression."""
        return self.seconds - sum(event.offset_s - event.onset_s for event in self.events)


def truth_of(script: PhantomScript, seconds: float) -> Truth:
    """What a script performs in its first seconds."""
    events = tuple(
        TrueEvent(
            event.kind, event.onset_s, event.apex_s, event.offset_s,
            event.amplitude_iod, tuple(code for code, _ in event.units),
        )
        for event in script.events if event.offset_s <= seconds
    )  # fmt: skip
    return Truth(seconds, events, tuple(sorted(_spans(script, seconds), key=lambda span: span.start_s)))


def _spans(script: PhantomScript, seconds: float) -> Iterator[Span]:
    for start_s in script.blinks_s:
        if start_s < seconds:
            yield Span(BLINK, start_s, start_s + BLINK_S)
    for distractor in script.distractors:
        if distractor.start_s < seconds:
            yield Span(distractor.kind, distractor.start_s, distractor.end_s)
