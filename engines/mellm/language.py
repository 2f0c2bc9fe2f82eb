"""The narrator around a language model: asks it, hands its words on as they come, and lets nothing false stand.

Whatever goes wrong, the template narrator answers for that measurement: a model that is late or breaks off, an answer
without its closing facts or whose words tell others, or one that claims a movement or an action unit that was not
measured, or the same twice.
"""

import dataclasses
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from calib.facs import CLASSES
from engines.mellm.answer import Answer, Facts, StreamError
from engines.mellm.claims import claims, false_claims, settled
from engines.mellm.closing import PATTERN, AnswerError, parse_answer
from engines.mellm.pump import Pump
from engines.mellm.sighting import Sighting, named_units
from engines.mellm.template import TemplateNarrator
from engines.mellm.words import clean, words_so_far

PATIENCE = 3
"""So many answers in a row that come too late, and the template narrator speaks from then on."""

_SENTENCES = re.compile(r"[.!?][)\"”]?\s")
_CLASS, _PERCENT = re.compile("|".join(CLASSES), re.IGNORECASE), re.compile(r"(\d+(?:\.\d+)?) ?%")
_WAIT_S = 0.05
_LONGEST = 8000  # characters of an answer, thoughts included
_CLOSE_S = 0.3


class Source(Protocol):
    """A language model, wherever it runs."""

    name: str

    @property
    def prompt_style(self) -> str:
        """The prompt it was trained with; "house" is `prompt.house_prompt`, empty if unknown."""
        ...

    def fits(self, content: str) -> bool:
        """Whether a message leaves room for an answer."""
        ...

    def prime(self, contents: Sequence[str]) -> None:
        """Get ready for messages that begin like these."""
        ...

    def stream(self, content: str, stopped: Callable[[], bool]) -> Iterator[str]:
        """Answer a message, piece by piece, until `stopped` says so.

        Raises:
            StreamError: there is no answer.
        """
        ...

    def close(self) -> None:
        """Release it."""
        ...


@dataclass(frozen=True, kw_only=True)
class LanguageSettings:
    """How a language model is asked.

    Attributes:
        prompt: file with the prompt of a language model, in which {movements} stands for what was measured, {units} for
            the action units there are, {kind} and {iod_px} for the event's kind and the pixels between the eyes; empty
            for the prompt that fits the model.
        answer_pattern: regular expression that reads a language model's answer, with the groups words and label, and
            perhaps units and chance (`closing.parse_answer`); empty for our own form ("words, then on a line of its
            own: AU4 AU7 | negative | 0.70"), to which a grammar holds models that run here.
        model: name of the model on a server; empty takes the first that it lists.
        context: most tokens of prompt and answer together, of a model that runs here.
        threads: of a model that runs here.
        first_word_s: a first word that takes longer is too late, and the template answers…
        answer_s: …and so is a whole answer; after three late ones in a row the template speaks to the end.
        retries: how often a server that is busy or away is asked again.
    """

    prompt: str = ""
    answer_pattern: str = ""
    model: str = ""
    context: int = 2048
    threads: int = 1
    first_word_s: float = 3.0
    answer_s: float = 10.0
    retries: int = 2


