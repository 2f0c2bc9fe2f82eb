"""Faces that act known action units, measured by the real pipeline: what MEU-Instruct's numbers come from.

    python -m engines.mellm.instruct.acting london_neutral canada_neutral --out acted

A pair of pictures is rendered from a photo, MEFlowNet measures it, and both the truth and the measurement are kept at
a few points of every region. Expressions are made by the table's patterns or by scanned shapes; some pairs show none:
stillness, a head that moves, a blink.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from cyclopts import App, Parameter
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from calib.face import CROP, CROP_IOD, REGIONS, Floats, region_centres
from calib.facs import parse_code
from calib.phantom.fields import FieldMaker
from engines.meflownet.data import PairConfig, PairMaker, Person, load_people, split_people
from engines.meflownet.data.pairs import Acted
from engines.meflownet.data.shapes import ShapeModel
from engines.mellm.instruct.annotations import (
    AnnotatedSet,
    AnnotationError,
    built_in_annotations,
    read_annotations,
    split,
)
from engines.mellm.instruct.drawing import Play, draw_play
from engines.refine import refined_flow
from engines.runtime import CropError, FlowEngine, open_engine

app = App(name="engines.mellm.instruct.acting", help_format="plaintext")

POINTS = 24
"""Points of a region at which flow is kept."""

SHARD = 250
"""Pairs in a file, so that a run that was stopped goes on where it was."""

_SHAPES = {
    1: ("browInnerUp",), 2: ("browOuterUp",), 4: ("browDown",), 5: ("eyeWide",), 6: ("cheekSquint",),
    7: ("eyeSquint",), 9: ("noseSneer",), 10: ("mouthUpperUp",), 12: ("mouthSmile",), 14: ("mouthDimple",),
    15: ("mouthFrown",), 16: ("mouthLowerDown",), 17: ("mouthShrugLower",), 20: ("mouthStretch",),
    24: ("mouthPress",),
}  # fmt: skip
"""ICT-FaceKit's shapes by action unit, after its README; `_L` and `_R` are appended for a side."""


@dataclass(frozen=True)
class Shard:
    """Some measured pairs.

    Attributes:
        plays: what was acted.
        true, measured: expression flow at the points of every region, (n, 29, `POINTS`, 2) float16 IOD.
    """

    plays: tuple[Play, ...]
    true: NDArray[np.float16]
    measured: NDArray[np.float16]


class Stage:
    """Lets people act and measures them."""

    def __init__(
        self, people: Sequence[Person], sets: Sequence[AnnotatedSet], shapes: ShapeModel | None, engine: FlowEngine,
        seed: int = 0,
    ) -> None:  # fmt: skip
        """Prepare.

        Args:
            people: whose photos are used.
            sets: the action units they act.
            shapes: ICT-FaceKit's scanned shapes, if there are any.
            engine: what measures.
            seed: where chance begins.
        """
        self._maker = PairMaker(people, PairConfig(), shapes, seed)
        self._sets, self._engine, self._seed = sets, engine, seed

    def pair(self, number: int) -> tuple[Play, Floats, Floats]:
        """Play number `number`, its true and its measured flow at the points, (29, `POINTS`, 2) IOD each.

        Raises:
            CropError: the face cannot be measured.
        """
        play: Play | None = None

        def act(landmarks: Floats, shapes: "tuple[ShapeModel, Floats] | None", rng: np.random.Generator) -> Acted:
            nonlocal play
            play = draw_play(self._sets, rng)
            scanned = shapes if shapes is not None and rng.random() < play.scanned else None
            return Acted(_field(play, landmarks, scanned, rng), play.closure)

        pair, landmarks = self._maker.acted(number, act)
        assert play is not None
        expression = refined_flow(self._engine, (pair.first, pair.second), landmarks).expression
        ys, xs = _points(landmarks, np.random.default_rng([self._seed, number, 1]))
        true = pair.facial - pair.head
        return play, true[ys, xs] / CROP_IOD, expression[ys, xs] / CROP_IOD


def _field(
    play: Play, landmarks: Floats, shapes: "tuple[ShapeModel, Floats] | None", rng: np.random.Generator
) -> Floats:
    """The expression (256, 256, 2) px of the crop."""
    total = np.zeros((CROP, CROP, 2), np.float32)
    maker = FieldMaker(landmarks, CROP, CROP, float(rng.uniform(0.12, 0.19)))
    for code, strength in play.units:
        part = _scanned(code, landmarks, *shapes) if shapes is not None else None
        total += (maker.field(code) if part is None else part) * np.float32(strength)
    return total


