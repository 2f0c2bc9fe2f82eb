from pathlib import Path

import cv2
import numpy as np
import pytest

from calib.phantom import PhantomFace
from engines.meflownet.data import Person, load_people, split_people
from engines.meflownet.data.people import HELD_OUT_SHARE


def somebody(name: str) -> Person:
    return Person(name, np.zeros((8, 8, 3), np.uint8), np.zeros((478, 3), np.float32))


@pytest.fixture(scope="module")
def folders(portrait: PhantomFace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two folders that share a person, with files that are of no use among them."""
    first, second = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    for file in (first / "ada.png", first / "bob.JPG", second / "ada.jpeg"):
        cv2.imwrite(str(file), portrait.photo)
    cv2.imwrite(str(first / "wall.png"), np.full((200, 200, 3), 128, np.uint8))
    cv2.imwrite(str(first / "tiny.png"), cv2.resize(portrait.photo, (60, 60)))
    cv2.imwrite(str(first / "far.png"), cv2.resize(portrait.photo, (200, 200), interpolation=cv2.INTER_AREA))
    (first / "broken.jpg").write_bytes(b"no picture")
    (first / "notes.txt").write_text("no photo")
    return first, second


@pytest.fixture(scope="module")
def people(folders: tuple[Path, Path]) -> list[Person]:
    return load_people(folders, progress=False)


def test_every_photo_with_a_usable_face_is_found(people: list[Person], portrait: PhantomFace) -> None:
    assert [p.name for p in people] == ["ada", "bob", "ada"]
    for person in people:
        assert person.photo.shape == portrait.photo.shape
        assert np.hypot(*(person.landmarks - portrait.landmarks)[:, :2].T).mean() < 3
    assert np.array_equal(people[0].photo, portrait.photo)


def test_the_same_name_in_two_folders_is_one_person(people: list[Person]) -> None:
    assert people[0].name == people[2].name
    assert people[0].held_out == people[2].held_out


def test_a_missing_folder_is_named(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere: no such folder"):
        load_people([folders[0], tmp_path / "nowhere"], progress=False)


def test_folders_without_a_face_are_named(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 200, 3), 128, np.uint8))
    with pytest.raises(ValueError, match=f"{tmp_path.name}: no photo .* 40 px between the eyes"):
        load_people([tmp_path], progress=False)


def test_no_folder_at_all_is_an_error() -> None:
    with pytest.raises(ValueError, match="no folder given"):
        load_people([], progress=False)


def test_one_person_in_seven_is_held_out_and_nobody_is_on_both_sides() -> None:
    crowd = [somebody(f"person {n}") for n in range(1400)]
    train, held_out = split_people(crowd)
    assert len(train) + len(held_out) == len(crowd)
    assert not {p.name for p in train} & {p.name for p in held_out}
    assert len(held_out) == pytest.approx(len(crowd) / HELD_OUT_SHARE, rel=0.2)


def test_who_is_held_out_does_not_depend_on_who_else_is_there() -> None:
    crowd = [somebody(f"person {n}") for n in range(100)]
    few = {p.name for p in split_people(crowd[:40])[1]}
    many = {p.name for p in split_people(crowd[::-1])[1]}
    assert few == many & {p.name for p in crowd[:40]}


@pytest.mark.parametrize("held_out", [True, False])
def test_a_split_with_an_empty_side_is_refused_with_its_numbers(held_out: bool) -> None:
    crowd = [p for p in (somebody(f"person {n}") for n in range(60)) if p.held_out is held_out]
    with pytest.raises(ValueError, match=f"{len(crowd)} photos leave .*add more people"):
        split_people(crowd)
