"""What the spotter knows of one face: where it rests, and the expressions under way.

A face is at rest until two of its regions (the eyelids do not count), or one of them by far, leave their rest level by
more than their noise. While an expression is held, the regions that have no part in it may begin another.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from calib.face import REGIONS, Doubles
from calib.neutral import Baseline, RestLevel
from engines.runtime import HEADLESS
from realtime.config import SpotConfig
from realtime.curve import SEEN
from realtime.messages import Motion
from realtime.movement import SETTLE_S, Mask, Movement
from realtime.samples import Sample, Samples
from realtime.speech import LOWER, SYLLABLE_S, Speech

_BROWS = np.array([region.part == "brow" for region in REGIONS])
_LIDS = np.array([region.name.find("Upper Eyelid") >= 0 for region in REGIONS])
_LID_STILL_IOD = 0.015  # eyelids move so far with the brows and cheeks; a blink moves them 0.1 and more
_SHUT_IOD, _SHUT_S = 0.05, 0.05  # a shut eye's lid counts as moved so far for so long: flow cannot follow hidden skin
_LID_LEAK = np.where(_BROWS, 0.25, 0.06)  # share of a blink's movement that may show in each region
_HEAD_LEAK = 0.04  # share of the head's movement within 0.2 s that may be left in the regions
_FITTED_LEAK = 0.12  # the same if that movement was fitted to a flow of the whole face
_TURN_FREE, _TURN_LEAK = 0.03, 0.07  # share of a turn beyond sway that may be left, beside what relief is not known
_TURNED, _MOST_LEFT = 0.04, 0.35  # a turn that can be taken for a movement, and how much of it at most…
_ALIKE, _ALIKE_SAMPLES = 0.8, 4  # …if their courses are so much alike
_EARLIER_S = 0.2
_NEAR_LEAK = 0.06  # share of the face's growth that may be left: what is ahead of the eyes grows faster
_BESIDE_LEAK = 0.2  # share of an open movement that may show in regions that have no part in it
_RISE_S = 0.35  # within this time a movement must have risen…
_RISE_SHARE = 1.5  # …to two thirds of what it is away from rest
_WAKE, _WAKE_S = 0.12, 0.6  # share of a long movement that may be left in its regions for so long after its end
_MOVING_S = 0.1  # a region that changes by its threshold within this time is moving
_FINEST_PX = 0.1  # of the frame: less is not seen; faces at rest 8 to 16 px between the eyes seem to move by 0.07
_KNOWN = 64  # anchors under which it is known where the face rests
_SETTLE_S = 1.0  # who has rested under an anchor for so long rests there again
_ALONE = 1.6  # a region that moves alone must exceed its threshold so many times
_OPEN_SAMPLES = 2

News = tuple[Movement, Literal["rising", "apex", "closed", "revoked"]]
"""A movement, and what became known of it."""


class Watch:
    """One face."""

    def __init__(self, config: SpotConfig, baseline: Baseline | None = None) -> None:
        """Start watching.

        Args:
            config: settings.
            baseline: noise measured at rest before; by default it is learned on the way.
        """
        self._config = config
        self.rest = RestLevel(baseline)
        self._samples = Samples()
        self._speech = Speech(config)
        self._free_s: Doubles = np.zeros(len(REGIONS))
        self._settled_s = 0.0
        self._jitter_iod, self._finest_iod, self._head_leak = 0.0, 0.0, _FITTED_LEAK
        self._turn_leak = np.full(2, _TURN_LEAK)
        self._wake, self._wake_s = np.zeros(len(REGIONS)), 0.0
        self._above = 0
        self._anchor, self._since_s = 0, 0.0
        self._rested: dict[int, tuple[Doubles, Doubles]] = {}
        self.open: list[Movement] = []

    def step(self, motion: Motion, number: int) -> Iterator[News]:
        """Take a motion in; what it brings, in order. A movement that begins is given the `number`."""
        sample = self._samples.take(motion)
        if sample is None:
            return
        self._change_anchor(sample)
        self._jitter_iod, self._finest_iod = motion.noise_iod, _FINEST_PX / max(motion.iod_px, 1.0)
        self._head_leak = _FITTED_LEAK if motion.engine in HEADLESS else _HEAD_LEAK
        self._turn_leak = _TURN_LEAK + np.array(motion.turn_leak)
        for movement in list(self.open):
            yield from self._follow(movement, sample)
        mouth_s = [sample.t_s - m.onset_s for m in self.open if LOWER[m.strongest]]
        # What is held for longer than a syllable is none, unless it began within speech: nothing waits for its end.
        moving = any(self._speech.talking or lasts_s < SYLLABLE_S + SETTLE_S for lasts_s in mouth_s)
        yield from self._speech.due(sample.t_s, moving)
        if self._mouth_moves(sample):
            self._speech.go_on(sample.t_s)
        limits = self._limits(sample)
        if any(m.apex_s < 0 for m in self.open) or (not self.open and self._returning(sample, limits)):
            self._above = 0
            return
        mask = self._free(sample)
        if self._speech.talking or any(lasts_s < SYLLABLE_S for lasts_s in mouth_s):
            # What moves beside a syllable is part of the same speech.
            mask = mask & ~LOWER
        score = self._score(sample, mask, limits)
        self._above = self._above + 1 if score > 1 else 0
        if self._above >= _OPEN_SAMPLES:
            self._above = 0
            movement = self._begin(sample, mask, score, number)
            for other in self.open:
                other.mask = other.mask & ~movement.part
            self.open.append(movement)
            yield movement, "rising"
        elif score < 1 and not self.open and not self._speech.active(sample.t_s):
            self.rest.update(sample.t_s, sample.displacement, sample.pose)

    def abandon(self) -> Iterator[News]:
        """The face is gone: end what was under way, or take it back (`Movement.cut_off`)."""
        yield from self._speech.end()
        for movement in self.open:
            yield movement, movement.cut_off(self._samples.newest, self._config)

    def _change_anchor(self, sample: Sample) -> None:
        """Remember where the face rested under every anchor, and know it again when it is back there."""
        if sample.anchor != self._anchor:
            if self.rest.settled_s > self._since_s + _SETTLE_S:
                self._rested[self._anchor] = self.rest.level, self.rest.pose
                while len(self._rested) > _KNOWN:
                    del self._rested[next(iter(self._rested))]
            self._anchor, self._since_s = sample.anchor, sample.t_s
        step = self._samples.step
        if step is None:
            return
        for movement in self.open:
            movement.rest = movement.rest + step
        # What was wrong with the other anchors may or may not have been taken for rest.
        moved = self.rest.level + step
        level = min(self.rest.level, moved, key=lambda rest: float(np.abs(sample.displacement - rest).sum()))
        known = self._rested.get(sample.anchor, (level, self.rest.pose))
        self.rest.restart(sample.t_s, *((moved, self.rest.pose) if self.open else known))

    def _follow(self, movement: Movement, sample: Sample) -> Iterator[News]:
        home = self.rest.home
        if home is not None and movement.apex_s >= 0 and self._came_home(movement, sample, home):
            step = movement.come_home(self._samples, home)
        else:
            step = movement.follow(self._samples, sample, self._config)
        if step == "grown":
            movement.score = max(movement.score, self._score(sample, movement.mask, self._limits(sample)))
        elif step == "apex":
            yield movement, "apex"
        elif step == "closed":
            part = movement.part
            self.open.remove(movement)
            self._free_s[part] = sample.t_s + SETTLE_S
            if movement.length_s > SYLLABLE_S:
                self._wake, self._wake_s = _WAKE * movement.reach, sample.t_s + _WAKE_S
            if movement.level is not None:
                self._free_s[part] = movement.offset_s
                level = np.where(part[:, None], movement.level, self.rest.level)
                self.rest.restart(sample.t_s, level, sample.pose)
            if self._goes_with_the_head(movement):
                yield movement, "revoked"
            elif LOWER[movement.strongest]:
                yield from self._speech.hold(movement)
            else:
                yield movement, movement.verdict(self._config)

    def _goes_with_the_head(self, movement: Movement) -> bool:
        """Whether a movement that has ended is what a turn of the head left: no larger, and up and down as it was."""
        # A turn is noticed in the regions only after it began.
        way = [s for s in self._samples.since(movement.onset_s - _EARLIER_S) if s.t_s <= movement.offset_s]
        if len(way) < _ALIKE_SAMPLES:
            return False
        posed = np.stack([s.pose[:2] for s in way]) - way[0].pose[:2]
        farthest = posed[np.hypot(*posed.T).argmax()]
        turn = float(np.hypot(*farthest))
        if turn < _TURNED or movement.reach.max() > _MOST_LEFT * turn:
            return False
        heights, along = np.array([movement.height(s.displacement) for s in way]), posed @ farthest
        return bool(np.corrcoef(heights, along)[0, 1] > _ALIKE)

    def _came_home(self, movement: Movement, sample: Sample, home: Doubles) -> bool:
        """Whether a movement that began away from where the face rests in the long run has led back there.

        What ended half way, as syllables do, was taken for rest; the way home is then a movement that never returns.
        """
        limits = self._quiet_limits()
        began_away = (np.hypot(*(movement.rest - home).T) > limits)[movement.part].any()
        return bool(began_away and (np.hypot(*(sample.displacement - home).T) < limits)[SEEN].all())

    def _free(self, sample: Sample) -> Mask:
        """The regions that may begin a movement: seen, at rest long enough, and with no part in an open one."""
        mask = SEEN & (self._free_s <= sample.t_s)
        for movement in self.open:
            mask = mask & ~movement.part
        return mask

    def _returning(self, sample: Sample, limits: Doubles) -> bool:
        """Whether regions of a movement that has ended are still on their way; where they come to lie is rest."""
        if self._free_s.max() <= self._settled_s:
            return False
        away = np.hypot(*(sample.displacement - self.rest.level).T)
        if (away < limits)[SEEN].all():
            self._free_s = np.minimum(self._free_s, sample.t_s)
        elif sample.t_s < self._free_s.max():
            return True
        else:
            self.rest.restart(sample.t_s, sample.displacement, sample.pose)
        self._settled_s = sample.t_s
        return False

    def _mouth_moves(self, sample: Sample) -> bool:
        """Whether a region of the mouth is on its way from somewhere to somewhere."""
        before = [
            s.displacement for s in self._samples.since(sample.t_s - 1.5 * _MOVING_S) if s.t_s < sample.t_s - _MOVING_S
        ]
        if not before:
            return False
        moved = np.hypot(*(sample.displacement - np.mean(before, axis=0)).T)
        # A difference has the noise of both its ends.
        return bool((moved > np.sqrt(1 + 1 / len(before)) * self._quiet_limits())[LOWER].any())

    def _left(self, sample: Sample) -> Doubles:
        """What a long movement that has ended may have left in each region, IOD."""
        return self._wake if sample.t_s < self._wake_s else np.zeros(len(REGIONS))

    def _quiet_limits(self) -> Doubles:
        """What each region must exceed when neither lids nor head move, IOD."""
        # What trembles now counts at once, also while a movement keeps the noise at rest from being learned.
        noise = self._config.noise_factor * np.maximum(self.rest.sigma_iod, self._jitter_iod)
        return np.asarray(np.maximum(max(self._config.threshold_iod, self._finest_iod), noise))

    def _limits(self, sample: Sample) -> Doubles:
        """What each region must exceed, IOD: its noise, and what blinks, the head and open movements leave in it."""
        away = np.hypot(*(sample.displacement - self.rest.level).T)
        lids = max(float(away[_LIDS].max()), _SHUT_IOD * self._samples.shut(sample.t_s - _SHUT_S))
        before = [s.head for s in self._samples.since(sample.t_s - 0.2)]
        jerk = float(np.hypot(*np.ptp(before, axis=0))) if before else 0.0
        limits = self._quiet_limits() + self._left(sample) + self._head_leak * min(jerk, 0.2)
        posed = np.abs(sample.pose - self.rest.pose)
        limits = limits + float(self._turn_leak @ np.maximum(posed[:2] - _TURN_FREE, 0.0)) + _NEAR_LEAK * posed[2]
        limits = limits + _BESIDE_LEAK * max((float(m.reach.max()) for m in self.open), default=0.0)
        return np.asarray(limits + _LID_LEAK * max(lids - _LID_STILL_IOD, 0.0))

    def _score(self, sample: Sample, mask: Mask, limits: Doubles) -> float:
        """How far two of some regions have left rest, or one alone, in thresholds; a slow drift counts nothing."""
        if mask.sum() < 2:
            return 0.0
        away = np.hypot(*(sample.displacement - self.rest.level).T)
        free_s = self._free_s[mask].max()
        before = self._samples.since(max(free_s, sample.t_s - _RISE_S))
        if not before:
            return 0.0
        risen = np.hypot(*(sample.displacement - before[0].displacement).T)
        strongest = np.sort((np.minimum(away, _RISE_SHARE * risen) / limits)[mask])
        return float(max(strongest[-2], strongest[-1] / _ALONE))

    def _begin(self, sample: Sample, mask: Mask, score: float, number: int) -> Movement:
        free_s = float(self._free_s[mask].max())
        rest, sigma = self.rest.level.copy(), self.rest.sigma_iod.copy()
        movement = Movement(number, rest, sigma, mask, free_s, score, np.zeros_like(rest))
        movement.rise(self._samples, sample)
        return movement
