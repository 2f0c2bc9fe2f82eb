"""Long performances: micro and macro expressions with rest, blinks and distractors between, in real proportions."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from calib.facs import pattern
from calib.phantom.distractors import (
    Distractor,
    Exposure,
    Flicker,
    Gaze,
    HeadTurn,
    KeyFrames,
    Lean,
    LightStep,
    Nod,
    Wink,
)
from calib.phantom.script import BLINK_S, MICRO_LIMIT_S, Nuisance, PhantomEvent, PhantomScript
from calib.phantom.speech import make_speech

PERCENTILES = (5, 10, 25, 50, 75, 90, 95)
RISE_MS = {
    "CASME II": (75, 90, 115, 152, 208, 265, 325),
    "DFME": (46, 58, 84, 120, 180, 234, 248),
    "SAMM": (70, 90, 120, 160, 198, 255, 301),
}
"""`PERCENTILES` of the time from onset to apex, ms, counted from the published annotation tables of three data sets."""

TOTAL_MS = {
    "CASME II": (175, 200, 250, 300, 425, 475, 495),
    "DFME": (104, 124, 170, 246, 326, 450, 484),
    "SAMM": (194, 220, 292, 385, 442, 481, 495),
}
"""The same of the time from onset to offset."""

SHORTEST_S = 0.17
"""Micro-expressions of the tables that are shorter than this, five frames at 30 fps, are not performed."""

MICRO_IOD, MACRO_IOD = (0.005, 0.03), (0.02, 0.08)
"""Amplitudes of the region that moves most, IOD."""

BLINKS_PER_MINUTE = 17.0
"""Of a person at rest (Bentivoglio et al., *Movement Disorders* 12, 1997)."""

_UNITS: tuple[tuple[str, ...], ...] = (
    ("AU4",), ("AU12",), ("AU1", "AU2"), ("AU15",), ("AU6", "AU12"), ("AU9",), ("AU17",), ("AU10",), ("AU20",),
    ("AU14",), ("AU1",), ("AU2",), ("AU24",), ("AU4", "AU9"), ("AU1", "AU4"), ("AU15", "AU17"), ("AU4", "AU24"),
)  # fmt: skip
_ONE_SIDED = frozenset({"AU2", "AU10", "AU12", "AU14", "AU15", "AU20"})


@dataclass(frozen=True)
class Mix:
    """What happens how often, and how far apart.

    Attributes:
        micro, macro, distractors: of every so many things together, so many of each kind, in any order.
        one_sided: share of the expressions that one half of the face makes, of those units that occur so.
        rest_s: shortest and longest rest between two of them, s.
        long_rest: share of rests that are 2 to 4 s longer.
    """

    micro: int = 10
    macro: int = 4
    distractors: int = 7
    one_sided: float = 0.4
    rest_s: tuple[float, float] = (0.8, 2.0)
    long_rest: float = 0.1


def long_script(
    seconds: float, seed: int = 0, mix: Mix | None = None, nuisance: Nuisance | None = None
) -> PhantomScript:
    """Draw a performance: rest for 2.5 s, then one thing after another, with blinks at any time.

    Args:
        seconds: its length.
        seed: of everything that is drawn.
        mix: what happens how often.
        nuisance: head sway, light, noise and compression; drawn if None.
    """
    mix = mix or Mix()
    rng = np.random.default_rng([seed, 29])
    things = _things(mix, rng)
    events: list[PhantomEvent] = []
    distractors: list[Distractor] = []
    t = 2.5
    while True:
        thing = next(things)(t, rng)
        end_s = thing.offset_s if isinstance(thing, PhantomEvent) else thing.end_s
        if end_s + 0.6 > seconds:
            break
        if isinstance(thing, PhantomEvent):
            events.append(thing)
        else:
            distractors.append(thing)
        t = end_s + float(rng.uniform(*mix.rest_s))
        if rng.random() < mix.long_rest:
            t += float(rng.uniform(2.0, 4.0))
    winks = [d for d in distractors if isinstance(d, Wink)]
    blinks = tuple(_blinks(seconds, winks, rng))
    return PhantomScript(tuple(events), blinks, nuisance or draw_nuisance(rng), seed, tuple(distractors))


def draw_nuisance(rng: np.random.Generator) -> Nuisance:
    """A camera and a room: sensor noise σ 1–3, a light that drifts, and in two cases of three a compressed stream."""
    jpeg = int(rng.integers(70, 96)) if rng.random() < 2 / 3 else None
    return Nuisance(
        sway_iod=float(rng.uniform(0.015, 0.045)), roll_deg=float(rng.uniform(0.3, 0.9)),
        light=float(rng.uniform(0.005, 0.03)), noise=float(rng.uniform(1.0, 3.0)), jpeg=jpeg,
    )  # fmt: skip


def _micro(onset_s: float, one_sided: float, rng: np.random.Generator) -> PhantomEvent:
    """A micro-expression of one data set's durations: rise and whole are drawn apart, but such that they fit."""
    while True:
        source = str(rng.choice(list(RISE_MS)))
        rise, total = (
            float(np.interp(rng.uniform(5, 95), PERCENTILES, table[source])) / 1000 for table in (RISE_MS, TOTAL_MS)
        )
        if SHORTEST_S <= total <= MICRO_LIMIT_S and 0.06 <= rise <= total - 0.08:
            break
    return PhantomEvent(onset_s, onset_s + rise, onset_s + total, _units(MICRO_IOD, one_sided, rng))


