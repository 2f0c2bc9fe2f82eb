"""The held-out people of the flow benchmark: photos from a folder, or the built-in portrait."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from bench.complaint import BenchError
from calib.face import Floats
from calib.phantom import PhantomFace, portrait
from engines.landmarks import FaceMesh
from realtime.recorded import read_photo

NEVER_TRAINED = Path(__file__).parents[1] / "held_out.txt"
"""The people that neither MEFlowNet nor MELLM was ever trained on, for `read_names`."""

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


@dataclass(frozen=True)
class People:
    """Whose faces are measured.

    Attributes:
        faces: one a person.
        source: where they come from, in words.
        faceless: photos in which no face was found.
    """

    faces: tuple[PhantomFace, ...]
    source: str
    faceless: int = 0

    def described(self, held_out: bool) -> str:
        """Who they are, for a page; `held_out` says that they were chosen by a list of those."""
        left = f" (no face found in {self.faceless} more)" if self.faceless else ""
        return self.source + (", those held out" if held_out else "") + left


def built_in() -> People:
    """The one person that comes with the project."""
    return People((portrait(),), "the built-in portrait")


def read_names(path: Path) -> frozenset[str]:
    """People's names, one a line; empty lines and lines that begin with # are left out.

    Raises:
        BenchError: unreadable or empty.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise BenchError(f"--held-out {path}: {reason}; give a text file with one person's name a line") from error
    names = frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if not names:
        raise BenchError(f"--held-out {path}: no names in it; write one file name without its ending a line")
    return names


def list_photos(option: str, folder: Path, names: frozenset[str] | None) -> list[Path]:
    """The photos of a folder, by name.

    Args:
        option: what the user called the folder, for the message.
        folder: where they lie.
        names: only these people (file names without ending); everyone if None.

    Raises:
        BenchError: no such folder, no photos, or none of the people wanted.
    """
    if not folder.is_dir():
        raise BenchError(f"{option} {folder}: no such folder; give a folder of face photos")
    photos = sorted(path for path in folder.iterdir() if path.suffix.lower() in PHOTO_ENDINGS)
    if not photos:
        raise BenchError(f"{option} {folder}: no photos in it; it needs files ending in {', '.join(PHOTO_ENDINGS)}")
    if names is None:
        return photos
    wanted = [path for path in photos if path.stem in names]
    if not wanted:
        raise BenchError(
            f"{option} {folder}: none of the {len(names)} people of --held-out is in it; names are file names without "
            f"their ending, such as {photos[0].stem}"
        )
    return wanted


def find_people(folder: Path, names: frozenset[str] | None, count: int, seed: int) -> People:
    """At most `count` people of a folder, drawn by `seed`.

    Raises:
        BenchError: see `list_photos`, or no face in any of them.
        SourceError: a photo cannot be read.
    """
    photos = list_photos("--photos", folder, names)
    order = np.random.default_rng(seed).permutation(len(photos))
    faces: list[PhantomFace] = []
    faceless = 0
    with FaceMesh(tracking=False) as mesh:
        for path in (photos[k] for k in order):
            if len(faces) == count:
                break
            photo = read_photo(path)
            found = find_face(mesh, photo)
            if found is None:
                faceless += 1
            else:
                faces.append(PhantomFace(photo, found))
    if not faces:
        raise BenchError(f"--photos {folder}: no face found in {_photos(photos)}; give frontal photos of one face each")
    count_of = "1 person" if len(faces) == 1 else f"{len(faces)} people"
    return People(tuple(faces), f"{count_of} of {folder.resolve().name}", faceless)


def find_face(mesh: FaceMesh, photo: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> Floats | None:
    """Mesh points (478, 3) of the face in a photo (H, W, 3) uint8 BGR; None if there is none."""
    found = mesh.find(np.asarray(cv2.cvtColor(photo, cv2.COLOR_BGR2RGB), dtype=np.uint8))
    return found[0] if found else None


def _photos(photos: Sequence[Path]) -> str:
    return "its one photo" if len(photos) == 1 else f"any of its {len(photos)} photos"
