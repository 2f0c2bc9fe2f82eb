"""What a phantom does and when: expressions, blinks, head sway, light."""

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from calib.face import REGIONS
from calib.facs import parse_code, pattern
from calib.phantom.distractors import Distractor

MICRO_LIMIT_S = 0.5
"""Longest micro-expression, onset to offset (MEGC)."""


@dataclass(frozen=True)
class PhantomEvent:
    """One expression: a raised-cosine rise, an optional hold, a raised-cosine fall.

    Attributes:
        onset_s, apex_s, offset_s: when it leaves rest, first reaches its peak, is back at rest.
        units: (code, amplitude in IOD of the unit's strongest region).
        hold_s: how long the peak is held after the apex.
    """

    onset_s: float
    apex_s: float
    offset_s: float
    units: tuple[tuple[str, float], ...]
    hold_s: float = 0.0

    def __post_init__(self) -> None:
        if not self.onset_s < self.apex_s <= self.apex_s + self.hold_s < self.offset_s:
            raise ValueError(
                f"onset {self.onset_s} < apex {self.apex_s} (+ hold) < offset {self.offset_s} does not hold"
            )
        for code, _ in self.units:
            parse_code(code)

    def later(self, by_s: float) -> "PhantomEvent":
        """The same, so much later."""
        onset, apex, offset = (t_s + by_s for t_s in (self.onset_s, self.apex_s, self.offset_s))
        return replace(self, onset_s=onset, apex_s=apex, offset_s=offset)

    @property
    def kind(self) -> Literal["micro", "macro"]:
        """Micro up to `MICRO_LIMIT_S` from onset to offset."""
        return "micro" if self.offset_s - self.onset_s <= MICRO_LIMIT_S + 1e-9 else "macro"

    @property
    def amplitude_iod(self) -> float:
        """How far the strongest region moves at the peak by all units together, IOD: they may add up or cancel."""
        moved = sum((size * pattern(code) for code, size in self.units), np.zeros((len(REGIONS), 2)))
        return float(np.hypot(moved[:, 0], moved[:, 1]).max())

    def strength(self, t_s: float) -> float:
        """Share of the full amplitude at a time, 0 to 1."""
        fall_s = self.apex_s + self.hold_s
        if not self.onset_s < t_s < self.offset_s:
            return 0.0
        if t_s < self.apex_s:
            return 0.5 - 0.5 * math.cos(math.pi * (t_s - self.onset_s) / (self.apex_s - self.onset_s))
        if t_s <= fall_s:
            return 1.0
        return 0.5 + 0.5 * math.cos(math.pi * (t_s - fall_s) / (self.offset_s - fall_s))


@dataclass(frozen=True)
class Nuisance:
    """Everything that changes the picture and is not an expression.

    Attributes:
        sway_iod: amplitude of the head's slow drift, in IOD.
        roll_deg: amplitude of its roll, degrees.
        zoom: amplitude of its leaning in and out, as a share of its size.
        turn_deg: amplitude of its turning aside and of its nodding, degrees.
        light: amplitude of the slow change of gain.
        light_step_s: when the gain jumps by `light_step`; never if None.
        light_step: that jump, as a share.
        noise: σ of the sensor noise, grey levels.
        jpeg: JPEG quality of every frame; None for no compression.
    """

    sway_iod: float = 0.03
    roll_deg: float = 0.6
    zoom: float = 0.006
    turn_deg: float = 1.1
    light: float = 0.015
    light_step_s: float | None = None
    light_step: float = 0.06
    noise: float = 2.0
    jpeg: int | None = None


@dataclass(frozen=True)
class PhantomScript:
    """A whole performance.

    Attributes:
        events: expressions, in order of their onset; they may overlap.
        blinks_s: when the eyes begin to close; a blink takes `BLINK_S`.
        nuisance: head sway, light, noise.
        seed: of the head's path and the noise.
        distractors: what else happens; it may overlap with anything.
    """

    events: tuple[PhantomEvent, ...] = ()
    blinks_s: tuple[float, ...] = ()
    nuisance: Nuisance = field(default_factory=Nuisance)
    seed: int = 0
    distractors: tuple[Distractor, ...] = ()

    def closure(self, t_s: float) -> float:
        """How far the eyes are closed by a blink, 0 to 1: shut within a third of `BLINK_S`, then opening slowly."""
        for start in self.blinks_s:
            share = (t_s - start) / BLINK_S
            if 0 < share < 1:
                return (
                    math.sin(0.5 * math.pi * share * 3) if share < 1 / 3 else math.cos(0.25 * math.pi * (share * 3 - 1))
                )
        return 0.0

    def lids(self, t_s: float) -> tuple[float, float]:
        """How far the image-left and the image-right eye are closed, by a blink or a distractor, 0 to 1."""
        left = right = self.closure(t_s)
        for distractor in self.distractors:
            more = distractor.lids(t_s)
            left, right = max(left, more[0]), max(right, more[1])
        return left, right

    def gaze(self, t_s: float) -> float:
        """How far the irises are turned to image right, IOD."""
        return sum(distractor.gaze(t_s) for distractor in self.distractors)

    def jpeg(self, t_s: float) -> int | None:
        """JPEG quality of the frame: the distractors' lowest, else the nuisance's; None for no compression."""
        qualities = [quality for d in self.distractors if (quality := d.jpeg(t_s)) is not None]
        return min(qualities) if qualities else self.nuisance.jpeg


BLINK_S = 0.25
"""Length of a blink, s: 0.1 to 0.4 s in the literature."""

_REPERTOIRE: tuple[tuple[str, ...], ...] = (
    ("AU4",), ("LAU12",), ("AU1", "AU2"), ("AU15",), ("AU6", "AU12"),
    ("AU9",), ("AU17",), ("RAU14",), ("AU10",), ("AU20",),
)  # fmt: skip


def demo_script(seconds: float, seed: int = 0, nuisance: Nuisance | None = None) -> PhantomScript:
    """A lively performance: rest for 2.5 s, then an expression about every 2 s, blinks between, every fourth one macro.

    Amplitudes are 0.015–0.03 IOD (micro) and 0.04–0.08 IOD (macro); micro-expressions last 0.3–0.5 s, macro ones 1–2 s.
    """
    rng = np.random.default_rng(seed)
    events: list[PhantomEvent] = []
    blinks: list[float] = [1.2]
    t = 2.5
    while True:
        macro = len(events) % 4 == 2
        units = ("AU6", "AU12") if macro else _REPERTOIRE[int(rng.integers(len(_REPERTOIRE)))]
        rise = float(rng.uniform(0.25, 0.4) if macro else rng.uniform(0.14, 0.22))
        fall = float(rng.uniform(0.3, 0.5) if macro else rng.uniform(0.16, 0.26))
        hold = float(rng.uniform(0.4, 0.9)) if macro else 0.0
        size = float(rng.uniform(0.04, 0.08) if macro else rng.uniform(0.015, 0.03))
        if t + rise + hold + fall + 0.6 > seconds:
            break
        events.append(PhantomEvent(t, t + rise, t + rise + hold + fall, tuple((u, size) for u in units), hold))
        gap = float(rng.uniform(1.2, 2.0))
        t = events[-1].offset_s + gap
        if rng.random() < 0.5:
            blinks.append(t - gap / 2 - BLINK_S / 2)
    kept = tuple(start for start in blinks if start + BLINK_S <= seconds)
    return PhantomScript(tuple(events), kept, nuisance or Nuisance(), seed)
