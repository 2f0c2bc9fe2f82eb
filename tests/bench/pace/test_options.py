import os
from pathlib import Path

import pytest

from bench.complaint import BenchError
from bench.pace import options
from engines.runtime import ENGINES


def test_lists_are_read_each_part_once() -> None:
    assert options.numbers("--fps", "30,60, 30,99.5", 1, 1000) == (30, 60, 99.5)
    assert options.whole_numbers("--faces", "1,2,2", 1, 8) == (1, 2)
    assert options.sizes("640x480,1280X720,640×480") == ((640, 480), (1280, 720))
    assert options.engine_names("--engine", "auto, dis", auto=True) == ("auto", "dis")
    assert options.engine_names("--engines", "", auto=False) == tuple(ENGINES)


@pytest.mark.parametrize("text", ["", "fast", "30,", "0", "nan", "inf", "-30", "1001", "30;60"])
def test_wrong_rates_are_refused(text: str) -> None:
    with pytest.raises(BenchError, match="--fps"):
        options.numbers("--fps", text, *options.RATES_FPS)


@pytest.mark.parametrize("text", ["640", "640x", "x480", "0x0", "99x99", "99999x480", "640x480,", "a x b"])
def test_wrong_sizes_are_refused(text: str) -> None:
    with pytest.raises(BenchError, match="--size"):
        options.sizes(text)


def test_half_a_face_is_refused_and_so_is_an_unknown_engine() -> None:
    with pytest.raises(BenchError, match="write whole numbers"):
        options.whole_numbers("--faces", "1.5", 1, 8)
    with pytest.raises(BenchError, match="no flow engine 'dsi'; there are: auto, "):
        options.engine_names("--engine", "dsi", auto=True)
    with pytest.raises(BenchError, match="no flow engine 'auto'"):
        options.engine_names("--engines", "auto", auto=False)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), 11.0])
def test_a_length_has_its_bounds(value: float) -> None:
    with pytest.raises(BenchError, match=r"--seconds .* it must be 1 to 10 s"):
        options.length("--seconds", value, 1, 10, "s")


def test_files_are_tried_before_the_work(tmp_path: Path) -> None:
    options.writable(None, tmp_path / "new.json")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BenchError, match=r"there is no folder .*nowhere"):
        options.writable(tmp_path / "nowhere" / "new.json")
    with pytest.raises(BenchError, match="cannot be written; choose another file"):
        options.writable(tmp_path)
    if os.geteuid():
        tmp_path.chmod(0o500)
        with pytest.raises(BenchError, match="cannot be written"):
            options.writable(tmp_path / "new.json")
