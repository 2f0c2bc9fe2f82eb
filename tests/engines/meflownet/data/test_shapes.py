from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from calib.face import CROP_IOD, LANDMARKS, Doubles, Floats, crop_landmarks, crop_transform
from engines.meflownet.data.shapes import ANCHORS, CELL, GRID, OUTLINE, ShapeModel

REAL = Path(__file__).parents[5] / "shared" / "data" / "ict" / "ict_face_light.npz"
needs_scans = pytest.mark.skipif(not REAL.is_file(), reason="the scanned shapes are not here")

VERTICES = 6600
SIDE = 80  # the synthetic skin is a plane of 80×80 vertices, 0.25 units apart
PAIRS = ANCHORS + OUTLINE
EYES = {1507: (-4.4, 3.4), 1528: (-1.9, 3.4), 3742: (1.9, 3.4), 3721: (4.4, 3.4)}
BUMP = (3.0, -3.0)


def photo_of(neutral: NDArray[Any], pixels: float = 30.0, angle: float = 0.0) -> Floats:
    """The landmarks of a photo that shows exactly this neutral face, turned in the image by an angle."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    landmarks = np.zeros((LANDMARKS, 3), np.float32)
    for vertex, point in PAIRS:
        landmarks[point, :2] = turn @ (neutral[vertex, :2] * [pixels, -pixels]) + 320
    return landmarks


def tiny() -> dict[str, NDArray[Any]]:
    """A plane that faces the camera, a patch behind it, loose vertices for the anchors; one bump and two non-shapes."""
    random = np.random.default_rng(3)
    neutral = np.full((VERTICES, 3), -50.0, np.float32)
    anchors = [vertex for vertex, _ in PAIRS]
    neutral[anchors] = random.uniform(-6, 6, (len(anchors), 3))
    for vertex, place in EYES.items():
        neutral[vertex, :2] = place
    free = np.setdiff1d(np.arange(VERTICES), anchors)
    grid, behind = free[: SIDE * SIDE].reshape(SIDE, SIDE), free[SIDE * SIDE :][:4]
    y, x = np.mgrid[:SIDE, :SIDE] * 0.25 - 10.0
    neutral[grid] = np.stack([x, y, np.zeros_like(x)], -1)
    neutral[behind] = [(1, -5, -3), (5, -5, -3), (5, -1, -3), (1, -1, -3)]
    quads = np.stack([grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]], -1).reshape(-1, 4)
    triangles = np.array([[*behind[:3], -1], [behind[0], *behind[2:], -1]])
    deltas = np.zeros((3, VERTICES, 3), np.float16)
    height = np.exp(-((x - BUMP[0]) ** 2 + (y - BUMP[1]) ** 2) / 4)
    deltas[0][grid] = height[..., None] * [0.6, 0.8, 0.5]
    deltas[0][behind] = (0, -9, 0)
    deltas[1] = deltas[0]
    deltas[2][grid] = height[..., None] * [0, 0.01, 3]
    names = np.array(["mouthSmile_L", "eyeLookUp_L", "towardsTheCamera"])
    faces = np.vstack([quads, triangles]).astype(np.int32)
    return {"neutral": neutral, "faces": faces, "expr_names": names, "expr_delta": deltas}


def saved(folder: Path, arrays: dict[str, NDArray[Any]]) -> Path:
    np.savez(folder / "shapes.npz", **arrays)
    return folder / "shapes.npz"


def longest(field: NDArray[np.float16]) -> tuple[Doubles, Doubles]:
    """Where a field's longest vector is, crop px, and the vector."""
    sizes = np.hypot(*field.astype(np.float64).transpose(2, 0, 1))
    row, column = np.unravel_index(sizes.argmax(), sizes.shape)
    return CELL * np.array([column, row]) + 1.5, field[row, column].astype(np.float64)


def test_a_shape_becomes_a_field_of_one_iod_where_it_is_in_the_crop(tmp_path: Path) -> None:
    arrays = tiny()
    model = ShapeModel(saved(tmp_path, arrays))
    assert model.names == ("mouthSmile_L",)
    fields = model.fields(photo_of(arrays["neutral"]))
    assert fields.shape == (1, GRID, GRID, 2)
    assert fields.dtype == np.float16
    place, vector = longest(fields[0])
    # The eyes are 6.3 units apart, halfway at (0, 3.4); what is up in the model is up in the image, against its y.
    wanted = np.array([128, 102]) + np.array([BUMP[0], 3.4 - BUMP[1]]) * CROP_IOD / 6.3
    assert np.abs(place - wanted).max() < CELL
    assert vector == pytest.approx([0.6 * CROP_IOD, -0.8 * CROP_IOD], abs=0.3)
    assert np.abs(fields[0, :8]).max() < 0.1


def test_the_field_belongs_to_the_crop_however_the_photo_is_scaled_and_turned(tmp_path: Path) -> None:
    arrays = tiny()
    model = ShapeModel(saved(tmp_path, arrays))
    upright, turned = (photo_of(arrays["neutral"], *how) for how in ((30.0, 0.0), (11.0, 0.4)))
    in_crop = crop_landmarks(crop_transform(turned), turned)
    fields = [model.fields(landmarks).astype(np.float64) for landmarks in (upright, turned, in_crop)]
    assert max(np.abs(fields[0] - other).max() for other in fields[1:]) < 0.1


def test_a_face_outside_the_crop_gives_no_motion_instead_of_nonsense(tmp_path: Path) -> None:
    arrays = tiny()
    landmarks = photo_of(arrays["neutral"])
    others = [point for vertex, point in PAIRS if vertex not in EYES]
    landmarks[others, 1] += 1e5
    assert np.isfinite(ShapeModel(saved(tmp_path, arrays)).fields(landmarks)).all()


