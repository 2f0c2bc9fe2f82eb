import cv2
import numpy as np
import pytest

from calib.face import CROP_EYES, CROP_IOD, eye_centres, transform_points
from calib.phantom import Nuisance, PhantomScript, PhantomVideo, portrait
from realtime.align import head_pose
from realtime.config import AlignConfig
from realtime.messages import Frame, Gap, Lost
from tests.realtime.faces import Bench, displacements, faces


@pytest.fixture(scope="module")
def small() -> PhantomVideo:
    """A still face in a frame of 320 × 320."""
    return PhantomVideo(portrait(), PhantomScript((), (), Nuisance(sway_iod=0.0, noise=1.0)), 320, 320, iod_px=64)


def test_a_held_crop_is_stiller_than_a_micro_expression(resting: PhantomVideo) -> None:
    """Head sway and noise only: residual motion of the 29 regions below 0.15 px RMS at 100 px between the eyes."""
    with Bench() as bench:
        moved = displacements(bench.motions(resting.frame(k / 30) for k in range(150)))
    residual_px = 100 * np.sqrt((moved**2).sum(axis=-1).mean())
    assert len(moved) == 150
    assert residual_px < 0.15


def test_the_crop_is_held_and_moves_rarely(resting: PhantomVideo) -> None:
    with Bench() as bench:
        seen = [faces(bench.align(resting.frame(k / 30), k / 30))[0] for k in range(60)]
    assert len({face.transform for face in seen}) <= 3
    epochs = [face.epoch for face in seen]
    assert epochs == sorted(epochs)


def test_a_crop_that_moves_on_is_cut_both_ways(small: PhantomVideo) -> None:
    image = small.frame(0)
    with Bench() as bench:
        bench.align(image, 0.0)
        early = faces(bench.align(np.roll(image, 9, axis=1), 0.1))[0]
        moved = faces(bench.align(np.roll(image, 9, axis=1), 0.4))[0]
        after = faces(bench.align(np.roll(image, 9, axis=1), 0.5))[0]
        assert early.next_crop < 0
        assert moved.next_crop >= 0
        assert after.epoch == moved.epoch + 1
        assert after.transform == moved.next_transform
        crops = [bench.crops.view(ticket) for ticket in (moved.crop, moved.next_crop)]
        assert all(crop is not None and crop.shape == (256, 256, 3) for crop in crops)


def test_a_face_that_is_soon_back_keeps_its_crop_and_one_that_moves_far_does_not(small: PhantomVideo) -> None:
    image = small.frame(0)
    with Bench() as bench:
        bench.align(image, 0.0)
        for t_s, shift in ((0.1, 9), (0.25, 9), (0.3, 0), (0.45, 9), (0.55, 9)):
            assert faces(bench.align(np.roll(image, shift, axis=1), t_s))[0].next_crop < 0
        assert faces(bench.align(np.roll(image, 20, axis=1), 0.58))[0].next_crop >= 0


def test_a_face_that_returns_to_where_it_was_for_a_while_gets_the_crop_that_it_had_there(small: PhantomVideo) -> None:
    image = small.frame(0)
    stays = [(0, 1.5), (20, 3.0), (0, 4.5)]
    held: list[tuple[int, tuple[float, ...]]] = []
    with Bench() as bench:
        t_s = 0.0
        for shift, until_s in stays:
            while t_s < until_s:
                face = faces(bench.align(np.roll(image, shift, axis=1), t_s))[0]
                t_s += 0.1
            held.append((face.epoch, face.transform))
    there, away, back = held
    assert away[0] != there[0]
    assert back == there


def test_a_place_that_was_only_passed_is_not_returned_to(small: PhantomVideo) -> None:
    image = small.frame(0)
    with Bench() as bench:
        places = [*[0] * 15, 20, 20, *[40] * 15, 20, 20]
        seen = [faces(bench.align(np.roll(image, shift, axis=1), k / 10))[0] for k, shift in enumerate(places)]
    passing = {face.epoch for face in seen[15:18]}
    assert seen[-1].epoch not in passing


def test_the_eyes_sit_where_the_canonical_crop_wants_them(small: PhantomVideo) -> None:
    with Bench() as bench:
        face = faces(bench.align(small.frame(0), 0.0))[0]
    landmarks = np.frombuffer(face.landmarks, np.float32).reshape(478, 3)
    left, right = transform_points(np.reshape(face.transform, (2, 3)), np.stack(eye_centres(landmarks)))
    assert right[0] - left[0] == pytest.approx(CROP_IOD, abs=0.01)
    assert tuple((left + right) / 2) == pytest.approx(CROP_EYES, abs=0.01)


def test_three_faces_keep_their_numbers(small: PhantomVideo) -> None:
    one = small.frame(0)
    with Bench(AlignConfig(faces=3)) as bench:
        for k in range(6):
            row = np.hstack([np.roll(one, 2 * k, axis=1), one, np.roll(one, -2 * k, axis=0)])
            seen = faces(bench.align(row, k / 30))
            ids = {face.face_id: face.transform[2] for face in seen}
            assert [face.more for face in seen] == list(range(len(seen)))[::-1]
        assert sorted(ids) == [1, 2, 3]


def test_a_face_that_leaves_is_lost_and_gets_its_number_back(small: PhantomVideo) -> None:
    image, empty = small.frame(0), np.full((320, 320, 3), 90, np.uint8)
    with Bench(AlignConfig(lost_s=1.0)) as bench:
        first = faces(bench.align(image, 0.0))[0]
        gone = bench.align(empty, 0.1)
        assert [type(m) for m in gone] == [Lost]
        assert bench.align(empty, 0.2) == []
        back = faces(bench.align(image, 0.5))[0]
        bench.align(empty, 0.6)
        stranger = faces(bench.align(image, 3.0))[0]
    assert back.face_id == first.face_id
    assert back.epoch > first.epoch
    assert stranger.face_id != first.face_id


def test_a_face_that_jumps_starts_anew() -> None:
    wide = PhantomVideo(portrait(), PhantomScript((), (), Nuisance(sway_iod=0.0)), 480, 320, iod_px=60)
    image = wide.frame(0)
    with Bench() as bench:
        bench.align(image, 0.0)
        said = bench.align(np.roll(image, 70, axis=1), 0.1)
    assert any(isinstance(m, Lost) for m in said)


def test_an_overwritten_frame_is_a_gap() -> None:
    with Bench() as bench:
        said = list(bench.node.step(Frame(seq=7, t_capture_ns=0, t_media_ns=0, width=320, height=320)))
    assert [type(m) for m in said] == [Gap]


@pytest.mark.parametrize("angle", [-20, 0, 15])
def test_roll_is_read_off_the_picture(small: PhantomVideo, angle: int) -> None:
    turn = cv2.getRotationMatrix2D((160, 160), -angle, 1.0)
    image = cv2.warpAffine(small.frame(0), turn, (320, 320), borderMode=cv2.BORDER_REFLECT)
    with Bench() as bench:
        face = faces(bench.align(np.asarray(image, np.uint8), 0.0))[0]
    assert face.roll_deg == pytest.approx(angle, abs=4)
    assert 0 < face.quality <= 1


def test_a_face_turned_in_depth_has_a_yaw() -> None:
    landmarks = portrait().landmarks.copy()
    x = landmarks[:, 0] - landmarks[:, 0].mean()
    before, _, _ = head_pose(landmarks)
    landmarks[:, 2] += 0.5 * x
    after, _, _ = head_pose(landmarks)
    assert after - before > 20
