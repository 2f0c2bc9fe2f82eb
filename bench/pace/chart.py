"""Charts as inline SVG, in the colours of the page they stand on."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 860
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 12, 42
COLOURS = 6
"""How many series have a colour of their own: classes c0, c1, …"""


@dataclass(frozen=True)
class Series:
    """A line.

    Attributes:
        name: for the legend.
        points: (x, y), in the order of x.
    """

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Bar:
    """A row of a bar chart: three values of one thing, each at least the one before.

    Attributes:
        name: beside it.
        values: shown one behind the other, the first the strongest.
        colour: number of its colour.
    """

    name: str
    values: tuple[float, float, float]
    colour: int = 0


def ticks(most: float, about: int = 5) -> list[float]:
    """Round numbers from 0 on, the last at or above `most`."""
    if not (math.isfinite(most) and most > 0):
        return [0.0, 1.0]
    rough = most / about
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    return [round(k * step, 12) for k in range(math.ceil(most / step - 1e-9) + 1)]


def line_chart(series: Sequence[Series], x_name: str, y_name: str, height: int = 260, note: str = "") -> str:
    """Lines over a common x, both axes from 0.

    Args:
        series: drawn in the colours c0, c1, …; those without points are left out.
        x_name, y_name: beside the axes, with their units.
        height: px.
        note: what the chart shows, for those who do not see it.
    """
    drawn = [one for one in series if one.points]
    xs = ticks(max((x for one in drawn for x, _ in one.points), default=1.0), 8)
    ys = ticks(max((y for one in drawn for _, y in one.points), default=1.0))
    right = max((x for one in drawn for x, _ in one.points), default=xs[-1]) or xs[-1]
    legend = 22 * len(_rows_of([one.name for one in drawn])) if len(drawn) > 1 else 0
    top = _TOP + legend

    def place(x: float, y: float) -> tuple[float, float]:
        across, up = x / right, y / ys[-1]
        return _LEFT + across * (WIDTH - _LEFT - _RIGHT), height - _BOTTOM - up * (height - _BOTTOM - top)

    parts = [_open(height, note or f"{y_name} over {x_name}")]
    for y in ys:
        _, at = place(0, y)
        parts.append(f'<line class="rule" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{y:g}</text>')
    for x in (x for x in xs if x <= right):
        at, _ = place(x, 0)
        parts.append(f'<text x="{at:.1f}" y="{height - _BOTTOM + 18}" text-anchor="middle">{x:g}</text>')
    parts.append(_name((WIDTH + _LEFT) / 2, height - 6, x_name))
    middle = (top + height - _BOTTOM) / 2
    parts.append(f'<text class="name" transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle">'
                 f"{_safe(y_name)}</text>")  # fmt: skip
    for k, one in enumerate(drawn):
        path = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in one.points)
        colour = f"c{k % COLOURS}"
        if len(one.points) == 1:
            x, y = place(*one.points[0])
            parts.append(f'<circle class="fill {colour}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
        else:
            parts.append(f'<polyline class="line {colour}" points="{path}"/>')
    if legend:
        parts += _legend([one.name for one in drawn])
    return "".join([*parts, "</svg>"])


def bar_chart(bars: Sequence[Bar], unit: str, names: tuple[str, str, str], note: str = "") -> str:
    """Rows of bars from 0, the three values of each one behind the other.

    Args:
        bars: the rows.
        unit: of the values.
        names: of the three values.
        note: what the chart shows, for those who do not see it.
    """
    left = min(420, 24 + round(7.0 * max((len(bar.name) for bar in bars), default=0)))
    xs = ticks(max((bar.values[2] for bar in bars), default=1.0), 6)
    row, top = 30, 34
    height = top + row * len(bars) + 40

    def place(value: float) -> float:
        return left + value / xs[-1] * (WIDTH - left - 130)

    parts = [_open(height, note)]
    for x in xs:
        parts.append(f'<line class="rule" x1="{place(x):.1f}" x2="{place(x):.1f}" y1="{top - 4}" y2="{height - 36}"/>')
        parts.append(f'<text x="{place(x):.1f}" y="{height - 18}" text-anchor="middle">{x:g}</text>')
    parts.append(_name((left + WIDTH) / 2, height - 3, unit))
    for k, (name, opacity) in enumerate(zip(names, (1.0, 0.5, 0.25), strict=True)):
        x = left + 90 * k
        parts.append(f'<rect class="fill c0" opacity="{opacity}" x="{x}" y="8" width="14" height="12" rx="2"/>')
        parts.append(f'<text x="{x + 20}" y="18">{_safe(name)}</text>')
    for k, bar in enumerate(bars):
        y = top + row * k
        parts.append(f'<text x="{left - 10}" y="{y + 18}" text-anchor="end">{_safe(bar.name)}</text>')
        for value, opacity in reversed(list(zip(bar.values, (1.0, 0.5, 0.25), strict=True))):
            wide = max(place(value) - left, 1.0)
            parts.append(f'<rect class="fill c{bar.colour % COLOURS}" opacity="{opacity}" x="{left}" y="{y + 4}" '
                         f'width="{wide:.1f}" height="{row - 10}" rx="2"/>')  # fmt: skip
        told = " / ".join(f"{value:.1f}" for value in bar.values)
        parts.append(f'<text x="{place(bar.values[2]) + 6:.1f}" y="{y + 18}">{told}</text>')
    return "".join([*parts, "</svg>"])


def _name(x: float, y: float, text: str) -> str:
    """An axis's name below it."""
    return f'<text class="name" x="{x:.0f}" y="{y}" text-anchor="middle">{_safe(text)}</text>'


def _open(height: int, note: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{_safe(note)}">'


def _rows_of(names: Sequence[str]) -> list[list[tuple[int, str, float]]]:
    """The legend's entries (number, name, x), row by row."""
    rows: list[list[tuple[int, str, float]]] = [[]]
    x = float(_LEFT)
    for k, name in enumerate(names):
        wide = 34 + 7.0 * len(name)
        if rows[-1] and x + wide > WIDTH - _RIGHT:
            rows.append([])
            x = float(_LEFT)
        rows[-1].append((k, name, x))
        x += wide
    return rows


def _legend(names: Sequence[str]) -> list[str]:
    parts = []
    for number, row in enumerate(_rows_of(names)):
        y = 14 + 22 * number
        for k, name, x in row:
            parts.append(f'<rect class="fill c{k % COLOURS}" x="{x:.0f}" y="{y - 7}" width="16" height="4" rx="2"/>')
            parts.append(f'<text x="{x + 22:.0f}" y="{y}">{_safe(name)}</text>')
    return parts


def _safe(text: str) -> str:
    return html.escape(text, quote=True)
