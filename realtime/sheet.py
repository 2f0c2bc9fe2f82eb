"""All events of a video on one picture: what moved where, when, and what it was called."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.picture import SKETCH_SIDE
from realtime.exports.tables import Event

MOST = 300
"""Tiles: viewers refuse pictures that are much higher, and each takes half a megabyte in the making."""

_COLUMNS = 6
_MARGIN, _LINE = 12, 18
_WIDTH, _HEIGHT = SKETCH_SIDE + 2 * _MARGIN, SKETCH_SIDE + 3 * _LINE + 2 * _MARGIN
_INK, _PALE = (40, 40, 40), (150, 150, 150)


def write_sheet(events: Sequence[Event], sketches: Sequence[bytes], path: Path) -> None:
    """Write a PNG with a tile an event, in order of onset; of more than `MOST` events only the largest.

    Args:
        events: of one video.
        sketches: of each, the picture that came with its spot (PNG); empty where nothing was measured.
        path: where to.
    """
    largest = sorted(range(len(events)), key=lambda k: -events[k].magnitude_iod)[:MOST]
    order = sorted(largest, key=lambda k: (events[k].onset_s, events[k].face_id, events[k].offset_s))
    tiles = [_tile(events[k], sketches[k]) for k in order] or [_blank("no events")]
    if len(events) > MOST:
        tiles.append(_blank(f"and {len(events) - MOST} smaller ones"))
    columns = min(len(tiles), _COLUMNS)
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles), columns)]
    path.write_bytes(bytes(cv2.imencode(".png", np.vstack(rows))[1]))


def _tile(event: Event, sketch: bytes) -> NDArray[np.uint8]:
    tile = np.full((_HEIGHT, _WIDTH, 3), 255, np.uint8)
    if sketch:
        picture = cv2.imdecode(np.frombuffer(sketch, np.uint8), cv2.IMREAD_COLOR)
        tile[_MARGIN : _MARGIN + SKETCH_SIDE, _MARGIN : _MARGIN + SKETCH_SIDE] = picture
    else:
        _write(tile, "nothing measured", _MARGIN + SKETCH_SIDE // 2, _PALE)
    top = _MARGIN + SKETCH_SIDE + _LINE
    cut = ", cut off" * event.cut_off
    _write(tile, f"{event.kind}  {event.onset_s:.2f}-{event.offset_s:.2f} s{cut}", top, _INK)
    _write(tile, " ".join(event.action_units) or "no unit", top + _LINE, _INK)
    _write(tile, f"{100 * event.magnitude_iod:.1f} % of the eye distance", top + 2 * _LINE, _PALE)
    return tile


def _blank(text: str) -> NDArray[np.uint8]:
    tile = np.full((_HEIGHT, _WIDTH, 3), 255, np.uint8)
    _write(tile, text, _HEIGHT // 2, _PALE)
    return tile


def _write(tile: NDArray[np.uint8], text: str, y: int, colour: tuple[int, int, int]) -> None:
    """A line of text, made narrower where it would not fit."""
    width = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)[0][0]
    scale = 0.4 * min(1.0, (_WIDTH - 2 * _MARGIN) / max(width, 1))
    cv2.putText(tile, text, (_MARGIN, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
