"""Answers in words: what a language model is taught to say about a measurement whose truth is known.

An answer says what moved, which action units that is, and what it may mean, then closes with its facts. The manner, a
number from 0 to `MANNERS` - 1, chooses the phrases, so that the same facts in the same manner are always put alike.
"""

from dataclasses import dataclass

import numpy as np

from calib.face import REGION_NAMES
from calib.facs import Label, parse_code, pattern
from engines.mellm.answer import Facts
from engines.mellm.closing import closing_line
from engines.mellm.prompt import pixels, share
from engines.mellm.template import UNSURE, telling
from engines.regions import RegionMotion

CLEAR_IOD, STRONG_IOD = 0.01, 0.025
"""From here on a unit is called clear, and strong: displacement of its strongest region."""

_MAIN = 0.6  # a unit's main regions move at least so far as a share of its strongest


@dataclass(frozen=True)
class Reading:
    """What an answer must say.

    Attributes:
        units: the action units, in the order of their numbers.
        label: the class.
        chance: that it is right, in steps of 0.05.
        muddle: whether the movements contradict each other.
    """

    units: tuple[str, ...]
    label: Label
    chance: float
    muddle: bool = False

    @property
    def expressive(self) -> list[str]:
        """The units but a blink, which means nothing."""
        return [code for code in self.units if code != "AU45"]


def main_regions(code: str) -> list[str]:
    """The regions by which a unit shows."""
    lengths = np.linalg.norm(pattern(code), axis=1)
    return [name for name, length in zip(REGION_NAMES, lengths, strict=True) if length >= _MAIN * lengths.max()]


def write_answer(facts: Facts, reading: Reading, manner: int) -> str:
    """The whole answer with its closing line."""
    return "".join(answer_parts(facts, reading, manner))


def answer_parts(facts: Facts, reading: Reading, manner: int) -> tuple[str, str]:
    """The same in two parts: what moved, which is copied from the prompt, and what that is and means."""
    words = [word for word in (_units(facts, reading, manner), _meaning(facts, reading, manner)) if word]
    line = closing_line(reading.units, reading.label, reading.chance)
    return _movements(facts, manner), f" {' '.join(words)}\n{line}"


_JOINED = ("; ", ", ", "; ", ", ", "; ", ", ", "; ", ", ")
_MOVED = (
    "{name} {way} by {px}, {share} of the eye distance", "{name} moved {way}, {px} or {share} of the eye distance",
    "{name} {way} {px}, {share} of the eye distance", "the {name} went {way} by {px}, {share} of the eye distance",
    "{name} shifted {way} by {px}, {share} of the eye distance",
    "the {name} moved {way}: {px}, {share} of the eye distance",
    "{name} goes {way}: {px}, {share} of the eye distance", "{name} travelled {way}, {px}, {share} of the eye distance",
)  # fmt: skip
_SHORTER = (
    "{name} {way} by {px}, {share}", "{name} {way}, {px} or {share}", "{name} {way} {px}, {share}",
    "the {name} {way} by {px}, {share}", "{name} {way} by {px}, {share}", "the {name} {way}: {px}, {share}",
    "{name} {way}: {px}, {share}", "{name} {way}, {px}, {share}",
)  # fmt: skip
_NAMED = (4, 3, 4, 2, 3, 2, 4, 3)


def _movements(facts: Facts, manner: int) -> str:
    moving = facts.moving
    if not moving:
        return (
            "No region moved above the noise.", "Nothing moved.", "The face kept still.", "No movement was measured.",
            "All regions stayed within the noise.",
            "No region moved.",
            "Nothing moved above the noise.",
            "It kept still.",
        )[manner]  # fmt: skip
    named = telling(moving, _NAMED[manner])
    parts = [_region(region, facts.iod_px, (_MOVED if k == 0 else _SHORTER)[manner]) for k, region in enumerate(named)]
    text = _JOINED[manner].join(parts)
    if len(moving) > len(named):
        text += (
            "; more regions moved with them", ", and others with them", "; others moved too", ", among others",
            "; further regions moved along", ", and more besides", "; others moved as well", ", and others too",
        )[manner]  # fmt: skip
    return f"{text[0].upper()}{text[1:]}."


def _region(region: RegionMotion, iod_px: float, form: str) -> str:
    return form.format(name=region.name, way=region.direction, px=pixels(region, iod_px), share=share(region))


