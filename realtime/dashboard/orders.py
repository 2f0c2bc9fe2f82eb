"""What a page may ask for: one JSON object a message, told apart by `do`. Anything else is refused in words."""

from typing import TypeAlias, TypeVar

import msgspec

MOST_TEXT = 2000
"""Characters of an annotation at most."""

LONGEST = 16_384
"""Bytes of a message at most; the connection of whoever sends more is closed by the server."""

PER_SECOND = 20.0
"""Messages a viewer may send in the long run; `BURST` at once."""

BURST = 60.0

MOST_RUBBISH = 20
"""So many messages that mean nothing, and the viewer is let go."""


class OrderError(ValueError):
    """A message that means nothing here; one line that says why."""


class Consent(msgspec.Struct, frozen=True, tag_field="do", tag="consent", forbid_unknown_fields=True):
    """The operator has read the notice and confirmed it: pictures may be sent."""


class Video(msgspec.Struct, frozen=True, tag_field="do", tag="video", forbid_unknown_fields=True):
    """Whether the page wants pictures."""

    on: bool


class Annotate(msgspec.Struct, frozen=True, tag_field="do", tag="annotate", forbid_unknown_fields=True):
    """The operator's words on a moment, or on the time from `t` to `until`; s of the stream."""

    t: float
    text: str
    until: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.t < 1e7 or (self.until is not None and not self.t <= self.until < 1e7):
            raise ValueError("an annotation's times are seconds from 0, the end not before the start")
        if not self.text.strip():
            raise ValueError("an annotation without words")
        if len(self.text) > MOST_TEXT:
            raise ValueError(f"an annotation may have {MOST_TEXT} characters")


class Record(msgspec.Struct, frozen=True, tag_field="do", tag="record", forbid_unknown_fields=True):
    """Start or stop recording; with pictures only if `video` says so."""

    on: bool
    video: bool = False


class Ping(msgspec.Struct, frozen=True, tag_field="do", tag="ping", forbid_unknown_fields=True):
    """Answered with the same number, so that a page can see how far away the server is."""

    n: int = 0


Order: TypeAlias = Consent | Video | Annotate | Record | Ping

_T = TypeVar("_T")
_decoder: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order)
_note_decoder = msgspec.json.Decoder(Annotate)


def parse(data: str | bytes) -> Order:
    """The order in a message.

    Raises:
        OrderError: it is none.
    """
    return _decoded(_decoder, data)


def parse_note(data: str | bytes) -> Annotate:
    """The note in a message, which need not say what is to be done with it.

    Raises:
        OrderError: it is none.
    """
    return _decoded(_note_decoder, data)


def _decoded(decoder: msgspec.json.Decoder[_T], data: str | bytes) -> _T:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise OrderError(f"not understood: {error}") from error


class Allowance:
    """How much a viewer may still send: it refills with time (a token bucket)."""

    def __init__(self, now_s: float) -> None:
        """A full one."""
        self._left, self._then_s = BURST, now_s

    def take(self, now_s: float) -> bool:
        """Use up one message; whether it was allowed."""
        self._left = min(BURST, self._left + (now_s - self._then_s) * PER_SECOND)
        self._then_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