def test_eyes_that_coincide_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="eyes"):
        ShapeModel(saved(tmp_path, tiny())).fields(np.zeros((LANDMARKS, 3), np.float32))


@pytest.mark.parametrize("content", [None, b"", b"not an archive", b"PK\x03\x04 cut off"])
def test_a_missing_or_damaged_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "shapes.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"shapes\.npz: expected the ICT FaceKit shapes"):
        ShapeModel(path)


def test_a_file_damaged_inside_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path, tiny())
    content = bytearray(path.read_bytes())
    content[2000:2100] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"shapes\.npz: expected the ICT FaceKit shapes"):
        ShapeModel(path)


def test_a_single_array_is_no_set_of_shapes(tmp_path: Path) -> None:
    with (tmp_path / "shapes.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match="expected the ICT FaceKit shapes"):
        ShapeModel(tmp_path / "shapes.npz")


@pytest.mark.parametrize("name", ["neutral", "faces", "expr_names", "expr_delta"])
def test_every_array_is_needed(tmp_path: Path, name: str) -> None:
    arrays = tiny()
    del arrays[name]
    with pytest.raises(ValueError, match=f"expected the ICT FaceKit shapes.*{name}"):
        ShapeModel(saved(tmp_path, arrays))


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("neutral", np.zeros((468, 3), np.float32), r"neutral is \(468, 3\)"),
        ("neutral", np.array(1.0), r"neutral is \(\)"),
        ("neutral", np.full((VERTICES, 3), np.nan, np.float32), "not all finite"),
        ("faces", np.zeros((5, 3), np.int32), r"faces are \(5, 3\)"),
        ("faces", np.full((5, 4), VERTICES, np.int32), "outside 0 to 6599"),
        ("faces", np.zeros((5, 4), np.int32), "none of its faces looks towards"),
        ("expr_names", np.array(["mouthSmile_L"]), r"\(1,\) names do not go with deltas"),
        ("expr_delta", np.zeros((3, 10, 3), np.float16), r"names do not go with deltas \(3, 10, 3\)"),
    ],
)
def test_foreign_arrays_are_refused(tmp_path: Path, name: str, value: NDArray[Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        ShapeModel(saved(tmp_path, {**tiny(), name: value}))


@pytest.fixture(scope="module")
def scanned() -> tuple[dict[str, NDArray[np.float16]], Floats]:
    """The fields of the real shapes on their own neutral face, by name, and its landmarks in the crop."""
    with np.load(REAL) as arrays:
        landmarks = photo_of(arrays["neutral"])
    model = ShapeModel(REAL)
    fields = model.fields(landmarks)
    return dict(zip(model.names, fields, strict=True)), crop_landmarks(crop_transform(landmarks), landmarks)


def motion_at(field: NDArray[np.float16], point: Floats) -> Doubles:
    column, row = np.round((point[:2] - 1.5) / CELL).astype(int)
    return np.asarray(field[row, column] / np.float64(CROP_IOD))


@needs_scans
def test_only_motion_of_visible_skin_is_kept(scanned: tuple[dict[str, NDArray[np.float16]], Floats]) -> None:
    fields, _ = scanned
    assert len(fields) == 45
    assert not [name for name in fields if name.startswith(("Pupil", "eyeLook", "mouthClose", "jawForward"))]
    for field in fields.values():
        assert np.hypot(*longest(field)[1]) == pytest.approx(CROP_IOD, abs=0.05)


@needs_scans
@pytest.mark.parametrize(
    ("name", "point", "other", "way"),
    [
        ("mouthSmile_L", 291, 61, (1, -1)),  # the subject's left is image right: outwards is +x, up is -y
        ("mouthSmile_R", 61, 291, (-1, -1)),
        ("mouthFrown_L", 291, 61, (0, 1)),
        ("browDown_R", 107, 300, (0, 1)),
        ("browInnerUp_L", 336, 70, (0, -1)),
        ("eyeBlink_L", 385, 160, (0, 1)),
        ("jawOpen", 17, 168, (0, 1)),
    ],
)
def test_shapes_move_what_they_are_named_after(
    scanned: tuple[dict[str, NDArray[np.float16]], Floats], name: str, point: int, other: int, way: tuple[int, int]
) -> None:
    fields, landmarks = scanned
    moved, still = (motion_at(fields[name], landmarks[index]) for index in (point, other))
    for axis in (0, 1):
        assert moved[axis] * way[axis] > 0.15 or not way[axis]
    assert np.hypot(*still) < 0.3 * np.hypot(*moved)


@needs_scans
def test_the_sides_mirror_each_other(scanned: tuple[dict[str, NDArray[np.float16]], Floats]) -> None:
    fields, _ = scanned
    lefts = [name for name in fields if name.endswith("_L")]
    assert len(lefts) > 15
    for name in lefts:
        left, right = (fields[name[:-1] + side].astype(np.float64) for side in "LR")
        # The face is symmetric about x = 128, the cells about 127.5: the mirrored samples lie a pixel apart.
        error = left[:, ::-1] * [-1, 1] - right
        assert np.sqrt((error**2).mean() / (right**2).mean()) < 0.25, name


@needs_scans
@pytest.mark.parametrize("name", ["mouthSmile_L", "browInnerUp_R", "browDown_L", "noseSneer_R", "jawOpen"])
def test_a_fifth_of_an_iod_does_not_fold_the_skin(
    scanned: tuple[dict[str, NDArray[np.float16]], Floats], name: str
) -> None:
    field = 0.2 * scanned[0][name].astype(np.float64)
    down, right = np.gradient(field, CELL, axis=(0, 1))
    assert ((1 + right[..., 0]) * (1 + down[..., 1]) - right[..., 1] * down[..., 0]).min() > 0.1
