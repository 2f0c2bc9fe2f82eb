from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import cv2
import numpy as np
import pytest

from calib.face import CROP, FACE_OVAL, Doubles, Floats
from engines.meflownet.data.expressions import MAX_STRAIN, ExpressionConfig, expression_field
from engines.meflownet.data.shapes import GRID, ShapeModel

MICRO = ExpressionConfig(still=0, macro=0, stretched=0)
MACRO = ExpressionConfig(still=0, macro=1, stretched=0)
BUMPS = ExpressionConfig(still=0, macro=1, smooth=1, scanned=0, stretched=0)
UNITS = ExpressionConfig(still=0, macro=0, smooth=0, scanned=0)


def draw(anchor: Floats, config: ExpressionConfig, seed: int) -> Floats:
    return expression_field(anchor, config, None, np.random.default_rng(seed))


def peak(field: Floats) -> float:
    return float(np.hypot(field[..., 0], field[..., 1]).max())


def slopes(field: Floats) -> Doubles:
    """Derivatives (255, 255, 2, 2) of u and v (rows) along x and y (columns)."""
    wide = field.astype(np.float64)
    return np.stack([np.diff(wide, axis=1)[:-1], np.diff(wide, axis=0)[:, :-1]], axis=-1)


@pytest.mark.parametrize(("config", "seed"), [(c, s) for c in (MICRO, MACRO, BUMPS) for s in range(8)])
def test_the_peak_is_as_asked_or_the_skin_is_strained_to_its_limit(
    anchor: Floats, config: ExpressionConfig, seed: int
) -> None:
    field = draw(anchor, config, seed)
    low, high = config.macro_px if config.macro else config.micro_px
    strain = np.abs(slopes(field)).max()
    assert field.shape == (CROP, CROP, 2)
    assert field.dtype == np.float32
    assert strain < MAX_STRAIN + 1e-3
    assert peak(field) < high * 1.001
    assert peak(field) > low * 0.999 or strain > MAX_STRAIN - 1e-3


@pytest.mark.parametrize("stretched", [0, 1])
@pytest.mark.parametrize("config", [MACRO, BUMPS], ids=["any", "bumps"])
def test_the_skin_never_folds(anchor: Floats, config: ExpressionConfig, stretched: float) -> None:
    config = replace(config, stretched=stretched)
    for seed in range(12):
        assert np.linalg.det(np.eye(2) + slopes(draw(anchor, config, seed))).min() > 0.05


def test_a_field_can_say_where_skin_comes_from(anchor: Floats) -> None:
    """Skin that goes to X + E(X) came from there by as much: E(X) is the drawn field at X + E(X)."""
    grid = np.stack(np.meshgrid(np.arange(CROP), np.arange(CROP)), axis=-1).astype(np.float32)
    longest = []
    for seed in range(8):
        comes, goes = (
            draw(anchor, replace(MACRO, stretch=MAX_STRAIN, stretched=stretched), seed) for stretched in (0, 1)
        )
        back = cv2.remap(comes, grid + goes, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        assert np.abs(goes - back).max() < 0.05  # OpenCV fetches at 32nds of a pixel
        longest.append(np.linalg.svd(np.eye(2) + slopes(goes), compute_uv=False).max())
    assert max(longest) > 1 + MAX_STRAIN


def test_sizes_spread_over_the_whole_range(anchor: Floats) -> None:
    peaks = [peak(draw(anchor, UNITS, seed)) for seed in range(40)]
    assert min(peaks) < 0.1
    assert max(peaks) > 2
    assert 0.2 < np.median(peaks) < 1  # log-uniform: half of them are below √(0.05 · 4) px = 0.45 px


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_share_of_still_faces_is_as_asked(anchor: Floats, share: float) -> None:
    config = ExpressionConfig(still=share, smooth=1)
    still = [not draw(anchor, config, seed).any() for seed in range(40)]
    assert np.mean(still) == pytest.approx(share, abs=0.2 if share == 0.5 else 0)


def test_an_expression_is_drawn_once_for_a_seed(anchor: Floats) -> None:
    assert np.array_equal(draw(anchor, UNITS, 3), draw(anchor, UNITS, 3))
    assert not np.allclose(draw(anchor, UNITS, 3), draw(anchor, UNITS, 4), atol=1e-3)


def test_units_move_the_face_and_bumps_begin_on_it(anchor: Floats) -> None:
    low, high = anchor[list(FACE_OVAL), :2].min(axis=0), anchor[list(FACE_OVAL), :2].max(axis=0)
    for seed in range(6):
        field = draw(anchor, UNITS, seed)
        row, column = np.unravel_index(np.hypot(field[..., 0], field[..., 1]).argmax(), (CROP, CROP))
        assert (low < [column, row]).all()
        assert ([column, row] < high).all()
        assert np.abs(field[[0, 0, -1, -1], [0, -1, 0, -1]]).max() < 0.02 * peak(field)


def scans(*names: str) -> tuple[ShapeModel, Floats]:
    """Scanned shapes that are Gaussian bumps, shape k moving along u at a place of its own."""
    axis = np.arange(GRID)
    fields = np.zeros((len(names), GRID, GRID, 2), np.float32)
    for k in range(len(names)):
        along = np.exp(-((axis - 15 - 12 * k) ** 2) / 30)
        fields[k, ..., 0] = np.exp(-((axis[:, None] - 32) ** 2) / 30) * along
    return cast("ShapeModel", SimpleNamespace(names=names)), fields


def test_scanned_shapes_are_taken_where_there_are_any(anchor: Floats) -> None:
    config = ExpressionConfig(still=0, macro=0, scanned=1)
    shapes = scans("jawOpen", "smile_L", "smile_R", "blink")
    for seed in range(8):
        field = expression_field(anchor, config, shapes, np.random.default_rng(seed))
        assert field.shape == (CROP, CROP, 2)
        assert peak(field) > 0
        assert np.abs(field[..., 1]).max() < 1e-6 * peak(field)
        middle = float(np.abs(field[128]).max())
        assert middle > 0.95 * peak(field)


def test_the_other_side_of_a_scanned_shape_often_joins_in(anchor: Floats) -> None:
    config, shapes = ExpressionConfig(still=0, macro=0, scanned=1), scans("smile_L", "smile_R")
    both = []
    for seed in range(40):
        field = expression_field(anchor, config, shapes, np.random.default_rng(seed))
        left, right = (float(np.abs(field[128, 4 * (15 + 12 * k)]).max()) for k in (0, 1))
        both.append(min(left, right) > 0.1 * max(left, right))
    assert 0.5 < np.mean(both) < 1


def test_a_few_shapes_are_enough(anchor: Floats) -> None:
    config = ExpressionConfig(still=0, macro=0, scanned=1)
    for seed in range(8):
        assert peak(expression_field(anchor, config, scans("jawOpen"), np.random.default_rng(seed))) > 0
