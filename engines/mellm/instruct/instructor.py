"""MEU-Instruct: what was measured as a prompt, and what there is to say about it, as many as anyone asks.

Measurements come from acted pairs that MEFlowNet measured (see `acting`), with its noise and its mistakes. New ones are
made of them, calibrated by construction: a pair's movement grows or shrinks while its errors stay, two movements are
laid over each other, errors are exchanged between pairs, faces are mirrored. Some movements are the table's own, and
some are made to contradict each other.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from calib.face import REGION_NAMES, Floats
from calib.facs import CLASSES, Label, pattern
from engines.mellm.answer import Facts
from engines.mellm.instruct.acting import Shard, load
from engines.mellm.instruct.annotations import built_in_annotations, is_secret, other_side, read_annotations, split
from engines.mellm.instruct.drawing import Play
from engines.mellm.instruct.meaning import Meaning
from engines.mellm.instruct.wording import Reading, answer_parts, chance_in_steps, main_regions
from engines.mellm.prompt import MANNERS, fill, instruction, prompt_in_manner
from engines.mellm.reader import Reader
from engines.regions import motion_of

NOTHING_CHANCE, BLINK_CHANCE, MUDDLE_CHANCE = 0.95, 0.95, 0.5
"""How sure it is that a still face, a blink, a muddle has no class."""

_WEAK = 0.25  # units weaker than this share of the strongest are not named, as in `engines.mellm.units`


@dataclass(frozen=True)
class InstructConfig:
    """What examples are made of.

    Attributes:
        plain: share of pairs taken as they were measured.
        laid: share of the others in which a second movement is laid over the first.
        muddled: share whose movements contradict each other.
        plotted: share of movements as the table has them, with hardly an error.
        grown: smallest and largest factor by which a movement grows.
        whole: share of movements that grow once more, their errors with them, as those of large expressions are larger.
        largest: by at most this factor.
        floor_iod: threshold of a pair of photos, and the largest of a live session.
        plain_floor: share of examples at the former.
        iod_px: smallest and largest distance between the eyes, px, log-uniform.
    """

    plain: float = 0.3
    laid: float = 0.25
    muddled: float = 0.04
    plotted: float = 0.06
    grown: tuple[float, float] = (0.5, 3.0)
    whole: float = 0.4
    largest: float = 6.0
    floor_iod: tuple[float, float] = (0.003, 0.007)
    plain_floor: float = 0.6
    iod_px: tuple[float, float] = (40.0, 300.0)


@dataclass(frozen=True)
class Example:
    """One measurement and what there is to say about it.

    Attributes:
        facts: the measurement.
        reading: what an answer must say.
        manner: how it is put, 0 to `MANNERS` - 1.
    """

    facts: Facts
    reading: Reading
    manner: int

    @property
    def prompt(self) -> str:
        """The house prompt."""
        return prompt_in_manner(self.facts, self.reading.units, self.manner)

    @property
    def answer(self) -> tuple[str, str]:
        """What moved, and what that is and means with the closing line."""
        return answer_parts(self.facts, self.reading, self.manner)


class Instructor:
    """Makes examples out of acted pairs."""

    def __init__(
        self, acted: Shard, meaning: Meaning, config: InstructConfig | None = None, reader: Reader | None = None
    ) -> None:
        """Take pairs apart into movement and error.

        Args:
            acted: measured pairs.
            meaning: what action units mean.
            config: what examples are made of.
            reader: of action units, whose units are said; without it, those that were acted and show.
        """
        self._plays, self._meaning, self._config = acted.plays, meaning, config or InstructConfig()
        self._reader = reader
        true, measured = acted.true.astype(np.float32), acted.measured.astype(np.float32)
        # What the network saw of a movement: the share of it that explains the measurement best. The rest is error.
        power = (true**2).sum(axis=(1, 2, 3))
        seen = np.where(power > 0, (true * measured).sum(axis=(1, 2, 3)) / np.maximum(power, 1e-9), 0.0)
        self._moved = true * seen.astype(np.float32)[:, None, None, None]
        self._errors = measured - self._moved
        self._acting = [k for k, play in enumerate(self._plays) if play.units]
        self._knows_secrets = any(is_secret(play.codes) for play in self._plays)

    def examples(self, seed: int) -> Iterator[Example]:
        """Examples without end."""
        rng = np.random.default_rng(seed)
        while True:
            yield self.example(rng)

    def example(self, rng: np.random.Generator) -> Example:
        """One example.

        Where no set that is held out was acted none is shown either, also not as what is left when a weak unit does
        not show.
        """
        while True:
            example = self._drawn(rng)
            if self._knows_secrets or not is_secret(example.reading.expressive):
                return example

    def _drawn(self, rng: np.random.Generator) -> Example:
        c = self._config
        kind = rng.random()
        if kind < c.muddled:
            return self.put(_muddle(rng), Play(), rng, muddle=True)
        if kind < c.muddled + c.plotted:
            play = self._plays[int(rng.choice(self._acting))]
            return self.put(_plotted(play, rng), play, rng)
        first = int(rng.integers(len(self._plays)))
        play, moved, errors = self._plays[first], self._moved[first], self._errors[first]
        if rng.random() >= c.plain:
            play, moved, errors = self._varied(play, moved, errors, rng)
        points = moved + errors
        if rng.random() < 0.5:
            play, points = mirrored(play, points)
        if play.units and rng.random() < c.whole:
            play, points = grown(play, points, float(np.exp(rng.uniform(0, np.log(c.largest)))))
        return self.put(points, play, rng)

    def put(self, points: Floats, play: Play, rng: np.random.Generator, muddle: bool = False) -> Example:
        """The example of flow at points (29, n, 2) IOD, seen by some camera above some threshold."""
        c = self._config
        floor = c.floor_iod[0] if rng.random() < c.plain_floor else float(rng.uniform(*c.floor_iod))
        iod_px = float(np.exp(rng.uniform(*np.log(c.iod_px))))
        regions = tuple(motion_of(name, inside) for name, inside in zip(REGION_NAMES, points, strict=True))
        facts = Facts(regions, (floor,) * len(regions), iod_px)
        units = () if muddle else showing(facts, play)
        if self._reader is not None:
            units = self._reader.units(facts)
        return Example(facts, judged(facts, units, self._meaning, muddle), int(rng.integers(MANNERS)))

    def _varied(
        self, play: Play, moved: Floats, errors: Floats, rng: np.random.Generator
    ) -> tuple[Play, Floats, Floats]:
        low, high = np.log(self._config.grown)
        play, moved = grown(play, moved, float(np.exp(rng.uniform(low, high))))
        if play.units and rng.random() < self._config.laid:
            other = int(rng.choice(self._acting))
            second, more = grown(self._plays[other], self._moved[other], float(np.exp(rng.uniform(low, high))))
            both = replace(play, units=play.units + second.units)
            apart = not {c.lstrip("LR") for c, _ in play.units} & {c.lstrip("LR") for c, _ in second.units}
            if apart and not is_secret(both.codes):
                play, moved = both, moved + more
        if not play.closure and rng.random() < 0.5:
            # Another pair's errors: those of a still pair are too small for one that moves, so they stay among movers.
            peers = self._acting if play.units else [k for k, p in enumerate(self._plays) if not p.units]
            other = int(rng.choice(peers))
            errors = self._errors[other]
            play = replace(play, closure=self._plays[other].closure)
        return play, moved, errors


def showing(facts: Facts, play: Play) -> tuple[str, ...]:
    """Of what was acted, the units that show in a measurement."""
    moving = {region.name for region in facts.moving}
    strongest = max((strength for _, strength in play.units), default=0.0)
    units = tuple(
        code for code in play.codes
        if play.strength(code) >= max(_WEAK * strongest, facts.noise_iod[0]) and moving.intersection(main_regions(code))
    )  # fmt: skip
    blink = ("AU45",) if play.closure and any("Eyelid" in name for name in moving) else ()
    return (*units, *blink)


def judged(facts: Facts, units: tuple[str, ...], meaning: Meaning, muddle: bool = False) -> Reading:
    """What can be said of a measurement in which these units show; a muddle is one only if no unit explains it."""
    if not units:
        muddle = muddle and bool(facts.moving)
        return Reading((), "none", MUDDLE_CHANCE if muddle else NOTHING_CHANCE, muddle)
    chances = meaning.chances(units)
    if "none" in chances:
        return Reading(units, "none", BLINK_CHANCE)
    label: Label = max(CLASSES, key=lambda name: chances[name])
    return Reading(units, label, chance_in_steps(chances[label]))


def grown(play: Play, moved: Floats, factor: float) -> tuple[Play, Floats]:
    """A play and its movement made larger or smaller."""
    units = tuple((code, factor * strength) for code, strength in play.units)
    return replace(play, units=units), moved * np.float32(factor)


_MIRROR = [
    REGION_NAMES.index(name.replace("Left", "·").replace("Right", "Left").replace("·", "Right"))
    for name in REGION_NAMES
]


def mirrored(play: Play, points: Floats) -> tuple[Play, Floats]:
    """The same in a mirror."""
    units = tuple((other_side(code), strength) for code, strength in play.units)
    return replace(play, units=units), points[_MIRROR] * np.array([-1, 1], np.float32)


def _plotted(play: Play, rng: np.random.Generator) -> Floats:
    """The table's movement of a play, its regions moving as one, (29, n, 2) IOD."""
    moved = sum((strength * pattern(code) for code, strength in play.units), np.zeros((len(REGION_NAMES), 2)))
    moved += rng.normal(0, float(rng.choice([0.0, 0.0003, 0.001])), moved.shape)
    return np.repeat(moved[:, None], 4, axis=1).astype(np.float32)


