"""The spotting benchmark as one picture: F1 of every method, recall by size, and half a minute of one video."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.canvas import INK, PALE, RULE, Canvas
from bench.spotting.curves import curves_of
from bench.spotting.methods import METHODS, SPOTTER, Result
from bench.spotting.scores import FLOOR_IOD
from bench.spotting.table import SIZES, Report
from bench.spotting.truth import BLINK
from calib.face import Doubles
from realtime.curve import SEEN
from realtime.messages import Kind

WIDTH = 1800
MICRO, MACRO, BOTH, FALSE = (40, 96, 214), (180, 112, 36), (40, 36, 32), (196, 192, 186)
"""Colours (BGR) of the kinds of events, and of what is none."""

INKS = ((40, 96, 214), (180, 112, 36), (76, 140, 60), (150, 60, 140), (30, 150, 190), (110, 110, 110))
"""Colours (BGR) of the methods' curves of recall."""

SHOWN_S = 30.0
"""Seconds of the example."""

_ROW, _APART = 42, 10  # px; micro stands above the others and macro below, so that none hides another
_TOP = 124


@dataclass(frozen=True)
class _Axis:
    """From values to px."""

    low: float
    high: float
    first: float
    last: float

    def place(self, value: float) -> float:
        return self.first + (value - self.low) / (self.high - self.low) * (self.last - self.first)

    def place_all(self, values: Doubles) -> Doubles:
        return self.first + (values - self.low) / (self.high - self.low) * (self.last - self.first)


def draw(report: Report) -> bytes:
    """The picture, PNG."""
    rows = len(report.results) + len(report.rates) - 1
    middle = _TOP + max(rows * _ROW, 300) + 90
    canvas = Canvas(WIDTH, middle + 560)
    _draw_f1(canvas, report)
    _draw_recall(canvas, report)
    _draw_example(canvas, report, middle)
    return canvas.png()


def _draw_f1(canvas: Canvas, report: Report) -> None:
    """Micro, macro and overall F1 of every method at every frame rate."""
    axis = _Axis(0.0, 1.0, 400, 960)
    canvas.text(24, 34, f"F1, events of {FLOOR_IOD:g} IOD and more", 27)
    for x, name, ink in ((30, "micro", MICRO), (130, "macro", MACRO), (236, "overall", BOTH)):
        canvas.dot(x, 72, ink)
        canvas.text(x + 16, 72, name, 18, PALE)
    y = _TOP
    for fps in report.rates:
        start = y
        for label, result in _ordered(report, fps):
            y += _ROW
            canvas.line(axis.first, y - _ROW / 2, axis.last, y - _ROW / 2)
            canvas.text(axis.first - 24, y - _ROW / 2, label, 19, INK if label.startswith(SPOTTER) else PALE, 1.0)
            counted = result.counted
            numbers = (
                (counted.f1("micro"), MICRO, -_APART),
                (counted.f1("macro"), MACRO, _APART),
                (counted.f1(), BOTH, 0),
            )
            for value, ink, lower in numbers:
                if not np.isnan(value):
                    canvas.dot(axis.place(value), y - _ROW / 2 + lower, ink)
        canvas.text(24, start + _ROW / 2, f"{fps:g} fps", 19, INK)
        for tick in np.linspace(0, 1, 6):
            canvas.line(axis.place(tick), start, axis.place(tick), y)
        y += _ROW
    for tick in np.linspace(0, 1, 6):
        canvas.text(axis.place(tick), y - _ROW + 20, f"{tick:.1f}", 18, PALE, 0.5)


def _draw_recall(canvas: Canvas, report: Report) -> None:
    """Share of the micro-expressions found, by their amplitude, at the lowest frame rate."""
    fps = report.rates[0]
    bins = [(low, high) for kind, low, high in SIZES if kind == "micro"]
    edges = [low for low, _ in bins] + [bins[-1][1]]
    across = _Axis(float(np.log(edges[0])), float(np.log(edges[-1])), 1120, 1470)
    up = _Axis(0.0, 1.0, _TOP + 290, _TOP + 10)
    canvas.text(1060, 34, f"Micro-expressions found, by amplitude, {fps:g} fps", 27)
    canvas.text(1060, 72, "IOD, log axis; share of the true ones", 18, PALE)
    for tick in np.linspace(0, 1, 6):
        canvas.line(across.first, up.place(tick), across.last, up.place(tick))
        canvas.text(across.first - 14, up.place(tick), f"{tick:.1f}", 18, PALE, 1.0)
    for edge in edges:
        canvas.text(across.place(float(np.log(edge))), up.first + 24, f"{edge:g}", 18, PALE, 0.5)
    for ink, (label, result), row in zip(INKS, _ordered(report, fps), range(len(INKS)), strict=False):
        points = []
        for low, high in bins:
            share = result.all.recall_within("micro", low, high)
            if not np.isnan(share):
                points.append((across.place(float(np.log(low * high)) / 2), up.place(share)))
        if points:
            canvas.curve(np.array(points), ink, 3.0 if label.startswith(SPOTTER) else 1.2)
        for x, y in points:
            canvas.dot(x, y, ink, filled=label.startswith(SPOTTER))
        y = _TOP + 20 + 30 * row
        canvas.dot(1504, y, ink, filled=label.startswith(SPOTTER))
        canvas.text(1522, y, label, 16, INK)


