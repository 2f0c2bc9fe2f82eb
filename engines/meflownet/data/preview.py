"""`python -m engines.meflownet.data.preview`: a contact sheet of pairs and their flows, to look at before training."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from cyclopts import App, Parameter
from numpy.typing import NDArray
from rich.console import Console

from calib.face import CROP, Floats
from engines.meflownet.data.pairs import Pair, PairMaker
from engines.meflownet.data.people import load_people
from engines.meflownet.data.shapes import ShapeModel
from engines.picture import flow_colours

app = App(name="engines.meflownet.data.preview", help_format="plaintext")

_COLUMNS = ("first", "second", "difference x4", "facial", "head", "expression")
_TITLE = 24


def sheet(pairs: Sequence[Pair]) -> NDArray[np.uint8]:
    """The contact sheet of some pairs, (H, W, 3) uint8 BGR: a row a pair, each flow with its largest length in px."""
    heading = np.full((_TITLE, CROP * len(_COLUMNS), 3), 255, np.uint8)
    for column, title in enumerate(_COLUMNS):
        _write(heading, title, (column * CROP + 6, 17))
    return np.vstack([heading, *(_row(pair) for pair in pairs)])


def _row(pair: Pair) -> NDArray[np.uint8]:
    difference = np.clip(128 + 4 * (pair.second.astype(np.int16) - pair.first), 0, 255).astype(np.uint8)
    cells = [np.ascontiguousarray(image[..., ::-1]) for image in (pair.first, pair.second, difference)]
    cells += [_flow(flow, pair.valid) for flow in (pair.facial, pair.head, pair.facial - pair.head)]
    return np.hstack(cells)


def _flow(flow: Floats, valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A flow in colours, full colour at its largest length on the face, the face's outline drawn."""
    longest = float(np.hypot(*flow[valid].T).max())
    cell = flow_colours(flow, max(longest, 1e-3))
    outlines = cv2.findContours(valid.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    cv2.drawContours(cell, outlines, -1, (150, 150, 150), 1)
    _write(cell, f"{longest:.2f} px", (6, 17))
    return cell


def _write(image: NDArray[np.uint8], text: str, place: tuple[int, int]) -> None:
    cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), 1, cv2.LINE_AA)


@app.default
def preview(
    photos: Annotated[list[Path], Parameter(help="Folders of face photos.")],
    *,
    out: Annotated[Path, Parameter(help="Picture to write (.png or .jpg).")] = Path("pairs.png"),
    shapes: Annotated[Path | None, Parameter(help="ICT-FaceKit's arrays (ict_face_light.npz).")] = None,
    pairs: Annotated[int, Parameter(help="How many pairs.")] = 8,
    seed: Annotated[int, Parameter(help="Which pairs.")] = 0,
) -> None:
    """Draw a contact sheet of training pairs."""
    console = Console()
    try:
        maker = PairMaker(load_people(photos), shapes=ShapeModel(shapes) if shapes else None, seed=seed)
        picture = sheet([maker.pair(number) for number in range(pairs)])
        written = cv2.imwrite(str(out), picture)
    except (ValueError, cv2.error) as error:
        console.print(f"error: {error}", highlight=False)
        sys.exit(2)
    if not written:
        console.print(f"error: {out}: cannot be written; its folder must exist", highlight=False)
        sys.exit(2)
    console.print(f"wrote {out}: {pairs} pairs", highlight=False)


if __name__ == "__main__":
    app(sys.argv[1:])