class LanguageNarrator:
    """Speaks with a language model's words, checked."""

    def __init__(
        self, source: Source, prompt: Callable[[Facts], str], settings: LanguageSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """Take a model over; it is closed with the narrator.

        Args:
            source: the model.
            prompt: what it is asked about a measurement.
            settings: limits and the form of answers.
            clock: seconds that pass.
        """
        self.name = source.name
        self._source, self._prompt, self._clock = source, prompt, clock
        self._settings = settings or LanguageSettings()
        self._template = TemplateNarrator()
        self._notes: list[str] = []
        self._said: set[str] = set()
        self._late = 0
        self._pump: Pump | None = None
        self._prime()

    @property
    def given_up(self) -> bool:
        """Whether the template narrator has taken over for good."""
        return self._late >= PATIENCE

    def narrate(self, facts: Facts) -> Iterator[str | Answer]:
        """See `Narrator.narrate`."""
        if self.given_up:
            yield from self._template.narrate(facts)
            return
        pump = self._pump = Pump(lambda stopped: self._source.stream(self._fitting(facts), stopped))
        try:
            yield from self._listen(pump, facts)
            self._late = 0
        except _LateError as error:
            self._late += 1
            yield self._instead(facts, "late", str(error))
        except _FalseError as error:
            self._late = 0
            yield self._instead(facts, "false", str(error))
        except AnswerError as error:
            self._late = 0
            yield self._instead(facts, "closing", f"gave an answer that cannot be read: {error}")
        except StreamError as error:
            yield self._instead(facts, "stream", str(error))
        except Exception as error:  # whatever a model does, the session goes on
            yield self._instead(facts, "stream", f"{type(error).__name__}: {error}")
        finally:
            pump.stop()

    def notes(self) -> Sequence[str]:
        """See `Narrator.notes`."""
        notes, self._notes = tuple(self._notes), []
        return notes

    def close(self) -> None:
        """Release the model."""
        if self._pump is not None:
            self._pump.join(_CLOSE_S)
        self._source.close()

    def _listen(self, pump: Pump, facts: Facts) -> Iterator[str | Answer]:
        """The words as they come, then the answer, all of it checked.

        Raises:
            _LateError, _FalseError, AnswerError: it cannot stand.
            StreamError: the model failed.
        """
        began = self._clock()
        sighting = Sighting(facts)
        pattern = self._settings.answer_pattern
        text = shown = ""
        while (piece := pump.take(_WAIT_S)) is not None:
            text += piece
            if len(text) > _LONGEST:
                raise AnswerError(f"it goes on and on, at last with {text[-40:]!r}")
            # In a form of somebody else's, words are not known before the end.
            words = "" if pattern else words_so_far(clean(text))
            self._check_time(began, bool(words))
            # A claim is shown once it is whole and true.
            true = settled(words)
            _check(true, facts, sighting)
            new = true[len(shown) :] if true.startswith(shown) else ""
            shown += new
            yield new
        answer = parse_answer(clean(text), pattern or PATTERN)
        _check(answer.narration, facts, sighting)
        if not answer.narration:
            raise AnswerError("it has no words")
        if not facts.moving and (answer.action_units or answer.label != "none"):
            raise _FalseError("read an expression into a face that did not move")
        _check_units(answer.action_units, sighting)
        if not pattern:  # somebody else's form may have no units and no chance
            _check_closing(answer)
        if answer.narration.startswith(shown):
            yield answer.narration[len(shown) :]
        yield dataclasses.replace(answer, narrator=self.name)

    def _check_time(self, began: float, spoken: bool) -> None:
        spent = self._clock() - began
        settings = self._settings
        if not spoken and not settings.answer_pattern and spent > settings.first_word_s:
            raise _LateError(f"had no first word within {settings.first_word_s:g} s")
        if spent > settings.answer_s:
            raise _LateError(f"had no whole answer within {settings.answer_s:g} s")

    def _instead(self, facts: Facts, kind: str, reason: str) -> Answer:
        """The template's answer, and once for each kind of failure why it stands."""
        if self.given_up:
            self._notes.append(
                f"the narrator {self.name} {reason}, {PATIENCE} times in a row: the template narrator speaks now"
            )
        elif kind not in self._said:
            self._said.add(kind)
            verb = reason if kind in ("late", "false", "closing") else f"failed: {reason}"
            self._notes.append(
                f"the narrator {self.name} {verb}; where this happens the template narrator speaks instead"
            )
        return [piece for piece in self._template.narrate(facts) if isinstance(piece, Answer)][-1]

    def _fitting(self, facts: Facts) -> str:
        """The prompt; if it is too long for the model, without the weakest movements."""
        content = self._prompt(facts)
        told = facts
        while not self._source.fits(content) and told.moving:
            weakest = told.moving[-1].name
            told = dataclasses.replace(told, regions=tuple(r for r in told.regions if r.name != weakest),
                noise_iod=tuple(n for r, n in zip(told.regions, told.noise_iod, strict=True) if r.name != weakest),
            )  # fmt: skip
            content = self._prompt(told)
        if not self._source.fits(content):
            raise StreamError("its context is too small for the prompt, even without any movement")
        return content

    def _prime(self) -> None:
        """Let the model read what all prompts begin with, before anyone waits."""

        def make(stopped: Callable[[], bool]) -> Iterator[str]:
            self._source.prime([self._prompt(facts) for facts in _EXTREMES])
            return iter(())

        self._pump = Pump(make)


class _LateError(Exception):
    """An answer that comes too late."""


class _FalseError(Exception):
    """An answer that says what was not measured, or has lost its place."""


_EXTREMES = (Facts((), (), 100.0, "micro"), Facts((), (), 64.0, "pair"))
"""Measurements whose prompts have nothing in common but what all have."""


def _check(text: str, facts: Facts, sighting: Sighting) -> None:
    """Refuse a text that claims what was not measured, or in one sentence the same amount twice, its place lost.

    Raises:
        _FalseError: naming the first such claim.
    """
    for claim in false_claims(text, facts):
        raise _FalseError(f"claimed a movement that was not measured ({claim})")
    for sentence in _SENTENCES.split(text):
        said = [claim for claim in claims(sentence) if claim.px is not None]
        for number, claim in enumerate(said):
            if claim in said[:number]:
                raise _FalseError(f"told a movement twice ({claim.region})")
    _check_units(named_units(text), sighting)


def _check_closing(answer: Answer) -> None:
    """Refuse words that name an action unit, or the chance of a class, that the closing facts do not.

    Raises:
        _FalseError: naming both.
    """
    for code in named_units(answer.narration):
        if code not in answer.action_units:
            raise _FalseError(f"named {code} but closed with {' '.join(answer.action_units) or 'no action unit'}")
    for sentence in _SENTENCES.split(answer.narration):
        if not _CLASS.search(sentence) or claims(sentence):
            continue  # a share of the eye distance, perhaps
        for percent in _PERCENT.findall(sentence):
            if abs(float(percent) - 100 * answer.confidence) > 1:  # rounding
                raise _FalseError(f"told a chance of {percent}% but closed with {answer.confidence:.0%}")


def _check_units(codes: Iterable[str], sighting: Sighting) -> None:
    """Refuse action units that were not measured.

    Raises:
        _FalseError: naming the first.
    """
    for code in sighting.unseen(codes):
        raise _FalseError(f"named an action unit that was not measured ({code})")
