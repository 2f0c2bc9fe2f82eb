"""Curves and bars as SVG, drawn to be stretched: lines keep their width, and words stand beside it in HTML.

Colours come from the page's style sheet by class, so that light and dark need nothing here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from calib.face import Doubles
from realtime.recap import clock

WIDTH, HEIGHT = 1000, 100
"""The drawing's own units; a page stretches them."""

_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_POINTS = 1500  # a curve has at most so many points and looks the same


@dataclass(frozen=True)
class Axis:
    """What the drawing's width stands for, s."""

    start_s: float
    end_s: float

    def x(self, t_s: float) -> float:
        """A time's place, in the drawing's units."""
        span_s = max(self.end_s - self.start_s, 1e-9)
        return round(WIDTH * min(max((t_s - self.start_s) / span_s, 0.0), 1.0), 2)

    def ticks(self, most: int) -> list[float]:
        """Round times, at most so many."""
        span_s = self.end_s - self.start_s
        step = next((s for s in _STEPS_S if span_s / s <= most), _STEPS_S[-1])
        first = int(np.ceil(self.start_s / step - 1e-9))
        return [round(k * step, 3) for k in range(first, int(self.end_s / step + 1e-9) + 1)]


@dataclass(frozen=True)
class Curve:
    """A line through (times_s, values), broken where the times jump by more than `break_s`."""

    times_s: Doubles
    values: Doubles
    name: str
    break_s: float = 0.5


def svg(parts: Sequence[str], name: str, height: int = HEIGHT) -> str:
    """A drawing of some parts, with a name for those who hear it."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" role="img" aria-label="{name}">'
        f"{''.join(parts)}</svg>"
    )


def line(curve: Curve, axis: Axis, top: float, bottom: float = 0.0, height: int = HEIGHT) -> str:
    """A curve as paths; `top` and `bottom` are the values at the drawing's edges."""
    drawn = []
    for first, last in _pieces(curve):
        times, values = _thin(curve.times_s[first:last], curve.values[first:last])
        scale = height / max(top - bottom, 1e-12)
        points = " ".join(
            f"{axis.x(t)},{round(min(max(height - (v - bottom) * scale, 0.0), float(height)), 2)}"
            for t, v in zip(times.tolist(), values.tolist(), strict=True)
        )
        drawn.append(f'<polyline class="{curve.name}" points="{points}"/>')
    return "".join(drawn)


def span(
    axis: Axis, start_s: float, end_s: float, kind: str, title: str = "", y: float = 0, height: float = HEIGHT
) -> str:
    """A bar from one time to another, wide enough to be seen."""
    x = axis.x(start_s)
    width = max(axis.x(end_s) - x, 2.5)
    inner = f"<title>{title}</title>" if title else ""
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{round(width, 2)}" height="{height}">{inner}</rect>'


def labels(axis: Axis, most: int, unit: str = "") -> str:
    """The axis's times as HTML, to stand under a drawing: in seconds; of 100 and more by the clock."""
    shown, long = [], axis.end_s - axis.start_s >= 100
    for t_s in axis.ticks(most):
        x, told = axis.x(t_s), clock(t_s) if long else f"{t_s:g}"
        edge = ' class="first"' if x < WIDTH * 0.03 else ' class="last"' if x > WIDTH * 0.97 else ""
        shown.append(f'<span{edge} style="left:{x * 100 / WIDTH:.2f}%">{told}{unit}</span>')
    return f'<div class="axis">{"".join(shown)}</div>'


def mark(axis: Axis, t_s: float, kind: str, height: int = HEIGHT) -> str:
    """A line at a time."""
    x = axis.x(t_s)
    return f'<line class="{kind}" x1="{x}" x2="{x}" y1="0" y2="{height}"/>'


def level(value: float, top: float, bottom: float, kind: str, height: int = HEIGHT) -> str:
    """A line at a value."""
    y = round(height - (value - bottom) * height / max(top - bottom, 1e-12), 2)
    return f'<line class="{kind}" x1="0" x2="{WIDTH}" y1="{y}" y2="{y}"/>'


def _pieces(curve: Curve) -> list[tuple[int, int]]:
    """First and last index of every unbroken piece."""
    if curve.times_s.size == 0:
        return []
    breaks = np.flatnonzero(np.diff(curve.times_s) > curve.break_s) + 1
    edges = [0, *breaks.tolist(), curve.times_s.size]
    return [(a, b) for a, b in pairwise(edges) if b > a]


def _thin(times: Doubles, values: Doubles) -> tuple[Doubles, Doubles]:
    """Fewer points of the same outline: the least and the greatest of every stretch."""
    if times.size <= _POINTS:
        return times, values
    keep: list[int] = []
    for stretch in np.array_split(np.arange(times.size), _POINTS // 2):
        keep += sorted({int(stretch[np.argmin(values[stretch])]), int(stretch[np.argmax(values[stretch])])})
    return times[keep], values[keep]
