from collections.abc import Iterator

import numpy as np
import pytest

from bench.narration.cases import NOTHING, Camera, true_cases
from calib.phantom import portrait
from engines.mellm.annotations import AnnotatedSet
from engines.mellm.units import infer_units
from engines.runtime import open_engine

SETS = [
    AnnotatedSet(("AU4", "AU7"), (5, 0, 1, 2)),
    AnnotatedSet(("LAU12",), (0, 4, 0, 0)),
    AnnotatedSet(("AU9",), (0, 0, 0, 3)),
]


def test_true_cases_are_the_tables_movements_of_every_set_with_a_class() -> None:
    cases = list(true_cases(SETS))
    assert [case.units for case in cases] == [("AU4", "AU7"), ("LAU12",)]
    assert [case.counts for case in cases] == [(5, 0, 1), (0, 4, 0)]
    for case in cases:
        assert {code for code, _ in infer_units(case.facts.regions, case.facts.noise_iod)} == set(case.units)


@pytest.fixture(scope="module")
def camera() -> Iterator[Camera]:
    engine = open_engine("dis")
    with Camera([portrait()], engine) as camera:
        yield camera
    engine.close()


def test_pictures_show_what_was_acted(camera: Camera) -> None:
    cases = list(camera.acted(SETS[1:2], 3, 0))
    assert len(cases) == 3
    for case in cases:
        assert case.kind == "units"
        corner = next(r for r in case.facts.regions if r.name == "Right Mouth Corner")
        assert corner.direction in ("right", "up-right", "up")
        assert 0.003 < corner.mean_iod < 0.04
        assert 85 < case.facts.iod_px < 115


def test_nothing_is_nothing(camera: Camera) -> None:
    cases = list(camera.nothing(2, 0))
    assert [case.kind for case in cases] == [kind for kind in NOTHING for _ in range(2)]
    assert all(case.units == () and not any(case.counts) for case in cases)
    still, blinks = cases[:2], cases[4:]
    assert all(max(r.mean_iod for r in case.facts.regions) < 0.01 for case in still)
    assert all(any("Eyelid" in r.name for r in case.facts.moving) for case in blinks)


def test_a_picture_without_a_face_is_no_case(camera: Camera) -> None:
    grey = np.full((480, 640, 3), 127, np.uint8)
    assert camera.measured(grey, grey) is None
