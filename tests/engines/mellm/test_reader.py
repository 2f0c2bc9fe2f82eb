from pathlib import Path

import numpy as np
import pytest

from calib.face import REGION_NAMES
from engines.mellm.closing import codes
from engines.mellm.reader import INPUTS, SHIPPED, Reader, inputs_of, shipped_reader
from tests.engines.mellm.measured import facts_of


@pytest.mark.parametrize("code", ["AU4", "LAU12", "RAU12", "AU12", "AU9", "AU1", "RAU6", "AU17", "AU25", "LAU14"])
@pytest.mark.parametrize("strength", [0.012, 0.03])
def test_a_unit_alone_is_read(code: str, strength: float) -> None:
    assert shipped_reader().units(facts_of([code], strength)) == (code,)


@pytest.mark.parametrize("units", [("AU1", "AU2"), ("AU6", "AU12"), ("AU4", "AU7"), ("AU4", "LAU12"), ("RAU2", "AU17")])
def test_units_together_are_read_in_the_order_of_their_numbers(units: tuple[str, ...]) -> None:
    assert shipped_reader().units(facts_of(reversed(units), 0.02)) == units


def test_a_still_face_has_no_unit() -> None:
    assert shipped_reader().units(facts_of([])) == ()


def test_the_network_is_told_every_region_that_moved_in_its_place() -> None:
    rows = inputs_of(facts_of(["LAU12"], 0.02)).reshape(len(REGION_NAMES), 4)
    corner = rows[REGION_NAMES.index("Right Mouth Corner")]
    np.testing.assert_allclose(corner, [0.75, -0.66, np.hypot(0.75, 0.66), 1], atol=0.02)
    assert not rows[REGION_NAMES.index("Chin")].any()


@pytest.mark.parametrize("what", ["missing", "rubbish", "other"])
def test_a_file_that_is_no_reader_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "reader.npz"
    if what == "rubbish":
        path.write_bytes(b"rubbish")
    if what == "other":
        np.savez(path, weight0=np.zeros((3, INPUTS)), bias0=np.zeros(3))
    with pytest.raises(ValueError, match="reader"):
        Reader(path)


def test_the_shipped_one_knows_every_code() -> None:
    assert SHIPPED.exists()
    chances = shipped_reader().chances(np.zeros((2, INPUTS)))
    assert chances.shape == (2, len(codes()))
    assert ((chances >= 0) & (chances <= 1)).all()
