"""The flow benchmark as one picture: every method's error by noise, and what some of them saw of one smile."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.canvas import INK, PALE, Canvas
from bench.flow.measures import Judge
from bench.flow.methods import Method
from bench.flow.pairs import NOISES, Image, Pair, PairSet, make_pair
from bench.flow.scores import measure
from bench.flow.table import REFERENCES, Report
from calib.face import Floats
from calib.phantom import portrait
from engines.picture import flow_colours

WIDTH = 1800
DOTS = ((214, 178, 120), (180, 112, 36), (96, 44, 8))
"""Colours (BGR) of the noise levels, the darker the noisier."""

TILE, GAP, SHOWN = 196, 12, 4
"""Side of a picture of the example, px; space between two; methods in it."""

ERROR_PX = 0.5
"""The error that is drawn in full colour."""


def draw(report: Report) -> bytes:
    """The picture, PNG."""
    top, row = 128, 36
    rows = len(report.labels)
    canvas = Canvas(WIDTH, max(top + rows * row + 76, top + 2 * TILE + 126))
    _draw_errors(canvas, report, top, (canvas.height - 76 - top) / rows)
    _draw_example(canvas, report, top)
    return canvas.png()


def example() -> Pair:
    """A smile of the built-in portrait, which anyone may publish, at the middle noise."""
    return make_pair(portrait(), PairSet("micro", NOISES[1]), 0.7, np.random.default_rng(0), ("AU6", "AU12"))


def _draw_errors(canvas: Canvas, report: Report, top: int, row: float) -> None:
    """Expression error of every method: a dot a noise level, on a log axis."""
    left, right = 268, WIDTH - (SHOWN + 1) * (TILE + GAP) - 60
    canvas.text(24, 34, "Error of the expression flow", 27)
    canvas.text(24, 70, "px of the 256 px crop, log axis; sensor noise:", 18, PALE)
    for k, noise in enumerate(NOISES):
        canvas.dot(482 + 76 * k, 70, DOTS[k])
        canvas.text(498 + 76 * k, 70, f"{noise:g}", 18, PALE)
    values = {label: [report.micro(n).of(label).mean("expression") for n in NOISES] for label in report.labels}
    known = [v for row_values in values.values() for v in row_values if v > 0]
    low, high = np.log(0.85 * min(known)), np.log(1.15 * max(known))

    def place(value: float) -> float:
        return float(left + (np.log(value) - low) / (high - low) * (right - left))

    bottom = top + row * len(report.labels)
    for tick in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0):
        if low <= np.log(tick) <= high:
            canvas.line(place(tick), top - 6, place(tick), bottom)
            canvas.text(place(tick), bottom + 22, f"{tick:g}", 18, PALE, 0.5)
    for k, label in enumerate(report.labels):
        y = top + row * (k + 0.5)
        reference = label in REFERENCES
        canvas.line(left, y, right, y)
        canvas.text(left - 22, y, label, 20, PALE if reference else INK, 1.0)
        for ink, value in zip(DOTS, values[label], strict=True):
            if value > 0:
                canvas.dot(place(value), y, ink, filled=not reference)


def _draw_example(canvas: Canvas, report: Report, top: int) -> None:
    """The crop and its true expression, then a column a method: what it measured, and how wrong that is."""
    pair = example()
    judge = Judge(pair)
    window = _window(pair)
    left = WIDTH - (SHOWN + 1) * (TILE + GAP)
    second = top + TILE + 44
    canvas.text(left, 34, f"One smile of {pair.motion_px:.1f} px, noise {pair.set.noise:g}", 27)
    canvas.text(left, 70, "above: expression flow as colours; below: its error, and its mean", 18, PALE)
    canvas.text(left + TILE / 2, top - 18, "crop", 19, INK, 0.5)
    canvas.tile(left, top, TILE, np.asarray(cv2.cvtColor(pair.crops[0][window], cv2.COLOR_RGB2BGR), dtype=np.uint8))
    canvas.text(left + TILE / 2, second - 20, "true flow", 19, INK, 0.5)
    canvas.tile(left, second, TILE, _colours(pair, pair.expression)[window])
    for k, method in enumerate(_chosen(report), start=1):
        x = left + k * (TILE + GAP)
        expression = judge.expression(measure(method, pair)[0])
        lengths = np.linalg.norm(expression - pair.expression, axis=-1)
        canvas.text(x + TILE / 2, top - 18, method.label, 19, INK, 0.5)
        canvas.tile(x, top, TILE, _colours(pair, expression)[window])
        canvas.text(x + TILE / 2, second - 20, f"{lengths[pair.hull].mean():.3f} px", 19, INK, 0.5)
        canvas.tile(x, second, TILE, _heat(np.where(pair.hull, lengths, np.nan))[window])
    _draw_scale(canvas, left + TILE + GAP, second + TILE + 30)


def _draw_scale(canvas: Canvas, x: int, y: int) -> None:
    canvas.text(x, y, "error 0", 18, PALE)
    for step in range(200):
        ink = _heat(np.full((1, 1), ERROR_PX * step / 200))[0, 0]
        canvas.line(x + 84 + step, y - 7, x + 84 + step, y + 7, tuple(int(c) for c in ink))  # type: ignore[arg-type]
    canvas.text(x + 296, y, f"{ERROR_PX:g} px", 18, PALE)


def _chosen(report: Report) -> list[Method]:
    """The best engine, then the best of OpenCV's methods, by their expression error on micro-expressions."""
    scores = report.kind("micro")
    ranked = sorted(report.methods, key=lambda method: scores.of(method.label).mean("expression"))
    engines = [method for method in ranked if method.kind == "engine"]
    opencv = [method for method in ranked if method.kind == "opencv"]
    return (engines[:1] + opencv)[:SHOWN]


def _window(pair: Pair) -> tuple[slice, slice]:
    """The square of the crop that holds the face's outline."""
    ys, xs = np.nonzero(pair.hull)
    side = min(int(max(np.ptp(ys), np.ptp(xs))) + 9, *pair.hull.shape)
    y, x = (int(np.clip((v.min() + v.max() - side) // 2, 0, 256 - side)) for v in (ys, xs))
    return slice(y, y + side), slice(x, x + side)


def _colours(pair: Pair, flow: Floats) -> Image:
    return flow_colours(np.where(pair.hull[..., None], flow, np.float32(np.nan)), pair.motion_px)


def _heat(lengths: NDArray[np.floating[Any]]) -> Image:
    """Errors (h, w) px as colours, white for NaN."""
    level = np.uint8(255 * np.clip(np.nan_to_num(lengths) / ERROR_PX, 0, 1))
    colours = np.asarray(cv2.applyColorMap(level, cv2.COLORMAP_INFERNO), dtype=np.uint8)
    colours[np.isnan(lengths)] = 255
    return colours
