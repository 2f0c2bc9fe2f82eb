import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calib.face import LANDMARKS, inter_ocular_distance
from calib.phantom import Nuisance, PhantomFace, PhantomScript, PhantomVideo
from engines.landmarks import FORGET_AFTER, MIN_SIDE, SEARCH_EVERY, FaceMesh, mesh_points


@pytest.fixture(scope="module")
def rgb(portrait: PhantomFace) -> NDArray[np.uint8]:
    return np.ascontiguousarray(portrait.photo[..., ::-1])


def away(points: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance of each mesh point from another, px."""
    return np.asarray(np.hypot(*(points - others)[:, :2].T), dtype=np.float32)


def test_the_portraits_mesh_points_are_found(mesh: FaceMesh, rgb: NDArray[np.uint8], portrait: PhantomFace) -> None:
    faces = mesh.find(rgb)
    assert len(faces) == 1
    assert faces[0].shape == (LANDMARKS, 3)
    assert faces[0].dtype == np.float32
    assert away(faces[0], portrait.landmarks).mean() < 1.5
    assert away(faces[0], portrait.landmarks).max() < 5


def test_mesh_points_are_in_px_of_the_image(mesh: FaceMesh, rgb: NDArray[np.uint8], portrait: PhantomFace) -> None:
    shifted = mesh.find(np.ascontiguousarray(rgb[:400, 60:460]))
    assert len(shifted) == 1
    assert away(shifted[0] + np.array([60, 0, 0], np.float32), portrait.landmarks).mean() < 2


@pytest.mark.parametrize("times", [3, 5, 8])  # as it is, halved, and halved twice
def test_a_large_image_is_measured_in_its_own_px(
    mesh: FaceMesh, rgb: NDArray[np.uint8], portrait: PhantomFace, times: int
) -> None:
    faces = mesh.find(np.asarray(cv2.resize(rgb, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC), np.uint8))
    assert len(faces) == 1
    # Pixel centres at whole numbers: the middle of the first pixel of three is 1.
    assert away(faces[0], times * portrait.landmarks + (times - 1) / 2).mean() < times * 1.5
    depth = np.ptp(faces[0][:, 2]) / np.ptp(portrait.landmarks[:, 2])
    assert depth == pytest.approx(times, rel=0.1)


def test_two_faces_are_both_found(mesh: FaceMesh, rgb: NDArray[np.uint8]) -> None:
    half = rgb[:, :400]
    faces = sorted(mesh.find(np.hstack([half, half])), key=lambda face: float(face[:, 0].mean()))
    assert len(faces) == 2
    assert away(faces[0] + np.array([400, 0, 0], np.float32), faces[1]).mean() < 3


def test_no_face_is_found_where_there_is_none(mesh: FaceMesh) -> None:
    rng = np.random.default_rng(0)
    assert mesh.find(rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)) == []
    assert mesh.find(np.zeros((240, 320, 3), np.uint8)) == []
    assert mesh.find(np.full((MIN_SIDE, MIN_SIDE, 3), 200, np.uint8)) == []


def test_photos_are_unrelated(mesh: FaceMesh, rgb: NDArray[np.uint8]) -> None:
    before = mesh.find(rgb)
    assert mesh.find(np.zeros_like(rgb)) == []
    assert mesh.find(rgb)[0] == pytest.approx(before[0], abs=1e-3)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (500, MIN_SIDE - 1, 3)])
def test_an_image_too_small_for_a_face_is_refused(mesh: FaceMesh, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f"{shape[1]}×{shape[0]} px: too small"):
        mesh.find(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((240, 320, 3), np.float32), ((240, 320, 3), np.uint16), ((240, 320), np.uint8), ((240, 320, 4), np.uint8),
     ((3, 240, 320), np.uint8)],
)  # fmt: skip
def test_what_is_not_an_rgb_image_is_refused(mesh: FaceMesh, shape: tuple[int, ...], kind: type) -> None:
    with pytest.raises(ValueError, match=r"image must be \(H, W, 3\) uint8 RGB"):
        mesh.find(np.zeros(shape, kind))


def test_a_face_is_followed_from_image_to_image(portrait: PhantomFace) -> None:
    video = PhantomVideo(portrait, PhantomScript(nuisance=Nuisance(sway_iod=0.2, noise=2.0)))
    with FaceMesh() as mesh:
        for t in (0.0, 0.2, 0.4, 0.6):
            faces = mesh.find(np.ascontiguousarray(video.frame(t)[..., ::-1]))
            assert len(faces) == 1
            assert away(faces[0], video.landmarks(t)).mean() < 0.05 * inter_ocular_distance(video.landmarks(t))


def test_no_more_faces_are_found_than_asked_for(rgb: NDArray[np.uint8]) -> None:
    half = rgb[:, :400]
    with FaceMesh(max_faces=1) as mesh:
        assert len(mesh.find(np.hstack([half, half]))) == 1


@pytest.mark.parametrize("visibility", [None, 0.5])
def test_points_are_read_whatever_else_their_list_holds(visibility: float | None) -> None:
    from mediapipe.framework.formats.landmark_pb2 import NormalizedLandmarkList

    points = np.random.default_rng(5).normal(size=(LANDMARKS, 3)).astype(np.float32)
    found = NormalizedLandmarkList()
    for x, y, z in points.tolist():
        found.landmark.add(x=x, y=y, z=z, visibility=visibility)
    assert np.array_equal(mesh_points(found), points)


def test_a_second_face_is_noticed_soon_and_in_silence(portrait: PhantomFace, capfd: pytest.CaptureFixture[str]) -> None:
    alone = np.ascontiguousarray(PhantomVideo(portrait, PhantomScript(())).frame(0.0)[..., ::-1])
    both = np.hstack([alone[:, 160:480], alone[:, 160:480]])
    with FaceMesh(max_faces=2) as found:
        assert [len(found.find(alone)) for _ in range(FORGET_AFTER + 5)] == [1] * (FORGET_AFTER + 5)
        # The pictures change at once, so that every face has to be found anew.
        assert [len(found.find(both)) for _ in range(SEARCH_EVERY + 4)][-2:] == [2, 2]
        assert [len(found.find(alone)) for _ in range(FORGET_AFTER + 5)][2:] == [1] * (FORGET_AFTER + 3)
    assert capfd.readouterr().err == ""
