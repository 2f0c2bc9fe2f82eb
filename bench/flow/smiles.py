"""A check on real faces: from a neutral to a smiling photo, both mouth corners go up and outward."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from bench.complaint import BenchError
from bench.flow.methods import Method
from bench.flow.pairs import Image
from bench.flow.people import find_face, list_photos
from calib.crop import cut_crop
from calib.face import REGION_INDEX, Doubles, Floats, crop_landmarks, crop_transform
from engines.head import HeadFit
from engines.landmarks import FaceMesh
from engines.regions import RegionMeter
from realtime.recorded import read_photo


@dataclass(frozen=True)
class Smile:
    """One person, neutral and smiling.

    Attributes:
        crops: both photos, each cut by its own crop transform, (256, 256, 3) uint8 RGB.
        landmarks: (478, 3) mesh points in the neutral crop.
    """

    crops: tuple[Image, Image]
    landmarks: Floats


@dataclass(frozen=True)
class Seen:
    """Whose smiles were seen.

    Attributes:
        who: the people, in words.
        people: how many they are.
        shares: method → share of them whose smile it saw.
    """

    who: str
    people: int
    shares: Mapping[str, float]


def count_smiles(
    methods: Sequence[Method], photos: Sequence[tuple[Path, Path]], never_trained: Collection[str],
    progress: Callable[[], None],
) -> tuple[Seen, ...]:  # fmt: skip
    """What every method saw, of all people, and of those alone that nothing was trained on, if there are any.

    Args:
        methods: those that need whole frames are left out: two photos have none in common.
        photos: of one person each, neutral and smiling; who has no face in both is left out.
        never_trained: names of people (file names without ending).
        progress: called after every person.

    Raises:
        BenchError: nobody's face was found.
    """
    cropped = [method for method in methods if not method.whole_frame]
    rows: list[tuple[bool, dict[str, bool]]] = []
    for (neutral, _), smile in zip(photos, read_smiles(photos), strict=True):
        progress()
        if smile is not None:
            rows.append((neutral.stem in never_trained, {m.label: sees_smile(m, smile) for m in cropped}))
    if not rows:
        raise BenchError(f"--smiles {photos[0][0].parent} {photos[0][1].parent}: no person's face was found in both")
    everyone, fresh = [saw for _, saw in rows], [saw for new, saw in rows if new]
    groups = ((f"{len(everyone)} people", everyone), (f"{len(fresh)} never trained on", fresh))
    return tuple(
        Seen(who, len(group), {m.label: sum(saw[m.label] for saw in group) / len(group) for m in cropped})
        for who, group in groups
        if group
    )


def list_smiles(neutral: Path, smiling: Path, names: frozenset[str] | None) -> list[tuple[Path, Path]]:
    """The photos that both folders have under the same file name.

    Raises:
        BenchError: a folder is missing or empty, or they share no name.
    """
    both = {path.name: path for path in list_photos("--smiles", smiling, names)}
    pairs = [(path, both[path.name]) for path in list_photos("--smiles", neutral, names) if path.name in both]
    if not pairs:
        raise BenchError(f"--smiles {neutral} {smiling}: no file name is in both; name a person's photos alike")
    return pairs


def read_smiles(photos: Sequence[tuple[Path, Path]]) -> Iterator[Smile | None]:
    """People one by one; None where a face was not found."""
    with FaceMesh(tracking=False) as mesh:
        for paths in photos:
            images = [read_photo(path) for path in paths]
            neutral, smiling = (find_face(mesh, image) for image in images)
            if neutral is None or smiling is None:
                yield None
                continue
            before, after = crop_transform(neutral), crop_transform(smiling)
            first, second = (
                cut_crop(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8), transform)
                for image, transform in zip(images, (before, after), strict=True)
            )
            yield Smile((first, second), crop_landmarks(before, neutral))


def sees_smile(method: Method, smile: Smile) -> bool:
    """Whether a method's expression flow takes both mouth corners up and outward."""
    first, second = (method.encode(crop) for crop in smile.crops)
    fields = method.flow(first, second, smile.landmarks)
    expression = fields.facial - HeadFit(smile.landmarks).head(fields)
    return smiles(RegionMeter(smile.landmarks).displacements(expression))


def smiles(moved: Doubles) -> bool:
    """Whether regions' displacements (29, 2), x right and y down, take both mouth corners up and outward."""
    left, right = (moved[REGION_INDEX[f"{side} Mouth Corner"]] for side in ("Left", "Right"))
    return bool(left[0] < 0 < right[0] and left[1] < 0 and right[1] < 0)