def _draw_example(canvas: Canvas, report: Report, top: int) -> None:
    """What happened in a video, how the face moved, and what every method found, with the first engine."""
    recording = report.examples[0]
    results = [result for result in report.results if (result.engine, result.fps) == (recording.engine, recording.fps)]
    across = _Axis(0.0, min(SHOWN_S, recording.truth.seconds), 180, WIDTH - 30)
    canvas.text(
        24, top + 10, f"{across.high:g} s of one video at {recording.fps:g} fps, flow by {recording.engine}", 27
    )
    for x, name, ink in ((30, "micro", MICRO), (130, "macro", MACRO), (236, "no expression; thin: blink", FALSE)):
        canvas.box(x - 8, top + 42, x + 8, top + 54, ink)
        canvas.text(x + 16, top + 48, name, 18, PALE)
    y = top + 90
    height = len(METHODS) * 40 + 270
    for event in recording.truth.events:
        if event.onset_s < across.high:
            x0, x1 = across.place(event.onset_s), across.place(min(event.offset_s, across.high))
            tint = tuple(int(255 - 0.2 * (255 - c)) for c in _ink(event.kind))
            canvas.box(x0, y, x1, y + height, (tint[0], tint[1], tint[2]))
            _bar(canvas, x0, x1, y + 14, _ink(event.kind))
    canvas.text(24, y + 14, "truth", 19, INK)
    _draw_distractors(canvas, report, across, y + 44)
    for method in METHODS:
        y += 40
        result = next(own for own in results if own.method == method)
        canvas.text(24, y + 74, method, 19, INK)
        canvas.line(across.first, y + 74, across.last, y + 74)
        for found in result.found[0]:
            if found.onset_s < across.high and not found.taken_back:
                end_s = min(found.offset_s, across.high)
                _bar(canvas, across.place(found.onset_s), across.place(end_s), y + 74, _ink(found.kind))
    _draw_curve(canvas, report, across, y + 110, y + 300)
    for second in range(0, int(across.high) + 1, 5):
        canvas.text(across.place(second), y + 322, f"{second} s", 18, PALE, 0.5)


def _draw_distractors(canvas: Canvas, report: Report, across: _Axis, y: float) -> None:
    """Bars of what is no expression, with their names but for the blinks, which lie a little lower."""
    for span in report.examples[0].truth.distractors:
        if span.start_s < across.high:
            x0, x1 = across.place(span.start_s), across.place(min(span.end_s, across.high))
            if span.kind == BLINK:
                canvas.box(x0, y + 12, x1, y + 18, FALSE)
            else:
                _bar(canvas, x0, x1, y, FALSE)
                canvas.text((x0 + x1) / 2, y, span.kind, 15, INK, 0.5)


def _draw_curve(canvas: Canvas, report: Report, across: _Axis, top: float, bottom: float) -> None:
    """How far the second strongest region is from where it was in the median of the video, the eyelids aside."""
    recording = report.examples[0]
    stretches = list(curves_of(recording.messages, recording.fps))
    lengths = []
    for curves in stretches:
        moved = curves.moved[:, SEEN] - np.median(curves.moved[:, SEEN], axis=0)
        lengths.append(np.sort(np.hypot(*np.moveaxis(moved, -1, 0)), axis=1)[:, -2])
    highest = max((float(np.percentile(own, 99.5)) for own in lengths), default=0.01)
    up = _Axis(0.0, max(highest, 0.01), bottom, top)
    canvas.text(24, (top + bottom) / 2 - 12, "second most", 17, PALE)
    canvas.text(24, (top + bottom) / 2 + 12, "moved region", 17, PALE)
    for tick in (0.0, FLOOR_IOD):
        canvas.line(across.first, up.place(tick), across.last, up.place(tick), RULE)
        canvas.text(across.first - 10, up.place(tick), f"{tick:g}", 17, PALE, 1.0)
    for curves, own in zip(stretches, lengths, strict=True):
        times = curves.start_s + np.arange(len(own)) / curves.fps
        shown = times <= across.high
        heights = up.place_all(np.clip(own[shown], 0, up.high))
        canvas.curve(np.stack([across.place_all(times[shown]), heights], axis=-1), INK)


def _bar(canvas: Canvas, x0: float, x1: float, y: float, ink: tuple[int, int, int]) -> None:
    canvas.box(x0, y - 9, max(x1, x0 + 3), y + 9, ink)


def _ink(kind: Kind) -> tuple[int, int, int]:
    return MICRO if kind == "micro" else MACRO


def _ordered(report: Report, fps: float) -> Sequence[tuple[str, Result]]:
    """The results at a frame rate in the tables' order."""
    at = report.at(fps)
    return [(label, at[label]) for label in report.labels if label in at]
