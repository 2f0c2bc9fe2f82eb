import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from realtime.calibrate import check_target, warnings
from realtime.calibration import Calibration, CameraFacts, FaceFacts
from tests.realtime.test_calibration import CALIBRATION

GOOD = dataclasses.replace(
    CALIBRATION,
    camera=CameraFacts(640, 480, 30.0, 0.5, 0.0, 0.0, 0.0),
    sensitivity=dataclasses.replace(CALIBRATION.sensitivity, tried=(5, 10, 5), found=(0, 8, 5)),
)


def with_camera(facts: dict[str, Any]) -> Calibration:
    return dataclasses.replace(GOOD, camera=dataclasses.replace(GOOD.camera, **facts))


def test_a_good_set_up_needs_no_warning() -> None:
    assert warnings(GOOD) == []


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"fps": 20.0}, "20 frames a second are few .* more light"),
        ({"jitter_ms": 12.0}, "12 ms early or late: close other programs"),
        ({"duplicates": 0.5}, "50% of the frames repeat .* ask for a lower rate"),
        ({"flicker": 0.02, "flicker_hz": 10.0}, r"flickers by 2\.0% \(10\.0 Hz .* daylight"),
    ],
)
def test_what_is_wrong_with_a_camera_comes_with_a_remedy(facts: dict[str, Any], says: str) -> None:
    (warning,) = warnings(with_camera(facts))
    assert re.search(says, warning)


def test_a_share_that_is_told_from_few_movements_is_said_to_be() -> None:
    (warning,) = warnings(dataclasses.replace(GOOD, sensitivity=CALIBRATION.sensitivity))
    assert warning.startswith("nine in ten is told from 8 known movements, which is few: rest for longer (--seconds)")


@pytest.mark.parametrize("out", ["/proc/nowhere/me.toml", "taken.txt/me.toml"])
def test_a_target_that_cannot_be_written_is_refused_before_any_work(tmp_path: Path, out: str) -> None:
    (tmp_path / "taken.txt").write_text("mine")
    with pytest.raises(OSError, match=r"No such file|Not a directory"):
        check_target(tmp_path / out)


def test_a_target_in_a_new_folder_is_good_and_leaves_nothing_yet(tmp_path: Path) -> None:
    check_target(tmp_path / "new" / "me.toml")
    assert list(tmp_path.iterdir()) == []


def test_a_dark_and_small_face_is_said() -> None:
    dark, small = warnings(dataclasses.replace(GOOD, face=FaceFacts(35.0, 30.0)))
    assert "mean grey level 30 of 255" in dark
    assert "35 px between the eyes" in small
