"""What travels to the page, taken apart again."""

import json
import struct
from typing import Any

import numpy as np

from calib.face import LANDMARKS, REGIONS, Doubles
from realtime.config import Config
from realtime.dashboard import wire
from realtime.dashboard.moments import Moment
from realtime.messages import Gap, Spot, shifted
from realtime.rests import Rests
from tests.realtime.messages import spot
from tests.realtime.served import STEP_NS, face, frame, motion


def apart(data: bytes) -> tuple[dict[str, Any], list[Doubles], bytes]:
    """A picture's header, the mesh points of every face in px of the picture, and its JPEG."""
    (length,) = struct.unpack_from("<I", data)
    head = json.loads(data[4 : 4 + length])
    meshes, offset = [], 4 + length
    for each in head["faces"]:
        count = 2 * each["points"]
        meshes.append(np.frombuffer(data, "<i2", count, offset).reshape(-1, 2) / wire.STEPS_PER_PX)
        offset += 2 * count
    return head, meshes, data[offset:]


def test_a_picture_carries_its_own_overlay() -> None:
    moment = Moment(frame(7), {0: face(7), 3: face(7, 3)}, {0: motion(7), 3: motion(7, 3)})
    away = {0: np.full((len(REGIONS), 2), 0.012), 3: np.zeros((len(REGIONS), 2))}
    head, meshes, jpeg = apart(wire.picture(moment, b"JPEG", 320, 240, away))
    assert (head["seq"], head["width"], jpeg) == (7, 320, b"JPEG")
    assert [each["id"] for each in head["faces"]] == [0, 3]
    assert head["faces"][0]["u"] == [1200] * len(REGIONS)
    for mesh in meshes:
        assert mesh.shape == (LANDMARKS, 2)
        np.testing.assert_allclose(mesh, 3.5, atol=1 / wire.STEPS_PER_PX)  # at half the frame's size


def test_points_begin_where_an_int16array_may() -> None:
    for seq in (1, 10, 100, 1000):
        data = wire.picture(Moment(frame(seq), {0: face(seq)}), b"", 640, 480, {})
        assert struct.unpack_from("<I", data)[0] % 4 == 0


def test_curves_begin_at_rest_and_stay_there_while_nothing_happens() -> None:
    rests = Rests()
    for k in range(60):
        away = rests.away(motion(k, u_iod=0.05))
    assert np.abs(away).max() < 1e-9  # where the face's curves have come to lie does not show


def test_an_event_that_lasts_does_not_become_the_rest() -> None:
    rests = Rests()
    for k in range(60):
        rests.away(motion(k))
    rising = Spot(seq=60, face_id=0, t_capture_ns=0, t_media_ns=60 * STEP_NS, spot_id=1, phase="rising", onset_ns=0)
    rests.note(rising)
    for k in range(60, 160):
        away = rests.away(motion(k, u_iod=0.02))
    np.testing.assert_allclose(away[:, 0], 0.02)
    assert np.abs(rests.away(motion(160, 1, u_iod=0.02))).max() < 1e-9  # another face has its own


def test_hello_names_everything_that_is_drawn() -> None:
    hello = json.loads(wire.text(wire.hello(Config(), None, "abc", True)))
    assert [region["name"] for region in hello["regions"]] == [region.name for region in REGIONS]
    assert max(point for region in hello["regions"] for point in region["points"]) < LANDMARKS
    assert hello["units"]["AU12"] == "lip corner puller"


def test_what_was_over_before_a_recording_began_has_its_times_and_what_is_unknown_has_none() -> None:
    before = wire.spot(shifted(spot(1, 1.0, 1.4), -2_000_000_000))
    assert (before["onset"], before["apex"], before["offset"]) == (-1.0, -0.8, -0.6)
    rising = wire.spot(shifted(spot(1, 1.0, phase="rising", apex_ns=-1, offset_ns=-1), -2_000_000_000))
    assert (rising["onset"], rising["apex"], rising["offset"]) == (-1.0, None, None)


def test_a_time_without_pictures_tells_its_end_and_skipped_frames_how_many_they_are() -> None:
    at = {"seq": 3, "t_capture_ns": 0, "t_media_ns": 1_000_000_000}
    hole = wire.news(Gap(from_seq=3, to_seq=2, until_ns=2_500_000_000, cause="a hole", **at))
    skipped = wire.news(Gap(from_seq=1, to_seq=2, cause="align was behind", **at))
    assert [(gap["until"], gap["frames"]) for gap in (hole, skipped)] == [(2.5, 0), (None, 2)]
