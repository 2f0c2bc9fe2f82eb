from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from calib.face import CROP
from calib.phantom import PhantomFace
from engines.meflownet.data import Pair, PairMaker, Person, preview
from engines.meflownet.data.preview import sheet


@pytest.fixture(scope="module")
def person(portrait: PhantomFace) -> Person:
    return Person("collins", portrait.photo, portrait.landmarks)


@pytest.fixture(scope="module")
def pair(person: Person) -> Pair:
    return PairMaker([person]).pair(0)


@pytest.fixture
def known(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """No faces are looked for."""
    monkeypatch.setattr(preview, "load_people", lambda _: [person])


def test_a_sheet_has_a_row_a_pair_and_a_column_for_each_picture_and_flow(pair: Pair) -> None:
    two = sheet([pair, pair])
    assert two.shape == (2 * CROP + 24, 6 * CROP, 3)
    assert two.dtype == np.uint8
    row = two[24 : 24 + CROP]
    assert np.array_equal(row, two[24 + CROP :])
    assert np.array_equal(row[:, :CROP], pair.first[..., ::-1])
    assert np.array_equal(row[:, CROP : 2 * CROP], pair.second[..., ::-1])


def test_equal_crops_differ_by_nothing(pair: Pair) -> None:
    row = sheet([replace(pair, second=pair.first)])[24:]
    assert (row[:, 2 * CROP : 3 * CROP] == 128).all()


def test_flows_are_coloured_by_direction_and_a_still_one_is_blank(pair: Pair) -> None:
    right = np.zeros_like(pair.facial)
    right[..., 0] = 2
    row = sheet([replace(pair, facial=right, head=-right)])[24:]
    facial, head = row[128, 3 * CROP + 128].astype(int), row[128, 4 * CROP + 128].astype(int)
    assert np.abs(facial - head).max() > 60
    blank = sheet([replace(pair, facial=right, head=right)])[24:]
    assert np.ptp(blank[128, 5 * CROP + 128]) < 10


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_the_sheet_is_written(tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]) -> None:
    preview.preview([tmp_path], out=tmp_path / f"pairs.{ending}", pairs=2, seed=3)
    written = cv2.imread(str(tmp_path / f"pairs.{ending}"))
    assert written is not None
    assert written.shape == (2 * CROP + 24, 6 * CROP, 3)
    assert capsys.readouterr().out.split()[-2:] == ["2", "pairs"]


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("name", ["nowhere/pairs.png", "pairs.unknown"])
def test_what_cannot_be_written_is_an_error(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        preview.preview([tmp_path], out=tmp_path / name, pairs=1)
    assert ended.value.code == 2
    assert capsys.readouterr().out.startswith("error: ")


def test_a_missing_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        preview.app([str(tmp_path / "nowhere"), "--out", str(tmp_path / "pairs.png")])
    assert ended.value.code == 2
    out = "".join(capsys.readouterr().out.split())  # a terminal's lines are broken anywhere
    assert "nowhere:nosuchfolder" in out
    assert not (tmp_path / "pairs.png").exists()
