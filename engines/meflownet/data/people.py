"""The people whose photos the pairs are made from, and which of them are never trained on."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from calib.face import Floats, inter_ocular_distance
from engines.landmarks import FaceMesh

_SUFFIXES = (".jpg", ".jpeg", ".png")
_MIN_IOD = 40.0
HELD_OUT_SHARE = 7
"""One person in so many is held out, by a hash of the name: the split does not depend on who else is there."""


@dataclass(frozen=True)
class Person:
    """One photo of one person.

    Attributes:
        name: who it is: the file name without its ending; photos of the same name are of the same person.
        photo: (H, W, 3) uint8 BGR.
        landmarks: (478, 3) float32 mesh points, px of the photo.
    """

    name: str
    photo: NDArray[np.uint8]
    landmarks: Floats

    @property
    def held_out(self) -> bool:
        """Whether this person is kept for the test and never trained on."""
        return int(hashlib.sha256(self.name.encode()).hexdigest(), 16) % HELD_OUT_SHARE == 0


def load_people(folders: Sequence[Path], progress: bool = True) -> list[Person]:
    """Read every photo of the folders and find its face; photos without a usable face are left out.

    Raises:
        ValueError: a folder is missing, or no photo with a face is in any of them.
    """
    files: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(f"{folder}: no such folder of photos")
        files += sorted(f for f in folder.iterdir() if f.suffix.lower() in _SUFFIXES)
    people = []
    with FaceMesh(tracking=False) as mesh:
        for file in track(files, description="finding faces", disable=not progress):
            photo = cv2.imread(str(file), cv2.IMREAD_COLOR)
            if photo is None or min(photo.shape[:2]) < 2 * _MIN_IOD:
                continue
            found = mesh.find(np.ascontiguousarray(photo[..., ::-1]))
            if found and inter_ocular_distance(found[0]) >= _MIN_IOD:
                people.append(Person(file.stem, np.asarray(photo, np.uint8), found[0]))
    if not people:
        where = ", ".join(map(str, folders)) or "no folder given"
        raise ValueError(
            f"{where}: no photo (.jpg, .png) in which a face with {_MIN_IOD:.0f} px between the eyes is found"
        )
    return people


def split_people(people: Sequence[Person]) -> tuple[list[Person], list[Person]]:
    """The people to train on and those held out.

    Raises:
        ValueError: one of the two would be empty.
    """
    train = [p for p in people if not p.held_out]
    held_out = [p for p in people if p.held_out]
    if not train or not held_out:
        raise ValueError(
            f"{len(people)} photos leave {len(train)} to train on and {len(held_out)} held out: add more people"
        )
    return train, held_out
