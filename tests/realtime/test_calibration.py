import dataclasses
import math
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

from calib.face import REGION_NAMES
from calib.neutral import Baseline
from realtime.calibration import (
    Calibration,
    CalibrationError,
    CameraFacts,
    FaceFacts,
    Sensitivity,
    SetUp,
    mismatch,
    open_calibration,
    read_calibration,
    write_calibration,
)
from realtime.config import SpotConfig

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CALIBRATION = Calibration(
    SetUp(datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc), "webcam", "meflownet", 8.0, 241),
    CameraFacts(640, 480, 29.97, 0.5, 0.0, 0.012, 9.98),
    FaceFacts(100.0, 120.0),
    Baseline(tuple((k + 1) / 10000 for k in range(29))),
    Sensitivity(0.004, 4.0, 0.0061, 0.61, 0.4697, (0.002, 0.005, 0.01), (2, 4, 2), (0, 3, 2)),
)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "me.toml"
    write_calibration(CALIBRATION, path)
    return path


def test_what_is_written_is_read_back(written: Path) -> None:
    assert read_calibration(written) == CALIBRATION
    assert open_calibration(SpotConfig(calibration=str(written))) == CALIBRATION
    assert open_calibration(SpotConfig()) is None
    assert [path.name for path in written.parent.iterdir()] == ["me.toml"]


def test_people_can_read_it(written: Path) -> None:
    text = written.read_text()
    assert "no picture is kept" in text
    for line in text.splitlines():
        assert len(line) < 400
    assert "iod = 0.0061  # smallest movement found nine times in ten" in text
    assert '"Left Mouth Corner" = 0.0019' in text


def test_a_movement_that_was_never_found_is_kept_as_infinite(tmp_path: Path) -> None:
    blind = dataclasses.replace(CALIBRATION.sensitivity, iod=math.inf, frame_px=math.inf, crop_px=math.inf)
    path = tmp_path / "new" / "me.toml"
    write_calibration(dataclasses.replace(CALIBRATION, sensitivity=blind), path)
    assert read_calibration(path).sensitivity == blind


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version = 1", "version = 7", "of version 7; this program reads 1"),
        ("version = 1", "", "without a version"),
        ("fps = 29.97", "fbs = 29.97", r"unknown key 'camera.fbs'; did you mean 'camera.fps'"),
        ("fps = 29.97", "", r"'camera.fps' is missing"),
        ("fps = 29.97", 'fps = "fast"', r"'camera.fps' must be float, not 'fast'"),
        ("fps = 29.97", "fps = nan", r"'camera.fps' is nan"),
        ("iod_px = 100.0", "iod_px = inf", r"'face.iod_px' is inf"),
        ("width = 640", "width = -640", r"'camera.width' is -640"),
        ("frames = 241", "frames = 241.5", r"'set_up.frames' must be int"),
        ('"Chin" = 0.0027', '"Chin" = -1.0', r"'noise_iod.Chin' is -1.0"),
        ('"Chin" = 0.0027', "", r"'noise_iod.Chin' is missing"),
        ("tried = [2, 4, 2]", "tried = 8", r"'sensitivity.tried' must be a list"),
        ("tried = [2, 4, 2]", "tried = [2, 4]", "sensitivity: every size needs"),
        ("found = [0, 3, 2]", "found = [0, 5, 2]", "sensitivity: nothing is found more often"),
        ("made = 2026-03-01T12:30:00+00:00", "made = 3", r"'set_up.made' must be datetime"),
        ("[face]", "[[face]]", r"'face' is a table"),
        ("[face]", "[face", "not TOML"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(written: Path, old: str, new: str, says: str) -> None:
    text = written.read_text()
    assert old in text
    written.write_text(text.replace(old, new))
    with pytest.raises(CalibrationError, match=rf"me\.toml.*{says}"):
        read_calibration(written)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"cannot read the calibration .*none\.toml"):
        read_calibration(tmp_path / "none.toml")


def test_it_holds_numbers_and_short_names_and_no_pixels(written: Path) -> None:
    assert written.stat().st_size < 6000
    content = tomllib.loads(written.read_text())
    assert set(content) == {"version", "set_up", "camera", "face", "sensitivity", "noise_iod"}
    assert set(content["noise_iod"]) == set(REGION_NAMES)
    longest = max(len(value) for table in content.values() if isinstance(table, dict)
                  for value in table.values() if isinstance(value, (str, list)))  # fmt: skip
    assert longest <= 12


def test_another_engine_or_face_size_is_said() -> None:
    assert mismatch(CALIBRATION, "meflownet", 100.0) == []
    assert mismatch(CALIBRATION, "", 80.0) == []
    (other,) = mismatch(CALIBRATION, "dis", 100.0)
    assert "made with the flow engine meflownet, this run measures with dis" in other
    (far,) = mismatch(CALIBRATION, "meflownet", 40.0)
    assert "40 px between the eyes and was 100 px" in far
    assert len(mismatch(CALIBRATION, "dis", 300.0)) == 2
