"""Whether something grows over a long run."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.pace.results import Window

SETTLING = 0.1
"""Share of the windows at the beginning that are left out: caches fill, histories grow to their length."""


@dataclass(frozen=True)
class Drift:
    """How something changed.

    Attributes:
        name: of what.
        unit: of it.
        first, last: median of the first and the last quarter of the windows, after settling.
        per_hour: slope, unit an hour.
    """

    name: str
    unit: str
    first: float
    last: float
    per_hour: float


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """Median of the slopes between all pairs of points, which single outliers do not move (Theil 1950, Sen 1968)."""
    t, v = np.asarray(times, np.float64), np.asarray(values, np.float64)
    i, j = np.triu_indices(len(t), 1)
    apart = t[j] - t[i]
    i, j, apart = i[apart > 0], j[apart > 0], apart[apart > 0]
    return float(np.median((v[j] - v[i]) / apart)) if apart.size else 0.0


def drifts(windows: Sequence[Window]) -> tuple[Drift, ...]:
    """Of the latency of motions and answers, and of every process's memory and all of them together."""
    settled = windows[round(SETTLING * len(windows)) :]
    found = []
    for hop, share in (("Motion", "p50"), ("Motion", "p95"), ("Say", "p50")):
        points = [(w.t_s, float(getattr(w.latency[hop], share))) for w in settled if hop in w.latency]
        found.append(_drift(f"capture → {hop} {share}", "ms", points))
    names = dict.fromkeys(name for window in settled for name in window.memory_mb)
    for name in names:
        points = [(w.t_s, w.memory_mb[name]) for w in settled if name in w.memory_mb]
        found.append(_drift(f"own memory of {name}", "MB", points))
    whole = [(w.t_s, sum(w.memory_mb.values())) for w in settled if set(w.memory_mb) == set(names)]
    found.append(_drift("own memory of all", "MB", whole))
    return tuple(drift for drift in found if drift is not None)


def _drift(name: str, unit: str, points: Sequence[tuple[float, float]]) -> Drift | None:
    if len(points) < 3:
        return None
    times, values = zip(*points, strict=True)
    part = max(len(values) // 4, 1)
    first, last = float(np.median(values[:part])), float(np.median(values[-part:]))
    return Drift(name, unit, round(first, 2), round(last, 2), round(3600 * slope(times, values), 3))
