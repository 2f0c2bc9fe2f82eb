"""What moved between two pictures of one face, onset and apex."""

import csv
import io
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.crop import cut_crop
from calib.face import (
    CROP,
    FACE_OVAL,
    Doubles,
    Floats,
    crop_landmarks,
    crop_shift_iod,
    crop_transform,
    eye_centres,
    inter_ocular_distance,
    invert_transform,
    transform_points,
)
from engines.landmarks import FaceMesh
from engines.picture import flow_colours, flow_overlay
from engines.refine import refined_flow
from engines.regions import RegionMeter, RegionMotion
from engines.runtime import CropError, open_engine
from realtime.config import Config
from realtime.recorded import read_photo
from realtime.source import SourceError


@dataclass(frozen=True)
class PairFlow:
    """The flow of a pair on the onset image's grid, (H, W, 2) float32 px, NaN outside the face crop.

    Attributes:
        facial: head motion followed by expression.
        head: the rigid part.
        face: (H, W) bool, inside the face's outline.
        regions: what the 29 regions did, in IOD.
        iod_px: inter-ocular distance in the onset image.
    """

    facial: Floats
    head: Floats
    face: NDArray[np.bool_]
    regions: tuple[RegionMotion, ...]
    iod_px: float

    @property
    def expression(self) -> Floats:
        """Facial - head."""
        return self.facial - self.head


class PairMeter:
    """Measures pairs of pictures; the models are loaded once. A context manager."""

    def __init__(self, config: Config) -> None:
        """Load the models.

        Raises:
            EngineError: the flow engine cannot be had.
        """
        self._config = config
        self._engine = open_engine(config.flow.engine, config.flow.weights_folder)
        self._mesh = FaceMesh(max_faces=4, tracking=False)
        self._notes: list[str] = []

    def __enter__(self) -> "PairMeter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._mesh.close()
        self._engine.close()

    def measure(self, onset: Path, apex: Path) -> PairFlow:
        """The flow from one picture to the other, for the largest face in the onset picture.

        Other faces in either are left out, which `notes` tells.

        Raises:
            SourceError: a picture cannot be read, or shows no face that can be measured.
        """
        first, second = (cv2.cvtColor(read_photo(path), cv2.COLOR_BGR2RGB) for path in (onset, apex))
        faces, later = self._faces(first, onset), self._faces(second, apex)
        face = max(faces, key=inter_ocular_distance)
        middle = np.mean(eye_centres(face), axis=0)
        there = min(later, key=lambda f: float(np.hypot(*(np.mean(eye_centres(f), axis=0) - middle))))
        if len(faces) > 1:
            self._notes.append(f"{onset} shows more than one face: only the largest is measured")
        if len(later) > 1:
            self._notes.append(f"{apex} shows more than one face: only the one nearest to that of {onset} is measured")
        return self._flow(np.asarray(first), np.asarray(second), face, there, f"{onset} → {apex}")

    def notes(self) -> Sequence[str]:
        """What people should know of the pictures and have not been told."""
        notes, self._notes = self._notes, []
        return notes

    def _faces(self, rgb: NDArray[np.uint8], path: Path) -> list[Floats]:
        faces = self._mesh.find(np.asarray(rgb, dtype=np.uint8))
        if not faces:
            raise SourceError(f"{path}: no face found")
        return faces

    def _flow(
        self, first: NDArray[np.uint8], second: NDArray[np.uint8], face: Floats, there: Floats, name: str
    ) -> PairFlow:
        """Flow between the two crops, taken back to the images.

        Both crops are cut with the onset's transform, as in a live session; only when the face has moved further than
        a held crop allows is the apex cut with its own, and the difference of the transforms is part of the flow.
        """
        before = crop_transform(face)
        after = crop_transform(there)
        if crop_shift_iod(before, after, there) < self._config.align.hold_iod:
            after = before
        placed = crop_landmarks(before, face)
        try:
            flow = refined_flow(self._engine, (cut_crop(first, before), cut_crop(second, after)), placed)
        except CropError as error:
            raise SourceError(f"{name}: {error}") from error
        regions = tuple(RegionMeter(placed).measure(flow.expression))
        height, width = first.shape[:2]
        facial, rigid = (_to_image(part, before, after, width, height) for part in (flow.facial, flow.head))
        outline = np.zeros((height, width), np.uint8)
        cv2.fillPoly(outline, [np.round(face[list(FACE_OVAL), :2]).astype(np.int32)], 1)
        return PairFlow(facial, rigid, outline > 0, regions, inter_ocular_distance(face))


