from pathlib import Path

import numpy as np
import pytest

from calib.face import REGION_NAMES
from calib.facs import pattern
from calib.phantom import portrait
from engines.meflownet.data import Person
from engines.mellm.acting import POINTS, Shard, Stage, acting, load, save
from engines.mellm.annotations import AnnotatedSet
from engines.mellm.drawing import Play
from engines.runtime import open_engine


def test_what_is_acted_is_measured() -> None:
    face = portrait()
    engine = open_engine("dis")
    stage = Stage(
        [Person("collins", face.photo, face.landmarks)], [AnnotatedSet(("AU12",), (0, 9, 0, 0))], None, engine
    )
    try:
        agree = []
        for number in range(12):
            play, true, measured = stage.pair(number)
            assert true.shape == measured.shape == (len(REGION_NAMES), POINTS, 2)
            if not play.units:
                assert not true.any()
                continue
            strength = max(s for _, s in play.units)
            # Fields pass near the table's displacements; a disc is not its centre, so they come out smaller.
            wanted = sum(s * pattern(code) for code, s in play.units)
            size = np.linalg.norm(wanted, axis=1).max()
            assert 0.4 * size < np.linalg.norm(true.mean(axis=1), axis=1).max() < 1.5 * size
            if strength > 0.02:
                agree.append(float(np.corrcoef(true.mean(axis=1).ravel(), measured.mean(axis=1).ravel())[0, 1]))
    finally:
        engine.close()
    assert agree
    assert np.median(agree) > 0.7


def test_the_same_number_is_the_same_play() -> None:
    face = portrait()
    engine = open_engine("dis")
    try:
        stages = [
            Stage([Person("c", face.photo, face.landmarks)], [AnnotatedSet(("AU4",), (9, 0, 0, 0))], None, engine)
            for _ in range(2)
        ]
        (play, true, measured), (again, true_again, measured_again) = (stage.pair(3) for stage in stages)
    finally:
        engine.close()
    assert play == again
    np.testing.assert_array_equal(true, true_again)
    np.testing.assert_array_equal(measured, measured_again)


def test_shards_come_back_as_one(tmp_path: Path) -> None:
    for index in range(2):
        values = np.full((3, 29, POINTS, 2), index, np.float16)
        save(
            Shard((Play(), Play((("AU4", 0.01),)), Play(closure=0.5)), values, values + 1), tmp_path / f"0-{index}.npz"
        )
    together = load(tmp_path)
    assert [play.codes for play in together.plays] == [(), ("AU4",), ()] * 2
    assert together.true.shape == (6, 29, POINTS, 2)
    assert together.measured[5].max() == 2
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("folder", ["none", "empty"])
def test_no_shards_is_an_error(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no acted pairs"):
        load(tmp_path / folder)


def test_no_photos_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert acting([tmp_path / "none"], out=tmp_path / "out") == 2
    assert "no such folder" in capsys.readouterr().out