def _units(facts: Facts, reading: Reading, manner: int) -> str:
    units = reading.expressive
    if not facts.moving:
        return ""
    if reading.muddle:
        return (
            "These movements contradict each other and fit no action unit.", "They fit no action unit together.",
            "No action unit explains movements that contradict each other.",
            "That is no action unit: it is contradictory.",
            "The directions contradict each other: no action unit.", "Together they make no action unit.",
            "Contradictory: no action unit moves a face like that.", "No action unit does that.",
        )[manner]  # fmt: skip
    if not units:
        if "AU45" in reading.units:
            return ("Only the eyelids closed: a blink (AU45).", "That is a blink (AU45).", "A blink (AU45), no more.",
                    "The eyes blinked (AU45).")[manner % 4]  # fmt: skip
        return (
            "No action unit was made out.", "That fits no action unit.", "It fits no action unit.",
            "No action unit is in it.", "That is no action unit.", "No action unit moves like that.",
            "No action unit was found in it.", "It makes no action unit.",
        )[manner]  # fmt: skip
    listed = [_unit(code, facts) for code in units]
    joined = listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
    form = (
        "This is {units}.", "Reads as {units}.", "That makes {units}.", "Together: {units}.",
        "It fits {units}.", "The face shows {units}.", "Seen as {units}.", "Action units: {units}.",
    )[manner]  # fmt: skip
    blink = " A blink (AU45) came with it." if "AU45" in reading.units else ""
    return form.format(units=joined) + blink


def _unit(code: str, facts: Facts) -> str:
    side, unit = parse_code(code)
    whose = {"L": "left ", "R": "right ", "": ""}[side]
    main = set(main_regions(code))
    size = max((region.mean_iod for region in facts.moving if region.name in main), default=0.0)
    how = "slight" if size < CLEAR_IOD else "clear" if size < STRONG_IOD else "strong"
    return f"{how} {whose}{unit.name} ({code})"


def _meaning(facts: Facts, reading: Reading, manner: int) -> str:
    if not reading.expressive:
        return _nothing(facts, reading, manner)
    if reading.label == "none":
        return (
            "By itself that fits no class.", "Annotators give it no class.", "No class is known to go with it.",
            "That alone says nothing.",
        )[manner % 4]  # fmt: skip
    if reading.chance < UNSURE:
        form = (
            "What it means is open: annotated as {label} most often, {chance}.",
            "Ambiguous; annotators are likeliest to call it {label}, {chance}.",
            "That is annotated in several ways, as {label} at {chance} before the others.",
            "Unclear, perhaps annotated as {label} ({chance}).",
            "The meaning is ambiguous: among annotations {label} leads with {chance}.",
            "It may be annotated as {label} ({chance}), but it is ambiguous.",
            "Ambiguous: {chance} for {label}.", "No more than a hint of {label}, {chance}.",
        )[manner]  # fmt: skip
    else:
        form = (
            "Such units are mostly annotated as {label} ({chance}).",
            "Annotators would call it {label}, {chance} sure.",
            "That goes with the annotation {label} ({chance}).", "Likely annotated as {label} ({chance}).",
            "Where this was annotated, it mostly counted as {label} ({chance}).",
            "Annotations point to {label}, {chance} sure.",
            "Annotated as {label} with {chance}.", "That suggests the annotation {label} ({chance}).",
        )[manner]  # fmt: skip
    return form.format(label=reading.label, chance=f"{reading.chance:.0%}")


def _nothing(facts: Facts, reading: Reading, manner: int) -> str:
    if reading.muddle:
        return ("Ambiguous.", "What it means is open.", "The meaning is ambiguous.", "It stays ambiguous.")[manner % 4]
    if facts.moving and not reading.units:  # an event that no unit explains is one all the same
        return (
            "What that means is not known.", "No class is known for it.", "It tells nothing by itself.",
            "Nothing can be read into it.",
        )[manner % 4]  # fmt: skip
    return (
        "No micro-expression.",
        "There was no expression.",
        "No expression is read into it.",
        "No micro-expression here.",
        "This is no expression.", "No expression was seen.", "So there is no micro-expression.", "No expression.",
    )[manner]  # fmt: skip


def chance_in_steps(chance: float) -> float:
    """A chance in steps of 0.05: finer ones would claim more than annotations tell."""
    return round(min(max(round(20 * chance), 0), 20) / 20, 2)
