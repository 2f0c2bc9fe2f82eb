"""One expression under way: a curve along its own direction; its rise, peak and return give onset, apex and offset."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from calib.face import Doubles
from realtime.config import SpotConfig
from realtime.samples import Sample, Samples

Mask = NDArray[np.bool_]
Step = Literal["grown", "apex", "closed", "held"]
"""What a sample brought: a higher point, an announced apex, the end (at rest again or not), or nothing new."""

_RISE_MAX_S = 1.2  # the valley before the peak lies within this time
_DIP = 0.25  # a movement that fell below half its peak and rises again by so much of it is another one
_GROWTH = 1.1  # an announced apex is taken back when the movement grows beyond this
_DELAY_S = 0.25  # a held level is read until so long ago, so that a new movement does not blur it
_SETTLED, SETTLE_S = 0.4, 0.2  # a movement that lies still so long, at such a share of its peak, is over
_HALF = 0.5  # an edge is taken through the crossings of this share of the peak and of a lower one…
_LOW = (0.06, 0.2)  # …which lies between these, as low as the noise allows
_LOW_SIGMAS = 5.0
_PART = 0.1  # of the strongest region's reach: a region that moves less has no part in the movement
_EVEN, _STEEP = 4.0, 2.5  # at its threshold four movements of five are right, at twice that one of twenty is wrong
_BACK = 0.15  # below this share of its peak a movement is back at rest


@dataclass
class Movement:
    """An expression from the moment it was noticed.

    Attributes:
        number: of the event.
        rest: where the regions were before, (29, 2) IOD.
        sigma: their noise there, (29,) IOD.
        mask: the regions that may belong to it, (29,).
        free_s: when what was before it ended: it cannot have begun earlier.
        score: how far it left rest at most, in thresholds.
        direction: unit vector over all regions, (29, 2).
        peak, peak_s: the highest point and when it was reached.
        dip: the lowest point since.
        onset_s, apex_s, offset_s: the times as far as they are known, -1 while they are not.
        level: where it ended when it did not come back to rest; None where it did.
        movements: how many movements were joined into this one: more than one is speech.
        cut: whether it ended because nobody saw more.
    """

    number: int
    rest: Doubles
    sigma: Doubles
    mask: Mask
    free_s: float
    score: float
    direction: Doubles
    peak: float = 0.0
    peak_s: float = 0.0
    dip: float = 0.0
    onset_s: float = 0.0
    apex_s: float = -1.0
    offset_s: float = -1.0
    level: Doubles | None = None
    movements: int = 1
    cut: bool = False

    @property
    def reach(self) -> Doubles:
        """How far each region goes at the peak, (29,) IOD."""
        return np.asarray(self.peak * np.hypot(*self.direction.T))

    @property
    def part(self) -> Mask:
        """The regions that have part in it, (29,)."""
        reach = self.reach
        return np.asarray(self.mask & (reach > _PART * reach.max()))

    @property
    def strongest(self) -> int:
        """The region that goes farthest."""
        return int(self.reach.argmax())

    @property
    def length_s(self) -> float:
        """From onset to offset, once it has ended."""
        return self.offset_s - self.onset_s

    def verdict(self, config: SpotConfig) -> Literal["closed", "revoked"]:
        """Whether a movement that has ended was long enough to be an expression, and its rise was seen."""
        return "closed" if self.length_s >= config.shortest_s and self.apex_s > self.onset_s else "revoked"

    def cut_off(self, newest: Sample, config: SpotConfig) -> Literal["closed", "revoked"]:
        """End it with what was seen last, because nobody sees more; whether what was seen is an expression.

        One that has lasted no longer than a micro-expression is one only if most of its return was seen: it may as well
        have been held.
        """
        self.offset_s, self.cut = newest.t_s, True
        if self.length_s <= config.micro_s and self.height(newest.displacement) > _HALF * self.peak:
            return "revoked"
        return self.verdict(config) if self.apex_s >= 0 else "revoked"

    @property
    def confidence(self) -> float:
        """Share of movements with such a score that were right in phantom videos; `bench spotting` has the table."""
        chance = _EVEN * float(max(self.score, 1e-9) ** _STEEP)
        return chance / (1 + chance)

    def height(self, displacement: Doubles) -> float:
        """How far along the movement's direction a displacement lies, IOD over all its regions."""
        return float(((displacement - self.rest) * self.direction).sum())

    def size(self, displacement: Doubles) -> float:
        """How far its regions are from rest, IOD over all of them; after the apex only those that have part in it."""
        return float(np.linalg.norm((displacement - self.rest)[self.part if self.apex_s >= 0 else self.mask]))

    def rise(self, samples: Samples, sample: Sample) -> None:
        """Take a higher point: turn the direction to it and place the onset anew."""
        moved = np.where(self.mask[:, None], sample.displacement - self.rest, 0.0)
        self.direction = moved / max(float(np.linalg.norm(moved)), 1e-9)
        self.peak, self.peak_s = self.height(sample.displacement), sample.t_s
        self.dip = self.peak
        self.onset_s = max(self._edge(samples, backwards=True), self.free_s)
        self.apex_s = -1.0

    def follow(self, samples: Samples, sample: Sample, config: SpotConfig) -> Step:
        """Take the newest sample in; after "closed", `offset_s` and `level` are known."""
        height = self.height(sample.displacement)
        self.dip = min(self.dip, height)
        size, growth = self.size(sample.displacement), 1.03 if self.apex_s < 0 else _GROWTH
        # What moves on after a fall, or elsewhere than where it fell from, is another movement.
        elsewhere = self.apex_s >= 0 and size > growth * self.peak
        rise_again = self.dip < _HALF * self.peak and (height > self.dip + _DIP * self.peak or elsewhere)
        level = self._held_level(samples, sample)
        moved_on = level is not None and self._moves_on(sample, level, config)
        if size > growth * self.peak and not (rise_again or moved_on):
            self.rise(samples, sample)
            return "grown"
        if height < _BACK * self.peak:
            return self._close(samples, self._edge(samples, backwards=False, at_rest=True), None)
        if moved_on and level is not None:
            return self._close(samples, max(sample.t_s - _DELAY_S, self.apex_s), level)
        if rise_again or self._settled_below(samples, sample):
            return self._close(samples, self._edge(samples, backwards=False), sample.displacement)
        if sample.t_s - self.onset_s > config.longest_s:
            return self._close(samples, sample.t_s, sample.displacement)
        if self.apex_s < 0 and sample.t_s - self.peak_s >= config.apex_wait_s:
            self.apex_s = self._plateau_start(samples)
            return "apex"
        return "held"

    def come_home(self, samples: Samples, home: Doubles) -> Step:
        """The face is back where it rested before it rested where this movement began: take that for the end."""
        return self._close(samples, self._edge(samples, backwards=False), home)

    def _close(self, samples: Samples, offset_s: float, level: Doubles | None) -> Step:
        if self.apex_s < 0:
            self.apex_s = self._plateau_start(samples)
        self.offset_s, self.level = max(offset_s, self.peak_s), level
        return "closed"

    def _held_level(self, samples: Samples, sample: Sample) -> Doubles | None:
        """Where a movement is being held: the median since its apex but for the last moment; None if not held yet."""
        if self.apex_s < 0 or sample.t_s - self.apex_s < 2 * _DELAY_S:
            return None
        held = [s.displacement for s in samples.since(self.apex_s) if s.t_s <= sample.t_s - _DELAY_S]
        return np.asarray(np.median(held[-60:], axis=0)) if len(held) >= 3 else None

    def _moves_on(self, sample: Sample, level: Doubles, config: SpotConfig) -> bool:
        """Whether another movement has begun from where this one is held: away from there, and not back to rest."""
        part = self.part
        away = np.where(part, np.hypot(*(sample.displacement - level).T), 0.0)
        before = np.where(part, np.hypot(*(level - self.rest).T), 0.0)
        limit = max(2 * config.threshold_iod, 0.5 * float(np.sort(before)[-2]))
        returning = self.size(sample.displacement) < 0.95 * self.size(level)
        return float(np.sort(away)[-2]) > limit and not returning

    def _plateau_start(self, samples: Samples) -> float:
        """The apex: when the movement stopped growing, the first time it stood within 2 % of its peak."""
        for sample in samples.since(self.onset_s):
            if self.height(sample.displacement) >= 0.98 * self.peak:
                return sample.t_s
        return self.peak_s

    def _settled_below(self, samples: Samples, sample: Sample) -> bool:
        """Whether the movement has come to lie still at less than `_SETTLED` of its peak."""
        if sample.t_s - self.peak_s < SETTLE_S:
            return False
        recent = [self.height(s.displacement) for s in samples.since(sample.t_s - SETTLE_S)]
        return len(recent) >= 3 and max(recent) < _SETTLED * self.peak and float(np.ptp(recent)) < 0.12 * self.peak

    def _edge(self, samples: Samples, backwards: bool, at_rest: bool = False) -> float:
        """Where the movement leaves rest before the peak (backwards) or is back at rest after it.

        The straight line through the crossings of half the height over the valley (or over rest, where the movement is
        on its way there) and of a share as low as the noise allows, lengthened to the valley: half as a raised cosine
        would be, half as a ramp.
        """
        if backwards:
            way = [s for s in samples.since(max(self.free_s, self.peak_s - _RISE_MAX_S)) if s.t_s <= self.peak_s][::-1]
        else:
            way = samples.since(self.peak_s)
        if not way:  # free only since the moment between the first of the averaged samples and their mean
            return self.peak_s
        heights = [self.height(s.displacement) for s in way]
        end = _valley(way, heights, self.peak)
        rest = 0.0 if at_rest else heights[end]
        noise = float(np.sqrt(((self.direction * self.sigma[:, None]) ** 2).sum()))
        # On its way back to rest the movement has come no lower than `_BACK` when this is asked.
        lowest = _BACK if at_rest else _LOW[0]
        share = min(max(_LOW_SIGMAS * noise / max(self.peak - rest, 1e-9), lowest), _LOW[1])
        levels = [rest + part * (self.peak - rest) for part in (_HALF, share)]
        crossings: list[float] = []
        for near, far, above, below in zip(way, way[1 : end + 1], heights, heights[1:], strict=False):
            while len(crossings) < 2 and above >= levels[len(crossings)] > below:
                part = (above - levels[len(crossings)]) / (above - below)
                crossings.append(near.t_s + part * (far.t_s - near.t_s))
        if len(crossings) < 2:
            return way[end].t_s
        half, low = crossings
        return half + _stretch(share) * (low - half)


def _stretch(share: float) -> float:
    """How much longer an edge is from half its height to its foot than to a low share: a cosine and a ramp between."""
    cosine = 0.5 / (0.5 - math.acos(1 - 2 * share) / math.pi)
    ramp = 0.5 / (0.5 - share)
    return (cosine + ramp) / 2


def _valley(samples: list[Sample], heights: list[float], peak: float) -> int:
    """Where a curve that begins at its peak stops falling: its last minimum before 0.15 s without a lower one."""
    lowest = 0
    for index, height in enumerate(heights):
        if height < heights[lowest] - 0.04 * peak:
            lowest = index
        elif abs(samples[index].t_s - samples[lowest].t_s) > 0.15 and heights[lowest] < 0.5 * peak:
            break
    return lowest
