import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.face import REGION_INDEX, REGIONS, Doubles
from calib.facs import pattern
from engines.mellm.answer import Facts
from engines.regions import RegionMotion
from tests.engines.scenes import measured

QUICK = settings(max_examples=40)


def random_face(seed: int) -> Doubles:
    return np.random.default_rng(seed).normal(0, 0.01, (len(REGIONS), 2))


@pytest.mark.parametrize("count", [0, 1, 28, 30])
def test_every_region_needs_its_noise_floor(count: int) -> None:
    with pytest.raises(ValueError, match=f"29 regions but {count} noise floors"):
        Facts(measured(pattern("AU12")), (0.002,) * count, 90.0)


def test_facts_about_no_region_are_allowed() -> None:
    assert Facts((), (), 90.0).moving == []


@QUICK
@given(st.integers(0, 10_000), st.floats(0, 0.03))
def test_moving_regions_are_those_above_their_floor_the_strongest_first(seed: int, floor: float) -> None:
    noise = tuple(np.random.default_rng(seed + 1).uniform(0, 2 * floor, len(REGIONS)).tolist())
    regions = measured(random_face(seed))
    moving = Facts(regions, noise, 90.0).moving
    sizes = [region.mean_iod for region in moving]
    assert sizes == sorted(sizes, reverse=True)
    above = {region.name for region, limit in zip(regions, noise, strict=True) if region.mean_iod > limit}
    assert {region.name for region in moving} == above


def test_a_region_without_a_clear_direction_does_not_count_as_moving() -> None:
    torn = RegionMotion("Chin", 0.001, 0.0, 0.05, 0.09, 0.0, "unclear", 0.02)
    clear = RegionMotion("Left Cheek", 0.04, 0.0, 0.04, 0.05, 0.0, "right", 1.0)
    assert Facts((torn, clear), (0.002, 0.002), 90.0).moving == [clear]


def test_a_region_at_its_floor_is_still() -> None:
    regions = measured(0.01 * pattern("AU12"))
    corner = REGION_INDEX["Left Mouth Corner"]
    noise = [0.1] * len(REGIONS)
    noise[corner] = regions[corner].mean_iod
    assert Facts(regions, tuple(noise), 90.0).moving == []
    noise[corner] *= 0.99
    assert Facts(regions, tuple(noise), 90.0).moving == [regions[corner]]