def _macro(onset_s: float, one_sided: float, rng: np.random.Generator) -> PhantomEvent:
    """A macro-expression of 0.6–3 s with a held peak."""
    total = float(rng.uniform(0.6, 3.0))
    rise, fall = (min(float(rng.uniform(0.2, 0.6)), 0.45 * total) for _ in range(2))
    units = _units(MACRO_IOD, one_sided, rng)
    return PhantomEvent(onset_s, onset_s + rise, onset_s + total, units, hold_s=total - rise - fall)


def _units(
    amplitudes: tuple[float, float], one_sided: float, rng: np.random.Generator
) -> tuple[tuple[str, float], ...]:
    """Units of one expression, the later ones at 0.6 to 1 of the first; log-uniform the region that moves most."""
    codes = _UNITS[int(rng.integers(len(_UNITS)))]
    size = math.exp(float(rng.uniform(*np.log(amplitudes))))
    side = str(rng.choice(["L", "R"])) if rng.random() < one_sided and codes[-1] in _ONE_SIDED else ""
    if side:
        codes = codes[-1:]
    shares = [1.0, *(float(rng.uniform(0.6, 1.0)) for _ in codes[1:])]
    moved = sum((share * pattern(side + code) for code, share in zip(codes, shares, strict=True)), np.zeros((1, 2)))
    scale = size / float(np.hypot(moved[:, 0], moved[:, 1]).max())
    return tuple((side + code, scale * share) for code, share in zip(codes, shares, strict=True))


def _blinks(seconds: float, winks: list[Wink], rng: np.random.Generator) -> Iterator[float]:
    """Blinks at random, at least half a second apart, none during a wink."""
    t = 0.8
    while True:
        t += 0.5 + float(rng.exponential(60 / BLINKS_PER_MINUTE - 0.5))
        if t + BLINK_S > seconds:
            return
        if not any(wink.start_s - BLINK_S < t < wink.end_s for wink in winks):
            yield t


_Thing = Callable[[float, np.random.Generator], PhantomEvent | Distractor]
"""Draws something that begins at a time."""


def _sign(rng: np.random.Generator) -> float:
    return 1.0 if rng.random() < 0.5 else -1.0


def _wink(t: float, rng: np.random.Generator) -> Distractor:
    return Wink(t, t + rng.uniform(0.25, 0.45), "Left" if rng.random() < 0.5 else "Right")


def _gaze(t: float, rng: np.random.Generator) -> Distractor:
    return Gaze(t, t + rng.uniform(0.3, 1.5), _sign(rng) * rng.uniform(0.02, 0.08))


def _speech(t: float, rng: np.random.Generator) -> Distractor:
    return make_speech(t, t + rng.uniform(1.0, 4.0), rng.uniform(0.02, 0.06), rng)


def _turn(t: float, rng: np.random.Generator) -> Distractor:
    return HeadTurn(
        t, t + rng.uniform(1.0, 2.5), _sign(rng) * rng.uniform(2, 20), rng.uniform(-4, 4), rng.uniform(0.3, 0.6)
    )


def _nod(t: float, rng: np.random.Generator) -> Distractor:
    times = int(rng.integers(1, 4))
    return Nod(t, t + times * rng.uniform(0.4, 0.8), rng.uniform(2, 10), times)


def _lean(t: float, rng: np.random.Generator) -> Distractor:
    return Lean(t, t + rng.uniform(1.5, 3.0), rng.uniform(0.04, 0.2), rng.uniform(0.4, 0.8))


def _light(t: float, rng: np.random.Generator) -> Distractor:
    return LightStep(t, t + rng.uniform(0.3, 2.0), _sign(rng) * rng.uniform(0.03, 0.12))


def _flicker(t: float, rng: np.random.Generator) -> Distractor:
    return Flicker(t, t + rng.uniform(2.0, 4.0), float(rng.choice([49.9, 99.9, 119.9])), rng.uniform(0.01, 0.05))


def _exposure(t: float, rng: np.random.Generator) -> Distractor:
    return Exposure(t, t + rng.uniform(0.6, 2.0), rng.uniform(-0.3, 0.3), rng.uniform(0.2, 0.5))


def _key_frames(t: float, rng: np.random.Generator) -> Distractor:
    return KeyFrames(t, t + rng.uniform(2.0, 4.0), rng.uniform(0.33, 1.0), int(rng.integers(20, 45)))


_DISTRACTORS: tuple[_Thing, ...] = (
    _wink, _gaze, _speech, _turn, _nod, _lean, _light, _flicker, _exposure, _key_frames,
)  # fmt: skip


def _shuffled(things: Sequence[_Thing], rng: np.random.Generator) -> Iterator[_Thing]:
    """All of some things in turn, in another order each time."""
    while True:
        for index in rng.permutation(len(things)):
            yield things[index]


def _things(mix: Mix, rng: np.random.Generator) -> Iterator[_Thing]:
    """What happens next, without end."""
    distractors = _shuffled(_DISTRACTORS, rng)
    expressions: list[_Thing] = [
        *(mix.micro * [lambda t, rng: _micro(t, mix.one_sided, rng)]),
        *(mix.macro * [lambda t, rng: _macro(t, mix.one_sided, rng)]),
    ]
    deck = [*expressions, *(mix.distractors * [lambda t, rng: next(distractors)(t, rng)])]
    return _shuffled(deck, rng)
