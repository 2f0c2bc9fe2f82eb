"""Turns spots into words: a first sentence at the apex, the whole answer when the event has closed.

Words may take longer to make than spots take to come. So the node takes messages in at once and makes its words bit
by bit (`realtime.nodes.Patient`): the newest event first. While the narrator speaks of another one, an apex gets its
first sentence from the template, and what has waited too long the template's whole answer, which says so. Every closed
event gets exactly one final `Say`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engines.mellm import Answer, Facts, Narrator
from engines.mellm.template import TemplateNarrator
from engines.mellm.words import first_sentence
from realtime.config import NarrateConfig
from realtime.messages import AnyMessage, End, Say, Spot
from realtime.narrator import configured_narrator
from realtime.recap import Moment, moment, recap

PROMPT_NS = 300_000_000
"""An apex that the narrator has no time for by then gets the template's sentence: words come while it happens."""


@dataclass
class _Speech:
    """An answer in the making."""

    spot: Spot
    pieces: Iterator[str | Answer]
    text: str = ""


class NarrateNode:
    """Takes `Spot`, gives `Say`; at the end one of the whole session; passes everything else on."""

    def __init__(
        self, config: NarrateConfig, narrator: Narrator | None = None, *, live: bool = False, deaths: int = 0,
        told: Sequence[Moment] = (), revoked: int = 0,
    ) -> None:  # fmt: skip
        """Open the narrator.

        Args:
            config: settings.
            narrator: to use instead of the configured one; the node closes it.
            live: whether a session goes on meanwhile; see `configured_narrator`.
            deaths: how often this node's process has died in this session.
            told, revoked: what was said, and how many events were taken back, before it was restarted.

        Raises:
            NarratorError: the configured narrator cannot be had.
        """
        self._narrator = narrator or configured_narrator(config, live, deaths)
        self._template = TemplateNarrator()
        self._late_ns = round(1e9 * config.late_s)
        self._told, self._revoked = list(told), revoked
        self._answered: set[int] = set()
        self._waiting: dict[int, Spot] = {}  # the newest last
        self._speech: _Speech | None = None
        self._end: End | None = None
        self._notes = list(self._narrator.notes())
        self._stamp: Spot | None = None

    def close(self) -> None:
        """Release the narrator."""
        self._drop_speech()
        self._narrator.close()

    def step(self, message: AnyMessage) -> Iterator[AnyMessage]:
        """See the class: all that follows from a message, however long it takes."""
        yield from self.take(message)
        while self.waiting:
            yield from self.work()

    @property
    def waiting(self) -> int:
        """How much is still to be said; see `Patient.waiting`."""
        return len(self._waiting) + len(self._notes) + (self._speech is not None) + (self._end is not None)

    def take(self, message: AnyMessage) -> Iterator[AnyMessage]:
        """See `Patient.take`. A spot handed in again after a restart is answered once."""
        if isinstance(message, End):
            self._end = message
        elif not isinstance(message, Spot):
            yield message
        elif message.spot_id not in self._answered and message.phase != "rising":
            yield from self._take_spot(message)

    def work(self, now_ns: int | None = None) -> Iterator[AnyMessage]:
        """See `Patient.work`."""
        while self._notes:
            yield self._note(self._notes.pop(0))
        if now_ns is not None:
            yield from self._skip(now_ns)
            yield from self._prompt(now_ns)
        if self._speech is None and self._waiting:
            _, spot = self._waiting.popitem()
            self._speech = _Speech(spot, self._narrator.narrate(facts_of(spot)))
        if self._speech is not None:
            yield from self._go_on(self._speech)
            self._notes += self._narrator.notes()
        elif self._end is not None:
            end, self._end = self._end, None
            text = recap(self._told, self._revoked, end.t_media_ns / 1e9)
            yield Say(
                seq=end.seq, t_capture_ns=end.t_capture_ns, t_media_ns=end.t_media_ns, spot_id=-1, text=text, final=True
            )
            yield end

    def _take_spot(self, spot: Spot) -> Iterator[AnyMessage]:
        self._stamp = spot
        self._waiting.pop(spot.spot_id, None)
        if self._speech is not None and self._speech.spot.spot_id == spot.spot_id:
            self._drop_speech()  # what was being said of it is out of date
        if spot.phase == "revoked":
            self._answered.add(spot.spot_id)
            self._revoked += 1
            yield _say(spot, "Taken back: the movement did not hold up as an expression.", final=True)
        elif spot.kind == "speech":
            text = (
                f"The mouth moved {spot.movements} times in close order, as in speech: no expression is read into it."
            )
            yield from self._finish(spot, Answer((), "none", 0.0, text))
        else:
            self._waiting[spot.spot_id] = spot

    def _prompt(self, now_ns: int) -> Iterator[AnyMessage]:
        """Say a first sentence of what happens now, if the narrator is busy with what was before."""
        for spot in list(self._waiting.values()) if self._speech is not None else ():
            if spot.phase == "apex" and now_ns - spot.t_capture_ns > PROMPT_NS:
                del self._waiting[spot.spot_id]
                yield _say(spot, first_sentence(f"{self._from_template(spot).narration} "))

    def _from_template(self, spot: Spot) -> Answer:
        (answer,) = (p for p in self._template.narrate(facts_of(spot)) if isinstance(p, Answer))
        return answer

    def _skip(self, now_ns: int) -> Iterator[AnyMessage]:
        """Answer from the template what has waited too long and is not the newest."""
        for spot in list(self._waiting.values())[:-1]:
            waited_ns = now_ns - spot.t_capture_ns
            if waited_ns <= self._late_ns:
                continue
            del self._waiting[spot.spot_id]
            if spot.phase == "closed":
                yield from self._finish(
                    spot, self._from_template(spot), f"Said {waited_ns / 1e9:.0f} s late, newer events came first. "
                )

    def _go_on(self, speech: _Speech) -> Iterator[AnyMessage]:
        """The next piece of an answer in the making."""
        piece = next(speech.pieces, None)
        if speech.spot.phase == "apex":
            yield from self._at_apex(speech, piece)
        elif isinstance(piece, str):
            if piece:
                yield _say(speech.spot, piece)
        else:
            self._speech = None
            if piece is None:  # a narrator that breaks its word; no event goes without an answer
                piece = self._from_template(speech.spot)
            yield from self._finish(speech.spot, piece)

    def _at_apex(self, speech: _Speech, piece: str | Answer | None) -> Iterator[AnyMessage]:
        """At the apex one sentence is enough: the rest would be out of date before it is read."""
        before = speech.text
        if isinstance(piece, Answer) and not before:
            speech.text = piece.narration + " "
        elif isinstance(piece, str):
            speech.text += piece
        sentence = first_sentence(speech.text)
        new = (sentence or speech.text)[len(before) :]
        if sentence or not isinstance(piece, str):
            self._drop_speech()
        if new:
            yield _say(speech.spot, new)

    def _finish(self, spot: Spot, answer: Answer, preface: str = "") -> Iterator[AnyMessage]:
        self._answered.add(spot.spot_id)
        say = _say(spot, preface + answer.narration, True, answer)
        self._told.append(moment(spot, say))
        yield say

    def _drop_speech(self) -> None:
        if self._speech is not None:
            close = getattr(self._speech.pieces, "close", None)  # a generator's work ends with it
            if close is not None:
                close()
            self._speech = None

    def _note(self, text: str) -> Say:
        at = self._stamp
        return Say(
            seq=at.seq if at else -1, t_capture_ns=at.t_capture_ns if at else 0, t_media_ns=at.t_media_ns if at else 0,
            spot_id=-1, text=text,
        )  # fmt: skip


def facts_of(spot: Spot) -> Facts:
    """What a narrator is told of an event."""
    return Facts(spot.regions, spot.noise_iod, spot.iod_px, spot.kind or "pair")


def _say(spot: Spot, text: str, final: bool = False, answer: Answer | None = None) -> Say:
    return Say(
        seq=spot.seq, face_id=spot.face_id, t_capture_ns=spot.t_capture_ns, t_media_ns=spot.t_media_ns,
        spot_id=spot.spot_id, text=text, final=final, action_units=answer.action_units if answer else (),
        label=answer.label if answer else "none", confidence=answer.confidence if answer else 0.0,
        narrator=answer.narrator if answer else "",
    )  # fmt: skip
