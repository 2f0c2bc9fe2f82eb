"""A sheet to draw a benchmark's picture on."""

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

INK, PALE, RULE, PAPER = (40, 36, 32), (120, 116, 110), (226, 224, 220), (255, 255, 255)
"""Colours, BGR."""

_FONT = cv2.FONT_HERSHEY_DUPLEX
_FINER = 4


@dataclass
class Canvas:
    """A white sheet; drawn `_FINER` times as large, since OpenCV's letters have few steps of their own.

    Attributes:
        width, height: px of the finished picture, in which all coordinates are.
    """

    width: int
    height: int
    pixels: NDArray[Any] = field(init=False)
    _tiles: list[tuple[int, int, NDArray[np.uint8]]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.pixels = np.full((self.height * _FINER, self.width * _FINER, 3), 255, np.uint8)

    def text(self, x: float, y: float, words: str, size: float = 22, ink: tuple[int, int, int] = INK,
             anchor: float = 0.0) -> None:  # fmt: skip
        """Words whose middle height is y; anchor 0 begins, 0.5 centres, 1 ends them at x."""
        scale = size * _FINER / 33
        (across, up), _ = cv2.getTextSize(words, _FONT, scale, _FINER)
        at = (round(x * _FINER - anchor * across), round(y * _FINER + up / 2))
        cv2.putText(self.pixels, words, at, _FONT, scale, ink, round(1.1 * _FINER), cv2.LINE_AA)

    def line(self, x0: float, y0: float, x1: float, y1: float, ink: tuple[int, int, int] = RULE) -> None:
        """A thin line."""
        ends = [(round(x * _FINER), round(y * _FINER)) for x, y in ((x0, y0), (x1, y1))]
        cv2.line(self.pixels, ends[0], ends[1], ink, _FINER, cv2.LINE_AA)

    def dot(self, x: float, y: float, ink: tuple[int, int, int], filled: bool = True) -> None:
        """A dot, or a ring."""
        at = (round(x * _FINER), round(y * _FINER))
        cv2.circle(self.pixels, at, 10 * _FINER, PAPER, -1, cv2.LINE_AA)
        cv2.circle(self.pixels, at, 8 * _FINER, ink, -1 if filled else 2 * _FINER, cv2.LINE_AA)

    def box(self, x0: float, y0: float, x1: float, y1: float, ink: tuple[int, int, int]) -> None:
        """A filled rectangle."""
        ends = [(round(x * _FINER), round(y * _FINER)) for x, y in ((x0, y0), (x1, y1))]
        cv2.rectangle(self.pixels, ends[0], ends[1], ink, -1)

    def curve(self, points: NDArray[np.floating[Any]], ink: tuple[int, int, int], thick: float = 1.5) -> None:
        """A line through points (n, 2)."""
        fine = np.round(points * _FINER).astype(np.int32)
        cv2.polylines(self.pixels, [fine], False, ink, round(thick * _FINER), cv2.LINE_AA)

    def tile(self, x: int, y: int, side: int, image: NDArray[np.uint8]) -> None:
        """A square picture, as it is but for its size."""
        fitted = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
        self._tiles.append((x, y, np.asarray(fitted, np.uint8)))

    def png(self) -> bytes:
        """The sheet, packed."""
        sheet = cv2.resize(self.pixels, (self.width, self.height), interpolation=cv2.INTER_AREA)
        for x, y, image in self._tiles:
            side = len(image)
            sheet[y : y + side, x : x + side] = image
            cv2.rectangle(sheet, (x, y), (x + side - 1, y + side - 1), RULE, 1)
        return bytes(cv2.imencode(".png", sheet)[1].tobytes())
