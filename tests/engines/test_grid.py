import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.face import CROP, Floats
from engines.grid import CELL, CELLS, at_every_pixel, cubic, on_the_grid


def noise(seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=(CELLS, CELLS, 2)).astype(np.float32)


def test_a_ramp_stays_a_ramp() -> None:
    centres = CELL * np.arange(CELLS) + (CELL - 1) / 2
    ramp = np.stack(np.meshgrid(centres, centres), axis=-1).astype(np.float32)
    whole = at_every_pixel(ramp)
    exact = np.stack(np.meshgrid(np.arange(CROP), np.arange(CROP)), axis=-1)
    inside = slice(2 * CELL, -2 * CELL)
    assert whole.shape == (CROP, CROP, 2)
    assert whole.dtype == np.float32
    assert whole[inside, inside] == pytest.approx(exact[inside, inside], abs=1e-3)


def test_a_constant_is_kept_up_to_the_edges() -> None:
    assert at_every_pixel(np.full((CELLS, CELLS, 2), 0.25, np.float32)) == pytest.approx(np.float32(0.25), abs=1e-6)


@settings(max_examples=30)
@given(st.integers(0, CROP - 1), st.integers(0, CROP - 1), st.integers(1, 60), st.integers(1, 60), st.integers(1, 9))
def test_weights_on_the_grid_sum_to_what_they_sum_to_at_every_pixel(
    top: int, left: int, height: int, width: int, step: int
) -> None:
    rows, columns = slice(top, top + height, step), slice(left, left + width, step)
    flow = noise()
    seen = at_every_pixel(flow)[rows, columns]
    weights = np.random.default_rng(1).normal(size=seen.shape[:2])
    wanted = np.tensordot(weights, seen, axes=2)
    found = np.tensordot(on_the_grid(weights, rows, columns), flow, axes=2)
    assert found == pytest.approx(wanted, abs=1e-3)


def test_samples_between_two_cells_weigh_four() -> None:
    assert ((cubic(CROP, CELLS) != 0).sum(1) <= 4).all()
    assert np.allclose(cubic(CELLS, CELLS), np.eye(CELLS))
