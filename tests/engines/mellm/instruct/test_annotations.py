from pathlib import Path

import numpy as np
import pytest

from calib.facs import in_order, parse_code
from engines.mellm.instruct.annotations import (
    AnnotatedSet,
    AnnotationError,
    built_in_annotations,
    is_secret,
    other_side,
    read_annotations,
    split,
)

TABLE = "source,aus,emotion,count\nA,4,anger,3\nA,4,others,2\nB,L12+6,happiness,5\nB,L1+R1,surprise,4\nB,38,fear,9\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "counts.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_a_table_is_read_and_unknown_units_are_left_out(table: Path) -> None:
    assert read_annotations(table) == [
        AnnotatedSet(("AU1",), (0, 0, 4, 0)), AnnotatedSet(("AU4",), (3, 0, 0, 2)),
        AnnotatedSet(("AU6", "LAU12"), (0, 5, 0, 0)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [("aus,count\n4,3\n", "no column emotion"), ("aus,emotion,count\n4,anger,many\n", "many"),
     ("aus,emotion,count\n99,anger,3\n", "no action unit"), ("", r"^[^:]+: no column"),
     ("aus,emotion,count\n4\n", r"counts\.csv: ")],
)  # fmt: skip
def test_a_table_that_cannot_be_used_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "counts.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AnnotationError, match=reason):
        read_annotations(path)


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="cannot be read"):
        read_annotations(tmp_path / "none.csv")


def test_the_split_loses_nothing_and_keeps_held_out_sets_apart() -> None:
    sets = [one for one in built_in_annotations() if one.held_out or not is_secret(one.units)]
    train, held_out = split(sets)
    for part in (train, held_out):
        assert all(any(one.counts) for one in part)
    counted = [np.sum([one.counts for one in part], axis=0).tolist() for part in (sets, (*train, *held_out))]
    assert counted[0] == counted[1]
    strangers = {one.units for one in sets if one.held_out}
    assert strangers
    assert not strangers & {one.units for one in train}
    assert all(len(units) > 1 for units in strangers)


def test_neither_a_set_that_is_held_out_nor_its_mirror_image_is_trained_on() -> None:
    sets = built_in_annotations()
    held_out = {one.units for one in sets if one.held_out}
    images = {in_order(map(other_side, units)) for units in held_out}
    assert images - held_out
    assert not {one.units for one in split(sets)[0]} & (held_out | images)
    assert all(map(is_secret, held_out | images))
    assert not is_secret(())


def test_built_in_sets_are_valid_and_the_same_every_time() -> None:
    sets = built_in_annotations(200)
    assert sets == built_in_annotations(200)
    for one in sets:
        assert one.units == in_order(one.units)
        assert len({parse_code(code)[1].number for code in one.units}) == len(one.units)