def _scanned(code: str, landmarks: Floats, model: ShapeModel, fields: Floats) -> Floats | None:
    """A unit's scanned shape whose strongest region moves by one inter-ocular distance, px; None if there is none."""
    side, unit = parse_code(code)
    names = [
        name for stem in _SHAPES.get(unit.number, ()) for name in (stem, f"{stem}_L", f"{stem}_R")
        if name in model.names and (not side or name.endswith(f"_{side}"))
    ]  # fmt: skip
    if not names:
        return None
    coarse = np.sum([fields[model.names.index(name)] for name in names], axis=0)
    field = np.asarray(cv2.resize(coarse, (CROP, CROP), interpolation=cv2.INTER_CUBIC), np.float32)
    xs, ys = np.round(region_centres(landmarks)).astype(int).clip(0, CROP - 1).T
    strongest = float(np.hypot(*field[ys, xs].T).max())
    return np.asarray(field * (CROP_IOD / max(strongest, 1.0)), np.float32)


def _points(landmarks: Floats, rng: np.random.Generator) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Points drawn evenly from every region's disc: rows and columns of the crop, (29, `POINTS`) each."""
    centres = region_centres(landmarks)[:, None]
    radius = np.array([region.radius_iod * CROP_IOD for region in REGIONS])[:, None]
    angle, length = rng.uniform(0, 2 * np.pi, (len(REGIONS), POINTS)), radius * np.sqrt(rng.random((29, POINTS)))
    x, y = centres[..., 0] + length * np.cos(angle), centres[..., 1] + length * np.sin(angle)
    return np.round(y).astype(int).clip(0, CROP - 1), np.round(x).astype(int).clip(0, CROP - 1)


def save(shard: Shard, path: Path) -> None:
    """Write a shard whole or not at all."""
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        np.savez_compressed(
            file, true=shard.true, measured=shard.measured, plays=np.array([play.written() for play in shard.plays])
        )
    partial.replace(path)


def load(folder: Path) -> Shard:
    """All shards of a folder as one.

    Raises:
        ValueError: there is none.
    """
    files = sorted(folder.glob("*.npz")) if folder.is_dir() else []
    if not files:
        raise ValueError(
            f"{folder}: no acted pairs; make some with python -m engines.mellm.instruct.acting PHOTOS --out {folder}"
        )
    parts = []
    for path in files:
        with np.load(path) as held:
            parts.append((held["plays"], held["true"], held["measured"]))
    plays = tuple(Play.read(str(text)) for texts, _, _ in parts for text in texts)
    return Shard(plays, np.concatenate([t for _, t, _ in parts]), np.concatenate([m for _, _, m in parts]))


def _work(job: tuple[list[Person], list[AnnotatedSet], Path | None, str, int, int, Path]) -> None:
    """Make one shard (in a process of its own)."""
    people, sets, shapes, engine_name, seed, first, path = job
    cv2.setNumThreads(1)
    engine = open_engine(engine_name)
    try:
        stage = Stage(people, sets, ShapeModel(shapes) if shapes else None, engine, seed)
        rows = []
        for number in range(first, first + SHARD):
            try:
                rows.append(stage.pair(number))
            except CropError:
                continue
        plays, true, measured = zip(*rows, strict=True)
        save(Shard(tuple(plays), np.stack(true).astype(np.float16), np.stack(measured).astype(np.float16)), path)
    finally:
        engine.close()


@app.default
def acting(
    photos: Annotated[list[Path], Parameter(help="Folders of frontal face photos, one person a photo.")],
    *,
    out: Annotated[Path, Parameter(help="Folder for the measured pairs.")],
    pairs: Annotated[int, Parameter(help=f"How many, rounded up to whole files of {SHARD}.")] = 12000,
    statistics: Annotated[
        Path | None, Parameter(help="CSV of annotated action units: aus,emotion,count; the built-in counts without it.")
    ] = None,
    shapes: Annotated[
        Path | None, Parameter(help="ICT-FaceKit's shapes as one npz, for some of the expressions.")
    ] = None,
    engine: Annotated[str, Parameter(help="Flow engine that measures.")] = "auto",
    processes: Annotated[int, Parameter(help="How many pairs are made side by side.")] = 1,
    held_out: Annotated[bool, Parameter(help="Take the people and sets that are never trained on.")] = False,
    seed: Annotated[int, Parameter(help="Of people, movements and noise.")] = 0,
) -> int:
    """Let people act action units and measure them; a run that was stopped goes on where it was."""
    console = Console()
    try:
        people = split_people(load_people(photos))[1 if held_out else 0]
        sets = split(read_annotations(statistics) if statistics else built_in_annotations())[1 if held_out else 0]
    except (ValueError, AnnotationError) as error:
        console.print(f"error: {error}", style="red", soft_wrap=True)
        return 2
    out.mkdir(parents=True, exist_ok=True)
    jobs = []
    for index in range(-(-pairs // SHARD)):
        path = out / f"{seed}-{index:04d}.npz"
        if not path.exists():
            jobs.append((people, sets, shapes, engine, seed, index * SHARD, path))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        with get_context("spawn").Pool(processes) as pool:
            for _ in track(pool.imap_unordered(_work, jobs), "acting", total=len(jobs), console=console):
                pass
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on where it was", style="dim")
        return 130
    console.print(f"{out}: {len(list(out.glob('*.npz'))) * SHARD} pairs", soft_wrap=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(app(result_action="return_value"))