def _to_image(flow: Floats, before: Doubles, after: Doubles, width: int, height: int) -> Floats:
    """A crop's flow on the onset image's grid: pixel → crop, along the flow, crop → the apex image."""
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
    inside = transform_points(before, grid)
    sampled = cv2.remap(
        flow, inside.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0)
    )
    moved = transform_points(invert_transform(after), inside + sampled) - grid
    outside = ((inside < 0) | (inside > CROP - 1)).any(axis=-1)
    moved[outside] = np.nan
    return np.asarray(moved, dtype=np.float32)


class Pair(NamedTuple):
    """Two pictures of a face, and the line of the table that names them; 0 without a table."""

    onset: Path
    apex: Path
    line: int = 0


def read_pairs(path: Path) -> Iterator[Pair]:
    """Rows of a CSV with columns `onset` and `apex`; relative paths count from the CSV's folder, else from here.

    Semicolons or tabs will do between the columns, as spreadsheets write them, and capitals in the columns' names.

    Raises:
        SourceError: unreadable, or a column is missing.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as table:
            text = table.read()
        head = text.partition("\n")[0]
        comma = next((mark for mark in ",;\t" if mark in head), ",")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=comma, skipinitialspace=True)
        names = [name.strip().lower() for name in next(reader, [])]
        missing = {"onset", "apex"} - set(names)
        if missing:
            raise SourceError(f"{path}: no column {' or '.join(sorted(missing))}; it needs onset,apex")
        places = names.index("onset"), names.index("apex")
        rows = [(reader.line_num, [row[k].strip() if k < len(row) else "" for k in places]) for row in reader if row]
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not a table of text in UTF-8 ({error})") from error
    except csv.Error as error:
        raise SourceError(f"{path}: not a table of text ({error})") from error
    for line, (onset, apex) in rows:
        if not onset or not apex:
            raise SourceError(f"{path}: line {line} lacks an onset or an apex")
        yield Pair(_beside(path, onset), _beside(path, apex), line)


def _beside(table: Path, name: str) -> Path:
    near = table.parent / name
    return near if near.exists() else Path(name)


def write_flow(flow: PairFlow, onset: Path, apex: Path, target: Path) -> None:
    """Write a pair's flow to `target` (.npz), and pictures of the expression beside it: _colours.png, _overlay.png.

    All three take their names only when all are written.

    Raises:
        SourceError: one of them would overwrite a picture of the pair.
        OSError: they cannot be written.
    """
    shown = np.where(flow.face[..., None], flow.expression, np.float32(np.nan))
    pictures = {"colours": flow_colours(shown), "overlay": flow_overlay(read_photo(onset), shown)}
    targets = {name: target.with_name(f"{target.stem}_{name}.png") for name in pictures}
    for path in (target, *targets.values()):
        if path.resolve() in (onset.resolve(), apex.resolve()):
            raise SourceError(f"{path}: is a picture of the pair itself; choose another --out")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.stem}-", dir=target.parent) as folder:
        packed = io.BytesIO()
        np.savez_compressed(packed, facial=flow.facial, head=flow.head, expression=flow.expression)
        (Path(folder) / target.name).write_bytes(packed.getvalue())
        for name, path in targets.items():
            (Path(folder) / path.name).write_bytes(cv2.imencode(".png", pictures[name])[1].tobytes())
        for path in (target, *targets.values()):
            (Path(folder) / path.name).replace(path)
