"""Plain flow and one threshold for the whole video, after Moilanen, Zhao & Pietikäinen (ICPR 2014).

A frame is compared with the mean of the frames half an interval before and after it; the third of the regions that
differ most is averaged; the same mean of that curve half an interval before and after is taken off; and what exceeds
the curve's mean by a share of the way to its maximum is an event. The paper does so on texture and gives peaks alone.
Here it is done on the regions' displacements, eyelids among them, once for micro- and once for macro-expressions, and
an event lasts while the comparison stays above a share of its peak.
"""

from collections.abc import Sequence

import numpy as np

from bench.spotting.curves import Curves
from bench.spotting.found import Found, kind_of
from calib.face import REGIONS, Doubles

LEVELS = (0.03, 0.05, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6)
"""Shares of the way from the curve's mean to its maximum that were tried for the threshold."""

INTERVALS_S = (0.5, 2.0)
"""Lengths of an interval for micro- and for macro-expressions, s."""

EDGE = 0.35
"""Share of the peak at which an event begins and ends."""

_SHORTEST_S, _LONGEST_S = 0.1, 4.0


def plain_flow(stretches: Sequence[Curves], level: float) -> list[Found]:
    """The events of a video.

    Args:
        stretches: of the whole video.
        level: the threshold, one of `LEVELS`.
    """
    found: list[Found] = []
    for curves in stretches:
        for interval_s in INTERVALS_S:
            found += _events(curves, interval_s, level)
    return _without_doubles(found)


def difference(moved: Doubles, reach: int) -> Doubles:
    """How far every sample is from the mean of those `reach` before and after it, (n,) IOD: the upper third of regions.

    Args:
        moved: (n, 29, 2), IOD.
        reach: samples.
    """
    away = np.hypot(*np.moveaxis(moved - _around(moved, reach), -1, 0))
    return np.asarray(np.sort(away, axis=1)[:, -(len(REGIONS) // 3) :].mean(axis=1))


def _around(values: Doubles, reach: int) -> Doubles:
    """Mean of the samples `reach` before and after each; at the ends the first and the last one."""
    places = np.arange(len(values))
    before, after = values[np.maximum(places - reach, 0)], values[np.minimum(places + reach, len(values) - 1)]
    return np.asarray((before + after) / 2)


def _events(curves: Curves, interval_s: float, level: float) -> list[Found]:
    """The events of one stretch that are as long as this interval allows."""
    reach = curves.samples(interval_s / 2)
    plain = difference(curves.moved, reach)
    contrast = np.maximum(plain - _around(plain, reach), 0)
    limit = contrast.mean() + level * (contrast.max() - contrast.mean())
    found, place = [], 0
    while place < len(contrast):
        if contrast[place] <= limit:
            place += 1
            continue
        end = place
        while end < len(contrast) and contrast[end] > limit:
            end += 1
        apex = place + int(np.argmax(contrast[place:end]))
        first, last = apex, apex
        while first > 0 and contrast[first] > EDGE * contrast[apex]:
            first -= 1
        while last < len(contrast) - 1 and contrast[last] > EDGE * contrast[apex]:
            last += 1
        seconds = (last - first) / curves.fps
        kind = kind_of(seconds)
        wanted = "micro" if interval_s == INTERVALS_S[0] else "macro"
        if _SHORTEST_S <= seconds <= _LONGEST_S and kind == wanted:
            found.append(Found(curves.time(first), curves.time(apex), curves.time(last), kind))
        place = max(end, last)
    return found


def _without_doubles(found: Sequence[Found]) -> list[Found]:
    """Where a macro-expression covers micro ones, only the macro one."""
    macros = [f for f in found if f.kind == "macro"]
    kept = [f for f in found if f.kind == "micro" and not any(m.onset_s <= f.apex_s <= m.offset_s for m in macros)]
    return sorted([*macros, *kept], key=lambda f: f.onset_s)