def _muddle(rng: np.random.Generator) -> Floats:
    """Four to nine regions that move each their own way, by about as much, (29, n, 2) IOD."""
    points = rng.normal(0, 0.0006, (len(REGION_NAMES), 8, 2))
    size = float(np.exp(rng.uniform(np.log(0.008), np.log(0.03))))
    for index in rng.choice(len(REGION_NAMES), int(rng.integers(4, 10)), replace=False):
        angle, length = rng.uniform(0, 2 * np.pi), size * rng.uniform(0.6, 1.0)
        points[index] += length * np.array([np.cos(angle), np.sin(angle)])
    return points.astype(np.float32)


def conversation(example: Example, whole: bool) -> str:
    """One line of JSON: a user's prompt and an assistant's answer.

    Args:
        example: what to write.
        whole: put the measurement into the instruction for models that were not trained here.
    """
    prompt = fill(instruction(), example.facts) if whole else example.prompt
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": "".join(example.answer)}]
    return json.dumps({"messages": turns}, ensure_ascii=False)


def open_instructor(
    acted: Path, statistics: Path | None, config: InstructConfig | None = None, reader: Path | None = None
) -> Instructor:
    """The instructor for a folder of acted pairs; meanings come from the part of the annotations that is trained on.

    Raises:
        ValueError: no acted pairs, or a table or a reader that cannot be used.
    """
    sets, _ = split(read_annotations(statistics) if statistics else built_in_annotations())
    return Instructor(load(acted), Meaning(sets), config, Reader(reader) if reader is not None else None)
