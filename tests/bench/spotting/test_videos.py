import dataclasses

import numpy as np

from bench.spotting.videos import HEIGHT, IOD_PX, WIDTH, make_videos
from calib.phantom import portrait


def test_the_same_performances_at_every_rate_by_the_faces_in_turn() -> None:
    face = portrait()
    other = dataclasses.replace(face, landmarks=face.landmarks + np.float32(1))
    videos = list(make_videos([face, other], (30.0, 60.0), 10.0, 3, 5))
    assert len({video.name for video in videos}) == 6
    for slow, fast in zip(videos[:3], videos[3:], strict=True):
        assert slow.script == fast.script
        assert slow.truth == fast.truth
        assert (slow.frames, fast.frames) == (300, 600)
        assert IOD_PX[0] <= slow.iod_px == fast.iod_px <= IOD_PX[1]
    assert [video.face is face for video in videos[:3]] == [True, False, True]
    assert videos[0].script != videos[1].script
    assert videos[0].open().frame(0.0).shape == (HEIGHT, WIDTH, 3)


def test_the_key_tells_videos_apart_and_a_longer_run_keeps_them() -> None:
    face = portrait()
    few = list(make_videos([face], (30.0, 60.0), 10.0, 2, 0))
    assert len({video.key for video in few}) == 4
    assert [v.key for v in make_videos([face], (30.0,), 10.0, 4, 0)][:2] == [v.key for v in few[:2]]
    assert next(make_videos([face], (30.0,), 10.0, 1, 1)).key != few[0].key
    moved = dataclasses.replace(face, landmarks=face.landmarks + np.float32(0.1))
    assert next(make_videos([moved], (30.0,), 10.0, 1, 0)).key != few[0].key
