"""Local rises of a whole video, after He (ACM Multimedia 2021), which needs no training.

In windows that overlap by half, every region of brows, nose and mouth is measured against the window's first frame and
freed of what is faster than 5 Hz. A peak that rises from the valley before it and falls to the valley after it by more
than a threshold is an event; it begins and ends at a third of those heights. What is too short or too long is dropped,
and of events that overlap the highest stays. The paper takes the nose's motion off every region; here the pipeline has
taken off the head's. The paper averages the strongest pixels of a region; here a region's mean is all there is.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from bench.spotting.curves import Curves
from bench.spotting.found import Found, kind_of
from calib.face import REGIONS, Doubles

LEVELS = (0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008, 0.01, 0.012, 0.015, 0.02)
"""Rises, IOD, that were tried for the threshold."""

WINDOW_S = 6.0
CUT_HZ = 5.0
EDGE = 1 / 3
"""Share of the height over the valley at which an event begins and ends."""

TOP = 0.95
"""Share of the height at which a peak counts as reached: on a held one the highest sample is anywhere."""

_SHORTEST_S, _LONGEST_S = 0.1, 4.0
_PARTS = np.array([region.part in ("brow", "nose", "mouth") for region in REGIONS])
_OVERLAP = 0.3


def local_rise(stretches: Sequence[Curves], level: float) -> list[Found]:
    """The events of a video.

    Args:
        stretches: of the whole video.
        level: how far a peak must rise and fall, IOD, one of `LEVELS`.
    """
    candidates: list[tuple[float, Found]] = []
    for curves in stretches:
        slow = curves.low_passed(CUT_HZ)
        length = curves.samples(WINDOW_S)
        for start in range(0, max(1, len(slow.moved) - length // 2), max(1, length // 2)):
            window = slow.moved[start : start + length]
            lengths = np.hypot(*np.moveaxis(window[:, _PARTS] - window[0, _PARTS], -1, 0))
            for heights in lengths.T:
                candidates += _peaks(slow, heights, start, level)
    return _highest(candidates)


def turns(heights: Doubles, least: float) -> list[int]:
    """Where a curve (n,) turns, if only changes of at least `least` count: valleys and peaks by turns.

    The first and the last one are the curve's ends, or the extremes next to them.
    """
    found: list[int] = []
    low = high = 0
    rising: bool | None = None
    for place, height in enumerate(heights):
        if rising is not False and height >= heights[high]:
            high = place
        if rising is not True and height <= heights[low]:
            low = place
        if rising is not True and height - heights[low] >= least:
            found.append(low)
            rising, high = True, place
        elif rising is not False and heights[high] - height >= least:
            found.append(high)
            rising, low = False, place
    if rising is not None:
        found.append(high if rising else low)
    return found


def _peaks(curves: Curves, heights: Doubles, start: int, level: float) -> Iterator[tuple[float, Found]]:
    """Peaks of one region in one window, each with its height over the higher of its valleys."""
    places = turns(heights, level)
    for before, peak, after in zip(places, places[1:], places[2:], strict=False):
        if heights[peak] < heights[before]:
            continue
        first = _crossing(heights, peak, before)
        last = _crossing(heights, peak, after)
        seconds = (last - first) / curves.fps
        if _SHORTEST_S <= seconds <= _LONGEST_S:
            top = heights[before] + TOP * (heights[peak] - heights[before])
            apex = before + int(np.argmax(heights[before : peak + 1] >= top))
            onset_s, apex_s, offset_s = (curves.time(start + place) for place in (first, apex, last))
            rise = float(heights[peak] - max(heights[before], heights[after]))
            yield rise, Found(onset_s, apex_s, offset_s, kind_of(seconds))


def _crossing(heights: Doubles, peak: int, valley: int) -> float:
    """Where the way from a peak to a valley first passes `EDGE` of its height, in samples."""
    step = 1 if valley > peak else -1
    level = heights[valley] + EDGE * (heights[peak] - heights[valley])
    for place in range(peak, valley, step):
        here, there = heights[place], heights[place + step]
        if here >= level > there:
            return place + step * float((here - level) / (here - there))
    return float(valley)


def _highest(candidates: Sequence[tuple[float, Found]]) -> list[Found]:
    """The highest of those that overlap by more than `_OVERLAP` of the shorter one, in order of their onset."""
    kept: list[Found] = []
    for _, found in sorted(candidates, key=lambda c: (-c[0], c[1].onset_s)):
        shared = (min(found.offset_s, k.offset_s) - max(found.onset_s, k.onset_s) for k in kept)
        lengths = (min(found.length_s, k.length_s) for k in kept)
        if all(common <= _OVERLAP * length for common, length in zip(shared, lengths, strict=True)):
            kept.append(found)
    return sorted(kept, key=lambda found: found.onset_s)
