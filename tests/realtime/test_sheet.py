from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engines.picture import SKETCH_SIDE
from realtime import sheet as sheet_module
from realtime.exports.tables import Event
from realtime.sheet import write_sheet

EVENT = Event(
    "a.mp4", 1, "micro", 1.0, 1.1, 1.3, False, 0.8, 0.012, 100.0, 1, ("AU4", "LAU12"), "negative", 0.7, "Brows down."
)


def sketch(colour: tuple[int, int, int]) -> bytes:
    return bytes(cv2.imencode(".png", np.full((SKETCH_SIDE, SKETCH_SIDE, 3), colour, np.uint8))[1])


def sheet(path: Path, events: list[Event], sketches: list[bytes]) -> NDArray[np.uint8]:
    write_sheet(events, sketches, path)
    return np.asarray(cv2.imread(str(path)), np.uint8)


def test_events_stand_in_order_of_their_onset(tmp_path: Path) -> None:
    events = [EVENT, replace(EVENT, onset_s=0.2)]
    picture = sheet(tmp_path / "events.png", events, [sketch((0, 0, 200)), sketch((200, 0, 0))])
    middle = SKETCH_SIDE // 2
    assert tuple(picture[middle, middle]) == (200, 0, 0)
    assert tuple(picture[middle, picture.shape[1] - middle]) == (0, 0, 200)


def test_an_end_that_nobody_saw_is_told(tmp_path: Path) -> None:
    whole = sheet(tmp_path / "whole.png", [EVENT], [sketch((0, 0, 0))])
    cut = sheet(tmp_path / "cut.png", [replace(EVENT, cut_off=True)], [sketch((0, 0, 0))])
    assert (cut != whole).any()


def test_many_events_take_more_rows_and_none_says_so(tmp_path: Path) -> None:
    one = sheet(tmp_path / "one.png", [EVENT], [sketch((0, 0, 0))])
    many = sheet(tmp_path / "many.png", [EVENT] * 8, [sketch((0, 0, 0))] * 8)
    none = sheet(tmp_path / "none.png", [], [])
    assert many.shape[0] == 2 * one.shape[0]
    assert many.shape[1] == 6 * one.shape[1]
    assert none.shape == one.shape
    assert 0 < (none < 255).mean() < 0.1


def test_of_very_many_events_the_largest_are_shown_and_the_others_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheet_module, "MOST", 4)
    sizes = (0.02, 0.001, 0.03, 0.04, 0.05, 0.002)
    events = [replace(EVENT, onset_s=float(k), magnitude_iod=size) for k, size in enumerate(sizes)]
    tones = [(0, 40 * k, 0) for k in range(len(events))]
    picture = sheet(tmp_path / "events.png", events, [sketch(tone) for tone in tones])
    middle, width = SKETCH_SIDE // 2, picture.shape[1] // 5
    shown = [tuple(picture[middle, k * width + middle]) for k in range(5)]
    assert shown[:4] == [tones[k] for k in (0, 2, 3, 4)]
    assert tuple(picture[middle // 2, 4 * width + middle]) == (255, 255, 255)
    assert (picture[:, 4 * width :] < 255).any()


def test_an_event_of_which_nothing_was_measured_has_a_tile_too(tmp_path: Path) -> None:
    picture = sheet(tmp_path / "events.png", [EVENT], [b""])
    assert (picture < 255).any()


def test_long_words_stay_within_their_tile(tmp_path: Path) -> None:
    wordy = replace(EVENT, action_units=tuple(f"LAU{n}" for n in range(10, 24)))
    picture = sheet(tmp_path / "events.png", [wordy, EVENT], [sketch((255, 255, 255))] * 2)
    border = picture.shape[1] // 2
    assert (picture[:, border - 8 : border + 8] == 255).all()
