from pathlib import Path

import cv2
import numpy as np
import pytest

import bench
from bench.complaint import BenchError
from bench.flow.people import built_in, find_people, list_photos, read_names
from calib.phantom import PhantomFace
from engines.meflownet.data import Person
from realtime.source import SourceError


@pytest.fixture
def folder(tmp_path: Path, face: PhantomFace) -> Path:
    """Two photos: a face, and none."""
    cv2.imwrite(str(tmp_path / "ada.png"), face.photo)
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 200, 3), 128, np.uint8))
    (tmp_path / "notes.txt").write_text("not a photo")
    return tmp_path


def test_without_photos_there_is_one_person() -> None:
    assert len(built_in().faces) == 1


def test_faces_are_found_and_photos_without_one_counted(folder: Path, face: PhantomFace) -> None:
    people = find_people(folder, None, 5, 0)
    assert len(people.faces) == people.faceless == 1
    assert np.abs(people.faces[0].landmarks - face.landmarks).max() < 3
    assert people.source == f"1 person of {folder.name}"


def test_the_list_that_ships_names_people_that_training_holds_out() -> None:
    names = read_names(Path(bench.__file__).with_name("held_out.txt"))
    assert len(names) == 22
    photo, mesh = np.zeros((1, 1, 3), np.uint8), np.zeros((478, 3), np.float32)
    assert all(Person(name, photo, mesh).held_out for name in names)


def test_held_out_people_are_the_only_ones_taken(folder: Path) -> None:
    assert [path.stem for path in list_photos("--photos", folder, frozenset({"ada", "eve"}))] == ["ada"]


@pytest.mark.parametrize(
    ("names", "message"),
    [(frozenset({"eve"}), "none of the 1 people of --held-out is in it; .* such as ada"), (None, "no such folder")],
)
def test_wrong_folders_are_named(folder: Path, names: frozenset[str] | None, message: str) -> None:
    with pytest.raises(BenchError, match=message):
        list_photos("--photos", folder if names else folder / "missing", names)


def test_a_folder_without_photos_or_faces_says_so(folder: Path) -> None:
    with pytest.raises(BenchError, match="no face found in its one photo; give frontal photos"):
        find_people(folder, frozenset({"wall"}), 1, 0)
    for photo in folder.glob("*.png"):
        photo.unlink()
    with pytest.raises(BenchError, match="no photos in it; it needs files ending in"):
        find_people(folder, None, 1, 0)


def test_a_broken_photo_is_named(folder: Path) -> None:
    (folder / "ada.png").write_bytes(b"no")
    with pytest.raises(SourceError, match=r"ada\.png: not an image"):
        find_people(folder, frozenset({"ada"}), 1, 0)


def test_names_are_read_without_blanks_and_remarks(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("# held out\nada\n\n 012 \n")
    assert read_names(tmp_path / "names.txt") == {"ada", "012"}
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\xff")
    for name, message in {"empty": "no names", "binary": "not a text file", "missing": "No such file"}.items():
        with pytest.raises(BenchError, match=message):
            read_names(tmp_path / f"{name}.txt")
