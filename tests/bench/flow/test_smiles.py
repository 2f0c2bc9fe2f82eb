from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.complaint import BenchError
from bench.flow.methods import ZERO_FLOW, opencv_methods
from bench.flow.pairs import Pair
from bench.flow.smiles import Seen, Smile, count_smiles, list_smiles, sees_smile, smiles
from calib.face import REGION_INDEX, REGIONS


def corners(left: tuple[float, float], right: tuple[float, float]) -> bool:
    moved = np.zeros((len(REGIONS), 2))
    moved[REGION_INDEX["Left Mouth Corner"]] = left
    moved[REGION_INDEX["Right Mouth Corner"]] = right
    return smiles(moved)


def test_a_smile_takes_both_corners_up_and_outward() -> None:
    assert corners((-1, -1), (1, -1))
    assert not corners((1, -1), (1, -1))
    assert not corners((-1, -1), (1, 1))
    assert not corners((-1, -1), (0, 0))
    assert not corners((np.nan, np.nan), (1, -1))


def test_a_phantoms_smile_is_seen_by_dis_and_not_by_standing_still(clean: Pair) -> None:
    methods = {method.label: method for method in opencv_methods()}
    smile = Smile(clean.crops, clean.landmarks)
    assert sees_smile(methods["DIS medium"], smile)
    assert not sees_smile(methods["DIS medium"], Smile((clean.crops[0], clean.crops[0]), clean.landmarks))
    assert not sees_smile(methods[ZERO_FLOW], smile)


def test_smiles_are_counted_of_everyone_and_of_those_never_trained_on(tmp_path: Path, clean: Pair) -> None:
    before, after = (np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), dtype=np.uint8) for frame in clean.frames)
    photos = []
    for name, second in (("ada", before), ("eve", after)):
        photos.append((tmp_path / f"{name}.png", tmp_path / f"{name}-smiling.png"))
        for path, image in zip(photos[-1], (before, second), strict=True):
            cv2.imwrite(str(path), image)
    methods = [method for method in opencv_methods() if method.label in ("DIS medium", "DIS, whole frame")]
    told: list[None] = []
    everyone = Seen("2 people", 2, {"DIS medium": 0.5})
    assert count_smiles(methods, photos, {"eve", "eva"}, lambda: told.append(None)) == (
        everyone, Seen("1 never trained on", 1, {"DIS medium": 1.0}),
    )  # fmt: skip
    assert len(told) == 2
    # Whose names nobody knows are everyone, and nothing else is said of them.
    assert count_smiles(methods, photos, (), lambda: None) == (everyone,)


def test_people_are_paired_by_file_name(tmp_path: Path) -> None:
    for folder, names in {"neutral": ("1", "2", "3"), "smiling": ("2", "3", "4")}.items():
        (tmp_path / folder).mkdir()
        for name in names:
            cv2.imwrite(str(tmp_path / folder / f"{name}.png"), np.zeros((8, 8, 3), np.uint8))
    folders = tmp_path / "neutral", tmp_path / "smiling"
    assert [(a.name, b.name) for a, b in list_smiles(*folders, None)] == [("2.png", "2.png"), ("3.png", "3.png")]
    assert [a.stem for a, _ in list_smiles(*folders, frozenset("13"))] == ["3"]
    with pytest.raises(BenchError, match="no file name is in both"):
        list_smiles(*folders, frozenset("14"))
