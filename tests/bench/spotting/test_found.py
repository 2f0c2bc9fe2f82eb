import numpy as np
import pytest
from msgspec.structs import replace

from bench.spotting.found import Found, kind_of, spotted
from calib.face import REGIONS
from calib.facs import pattern
from engines.regions import motion_of
from realtime.messages import Spot
from tests.bench.spotting.performances import MACRO, MICRO, recording


def test_half_a_second_is_micro() -> None:
    assert [kind_of(s) for s in (0.2, 0.5, 0.51, 3.0)] == ["micro", "micro", "macro", "macro"]


def test_closed_spots_are_found_with_the_time_that_their_apex_was_told() -> None:
    found = spotted(recording((MICRO, MACRO)).spots)
    assert [f.kind for f in found] == ["micro", "macro"]
    for own, event in zip(found, (MICRO, MACRO), strict=True):
        assert own.apex_s == pytest.approx(event.apex_s, abs=0.1)
        assert event.onset_s < own.announced_s < event.offset_s
        assert 0 < own.confidence <= 1
        assert own.interval == (own.onset_s, own.offset_s)
        assert own.length_s == own.offset_s - own.onset_s


def test_units_are_read_in_what_was_measured() -> None:
    moved = (0.02 * pattern("AU12")).astype(np.float32)
    regions = tuple(motion_of(region.name, row[None]) for region, row in zip(REGIONS, moved, strict=True))
    bare = recording((MICRO,)).spots
    measured = [
        replace(spot, regions=regions, noise_iod=(0.003,) * len(regions), magnitude_iod=0.02)
        if spot.phase == "closed" else spot
        for spot in bare
    ]  # fmt: skip
    (found,), (unknown,) = spotted(measured), spotted(bare)
    assert (found.units, found.magnitude_iod) == (("AU12",), 0.02)
    assert unknown.units is None
    speech = [replace(spot, kind="speech") if spot.phase == "closed" else spot for spot in measured]
    assert spotted(speech)[0].units is None


def test_what_was_told_and_then_taken_back_stays_known_as_such() -> None:
    def spot(spot_id: int, phase: str, t_s: float) -> Spot:
        return Spot(
            seq=0, t_capture_ns=0, t_media_ns=round(t_s * 1e9), spot_id=spot_id, phase=phase,  # type: ignore[arg-type]
            onset_ns=10**9, apex_ns=1_200_000_000, offset_ns=1_400_000_000 if phase == "closed" else -1,
            kind="micro" if phase == "closed" else None, confidence=0.8,
        )  # fmt: skip

    said = [spot(0, "rising", 1.1), spot(0, "revoked", 1.2), spot(1, "apex", 1.3), spot(1, "apex", 1.5)]
    closed = Found(1.0, 1.2, 1.4, "micro", 0.8, 1.3)
    assert spotted([*said, spot(1, "closed", 1.7)]) == [closed]
    # Never told: the one that was revoked while it rose. Told and revoked: known until its apex.
    assert spotted([*said, spot(1, "revoked", 1.7)]) == [Found(1.0, 1.2, 1.2, "micro", 0.8, 1.3, taken_back=True)]
