"""The spotter: events out of displacement curves, as they happen.

A face is at rest until the second strongest of its regions (the eyelids do not count) leaves its rest level by more
than its noise. From then on the movement is followed along its own direction: one curve, whose rise, peak and return
give onset, apex and offset. Every time is a time of the stream; frames may come at any rate and irregularly.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np

from calib.face import REGIONS, Doubles
from calib.neutral import Baseline, RestLevel
from engines.regions import RegionMotion
from realtime.config import SpotConfig
from realtime.flow import SEEN, head_shift_iod
from realtime.messages import AnyMessage, End, Kind, Lost, Motion, Phase, Spot

_NS = 1e9
_BROWS = np.array([region.part == "brow" for region in REGIONS])
_LIDS = np.array([region.name.find("Upper Eyelid") >= 0 for region in REGIONS])
_HISTORY_S = 6.0
_SMOOTH_S = 0.034  # samples closer than this are averaged: one frame at 30 fps, seven at 200
_LID_STILL_IOD = 0.015  # eyelids move so far with the brows and cheeks; a blink moves them 0.1 and more
_LID_LEAK = np.where(_BROWS, 0.25, 0.06)  # share of a blink's movement that may show in each region
_HEAD_LEAK = 0.12  # share of the head's movement within 0.2 s that may be left in the regions
_RISE_S = 0.35  # within this time a movement must have risen…
_RISE_SHARE = 1.5  # …to two thirds of what it is away from rest
_RISE_MAX_S = 1.2  # the valley before the peak lies within this time
_DIP = 0.25  # a movement that fell below half its peak and rises again by so much of it is another one
_GROWTH = 1.1  # an announced apex is taken back when the movement grows beyond this
_DELAY_S = 0.25  # a held level is read until so long ago, so that a new movement does not blur it
_SETTLED, _SETTLE_S = 0.4, 0.2  # a movement that lies still so long, at such a share of its peak, is over
_OPEN_SAMPLES = 2
_LOW, _HALF = 0.15, 0.5  # shares of the peak between which an edge is taken to be straight
_EDGE_STRETCH = 1.6  # onset = t_half - 1.6 (t_half - t_low): between a raised cosine (1.99) and a ramp (1.43)

Measure = Callable[[int, int, int], list[RegionMotion]]
"""(face_id, onset_ns, apex_ns) → what the regions did between the two."""


@dataclass
class _Sample:
    t_s: float
    displacement: Doubles
    head: Doubles


@dataclass
class _Event:
    """An expression under way: its direction, the times known so far, and when the event before it ended."""

    spot_id: int
    rest: Doubles
    direction: Doubles
    free_s: float
    peak: float = 0.0
    peak_s: float = 0.0
    dip: float = 0.0
    score: float = 0.0
    onset_s: float = 0.0
    apex_s: float = -1.0
    last: Spot | None = None


@dataclass
class _Watch:
    """What the spotter knows of one face."""

    rest: RestLevel = field(default_factory=RestLevel)
    past: deque[_Sample] = field(default_factory=deque)
    above: int = 0
    event: _Event | None = None
    free_s: float = 0.0


class SpotNode:
    """Takes `Motion`, gives `Spot`; passes everything else on."""

    def __init__(
        self, config: SpotConfig, measure: Measure, first_id: int = 0, baseline: Baseline | None = None
    ) -> None:
        """Start watching.

        Args:
            config: settings.
            measure: the flow node's pass between two frames (`FlowNode.between`).
            first_id: the first event's number.
            baseline: noise measured at rest before; by default it is learned on the way.
        """
        self._config, self._measure, self._baseline = config, measure, baseline
        self._watches: dict[int, _Watch] = {}
        self._next_id = first_id

    def close(self) -> None:
        """Nothing to release."""

    def rest(self, face_id: int) -> RestLevel | None:
        """What is known of a face at rest; None if it is not watched."""
        watch = self._watches.get(face_id)
        return watch.rest if watch is not None else None

    def step(self, message: AnyMessage) -> Iterator[AnyMessage]:
        """See the class."""
        if isinstance(message, Motion):
            yield message
            yield from self._watch(message)
            return
        if isinstance(message, Lost):
            yield from self._abandon(message, message.face_id)
        elif isinstance(message, End):
            for face_id in list(self._watches):
                yield from self._abandon(message, face_id)
        yield message

    def _watch(self, motion: Motion) -> Iterator[Spot]:
        watch = self._watches.setdefault(motion.face_id, _Watch(RestLevel(self._baseline)))
        sample = self._take(watch, motion)
        if sample is None:
            return
        if watch.event is not None:
            yield from self._follow(watch, watch.event, sample, motion)
            return
        if sample.t_s < watch.free_s:
            watch.rest.restart(sample.t_s, sample.displacement)
            return
        score = self._score(watch, sample)
        watch.above = watch.above + 1 if score > 1 else 0
        if watch.above >= _OPEN_SAMPLES:
            watch.above = 0
            watch.event = self._open(watch, sample, score)
            yield self._say(watch.event, motion, "rising")
        elif score < 1:
            watch.rest.update(sample.t_s, sample.displacement)

    def _take(self, watch: _Watch, motion: Motion) -> _Sample | None:
        """The newest sample, averaged over `_SMOOTH_S`; None for a duplicated or late frame."""
        t_s = motion.t_media_ns / _NS
        if watch.past and t_s <= watch.past[-1].t_s:
            return None
        raw = _Sample(t_s, np.stack([motion.u_iod, motion.v_iod], axis=-1), head_shift_iod(motion.head))
        watch.past.append(raw)
        while t_s - watch.past[0].t_s > _HISTORY_S:
            watch.past.popleft()
        near = [s for s in watch.past if t_s - s.t_s < _SMOOTH_S]
        if len(near) == 1:
            return raw
        return _Sample(float(np.mean([s.t_s for s in near])), np.mean([s.displacement for s in near], axis=0), raw.head)

    def _thresholds(self, watch: _Watch, sample: _Sample, away: Doubles) -> Doubles:
        """What each region must exceed, IOD: its noise, and what blinks and head motion may leave in it."""
        limits = np.maximum(self._config.threshold_iod, self._config.noise_factor * watch.rest.sigma_iod)
        lids = float(away[_LIDS].max())
        before = [s.head for s in watch.past if sample.t_s - s.t_s <= 0.2]
        jerk = float(np.hypot(*np.ptp(before, axis=0))) if before else 0.0
        limits = limits + _HEAD_LEAK * min(jerk, 0.2)
        limits = limits + _LID_LEAK * max(lids - _LID_STILL_IOD, 0.0)
        return np.asarray(np.where(SEEN, limits, np.inf))

    def _score(self, watch: _Watch, sample: _Sample) -> float:
        """How far the second strongest region has left rest, in thresholds; a slow drift counts nothing."""
        away = np.hypot(*(sample.displacement - watch.rest.level).T)
        since_s = max(watch.free_s, sample.t_s - _RISE_S)
        before = [s.displacement for s in watch.past if s.t_s >= since_s]
        if not before:
            return 0.0
        risen = np.hypot(*(sample.displacement - before[0]).T)
        limits = self._thresholds(watch, sample, away)
        return float(np.sort(np.minimum(away, _RISE_SHARE * risen) / limits)[-2])

    def _open(self, watch: _Watch, sample: _Sample, score: float) -> _Event:
        moved = np.where(SEEN[:, None], sample.displacement - watch.rest.level, 0.0)
        length = float(np.linalg.norm(moved))
        event = _Event(self._next_id, watch.rest.level.copy(), moved / length, watch.free_s, score=score)
        self._next_id += 1
        self._rise(watch, event, sample)
        return event

    def _height(self, event: _Event, displacement: Doubles) -> float:
        """How far along the event's direction a displacement lies, IOD over all regions."""
        return float(((displacement - event.rest) * event.direction).sum())

    def _rise(self, watch: _Watch, event: _Event, sample: _Sample) -> None:
        """Take a higher point: turn the direction to it and place the onset anew."""
        moved = np.where(SEEN[:, None], sample.displacement - event.rest, 0.0)
        event.direction = moved / max(float(np.linalg.norm(moved)), 1e-9)
        event.peak, event.peak_s = self._height(event, sample.displacement), sample.t_s
        event.dip = event.peak
        event.onset_s = max(self._edge(watch, event, backwards=True), event.free_s)

    def _edge(self, watch: _Watch, event: _Event, backwards: bool, at_rest: bool = False) -> float:
        """Where the movement leaves rest before the peak (backwards) or is back at rest after it.

        The straight line through the crossings of `_HALF` and `_LOW` of the height over the valley (or over rest, where
        the movement is on its way there), stretched to it.
        """
        if backwards:
            first_s = max(event.free_s, event.peak_s - _RISE_MAX_S)
            samples = [s for s in reversed(watch.past) if first_s <= s.t_s <= event.peak_s]
        else:
            samples = [s for s in watch.past if s.t_s >= event.peak_s]
        heights = [self._height(event, s.displacement) for s in samples]
        end = _valley(samples, heights, event.peak)
        rest = 0.0 if at_rest else heights[end]
        levels = [rest + share * (event.peak - rest) for share in (_HALF, _LOW)]
        crossings: list[float] = []
        for near, far, above, below in zip(samples, samples[1 : end + 1], heights, heights[1:], strict=False):
            while len(crossings) < 2 and above >= levels[len(crossings)] > below:
                share = (above - levels[len(crossings)]) / (above - below)
                crossings.append(near.t_s + share * (far.t_s - near.t_s))
        if len(crossings) < 2:
            return samples[end].t_s
        half, low = crossings
        return half + _EDGE_STRETCH * (low - half)

    def _follow(self, watch: _Watch, event: _Event, sample: _Sample, motion: Motion) -> Iterator[Spot]:
        height = self._height(event, sample.displacement)
        event.dip = min(event.dip, height)
        size = _size(sample.displacement - event.rest)
        rise_again = event.dip < _HALF * event.peak and height > event.dip + _DIP * event.peak
        level = self._held_level(watch, event, sample)
        moved_on = level is not None and self._moves_on(event, sample, level)
        if size > (1.03 if event.apex_s < 0 else _GROWTH) * event.peak and not (rise_again or moved_on):
            self._rise(watch, event, sample)
            event.score = max(event.score, self._score(watch, sample))
            event.apex_s = -1.0
            return
        if event.apex_s < 0 and sample.t_s - event.peak_s >= self._config.apex_wait_s:
            event.apex_s = self._plateau_start(watch, event)
            yield self._say(event, motion, "apex")
        if height < _LOW * event.peak:
            yield self._close(watch, event, sample, motion, self._edge(watch, event, backwards=False, at_rest=True))
        elif moved_on and level is not None:
            yield self._close(watch, event, sample, motion, max(sample.t_s - _DELAY_S, event.apex_s), level)
        elif rise_again or self._settled_below(watch, event, sample):
            end_s = self._edge(watch, event, backwards=False)
            yield self._close(watch, event, sample, motion, end_s, sample.displacement)
        elif sample.t_s - event.onset_s > self._config.longest_s:
            yield self._close(watch, event, sample, motion, sample.t_s, sample.displacement)

    def _held_level(self, watch: _Watch, event: _Event, sample: _Sample) -> Doubles | None:
        """Where a movement is being held: the median since its apex but for the last moment; None if not held yet."""
        held = [s.displacement for s in watch.past if event.apex_s <= s.t_s <= sample.t_s - _DELAY_S]
        if event.apex_s < 0 or sample.t_s - event.apex_s < 2 * _DELAY_S or len(held) < 3:
            return None
        return np.asarray(np.median(held[-60:], axis=0))

    def _moves_on(self, event: _Event, sample: _Sample, level: Doubles) -> bool:
        """Whether another movement has begun from where this one is held: away from there, and not back to rest."""
        away = np.where(SEEN, np.hypot(*(sample.displacement - level).T), 0.0)
        before = np.where(SEEN, np.hypot(*(level - event.rest).T), 0.0)
        limit = max(2 * self._config.threshold_iod, 0.5 * float(np.sort(before)[-2]))
        returning = _size(sample.displacement - event.rest) < 0.95 * _size(level - event.rest)
        return float(np.sort(away)[-2]) > limit and not returning

    def _plateau_start(self, watch: _Watch, event: _Event) -> float:
        """The apex: when the movement stopped growing, the first time it stood within 2 % of its peak."""
        for sample in watch.past:
            if sample.t_s >= event.onset_s and self._height(event, sample.displacement) >= 0.98 * event.peak:
                return sample.t_s
        return event.peak_s

    def _settled_below(self, watch: _Watch, event: _Event, sample: _Sample) -> bool:
        """Whether the movement has come to lie still at less than `_SETTLED` of its peak."""
        if sample.t_s - event.peak_s < _SETTLE_S:
            return False
        recent = [self._height(event, s.displacement) for s in watch.past if sample.t_s - s.t_s <= _SETTLE_S]
        return len(recent) >= 3 and max(recent) < _SETTLED * event.peak and float(np.ptp(recent)) < 0.12 * event.peak

    def _close(
        self, watch: _Watch, event: _Event, sample: _Sample, motion: Motion, offset_s: float,
        level: Doubles | None = None,
    ) -> Spot:  # fmt: skip
        """End an event that comes back to rest (and is given a moment to), or at a `level` that is rest from now on."""
        if event.apex_s < 0:
            event.apex_s = self._plateau_start(watch, event)
        offset_s = max(offset_s, event.peak_s)
        watch.event, watch.free_s = None, sample.t_s + _SETTLE_S
        if level is not None:
            watch.free_s = offset_s
            watch.rest.restart(sample.t_s, level)
        if offset_s - event.onset_s < self._config.shortest_s:
            return self._say(event, motion, "revoked")
        return self._say(event, motion, "closed", offset_s)

    def _say(self, event: _Event, motion: Motion, phase: Phase, offset_s: float = -1.0) -> Spot:
        regions: tuple[RegionMotion, ...] = ()
        onset_ns, apex_ns = round(event.onset_s * _NS), round(event.apex_s * _NS)
        kind: Kind | None = None
        if phase in ("apex", "closed"):
            regions = tuple(self._measure(motion.face_id, onset_ns, apex_ns))
        if phase == "closed":
            kind = "micro" if offset_s - event.onset_s <= self._config.micro_s else "macro"
        event.last = Spot(
            seq=motion.seq, face_id=motion.face_id, t_capture_ns=motion.t_capture_ns, t_media_ns=motion.t_media_ns,
            spot_id=event.spot_id, phase=phase, onset_ns=max(onset_ns, 0), apex_ns=apex_ns if event.apex_s >= 0 else -1,
            offset_ns=round(offset_s * _NS) if offset_s >= 0 else -1, kind=kind,
            confidence=round(event.score**2 / (1 + event.score**2), 4),
            magnitude_iod=round(max((r.mean_iod for r in regions), default=0.0), 6), iod_px=motion.iod_px,
            regions=regions, noise_iod=(self._config.threshold_iod,) * len(regions),
        )  # fmt: skip
        return event.last

    def _abandon(self, message: Lost | End, face_id: int) -> Iterator[Spot]:
        """Close or take back what was under way when a face went."""
        watch = self._watches.pop(face_id, None)
        if watch is None or watch.event is None or watch.event.last is None:
            return
        event, last = watch.event, watch.event.last
        ending_s = watch.past[-1].t_s
        known = event.apex_s >= 0 and ending_s - event.onset_s >= self._config.shortest_s
        if not known:
            yield _later(last, message, phase="revoked")
            return
        kind: Kind = "micro" if ending_s - event.onset_s <= self._config.micro_s else "macro"
        yield _later(last, message, phase="closed", kind=kind, offset_ns=round(ending_s * _NS))


def _size(displacement: Doubles) -> float:
    """Length of a displacement (29, 2) over all regions but the eyelids, IOD."""
    return float(np.linalg.norm(displacement[SEEN]))


def _valley(samples: list[_Sample], heights: list[float], peak: float) -> int:
    """Where a curve that begins at its peak stops falling: its last minimum before 0.15 s without a lower one."""
    lowest = 0
    for index, height in enumerate(heights):
        if height < heights[lowest] - 0.04 * peak:
            lowest = index
        elif abs(samples[index].t_s - samples[lowest].t_s) > 0.15 and heights[lowest] < 0.5 * peak:
            break
    return lowest


def _later(spot: Spot, message: Lost | End, phase: Phase, kind: Kind | None = None, offset_ns: int = -1) -> Spot:
    """The same spot in its last phase, at the time of another message."""
    return msgspec.structs.replace(
        spot, seq=message.seq, t_capture_ns=message.t_capture_ns, t_media_ns=message.t_media_ns, phase=phase, kind=kind,
        offset_ns=offset_ns,
    )  # fmt: skip
