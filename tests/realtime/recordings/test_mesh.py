from itertools import pairwise

import msgspec
import numpy as np
import pytest

from realtime.messages import Face
from realtime.recordings.mesh import STEP_PX, WHOLE_NS, MeshPacker, MeshUnpacker
from tests.realtime.messages import face


def points(of: Face) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.frombuffer(of.landmarks, np.float32)


def walk(count: int, face_id: int = 0) -> list[Face]:
    """A face that moves a little from frame to frame."""
    first = face(0.0, 0, face_id, seed=face_id)
    rng = np.random.default_rng(face_id)
    return [
        msgspec.structs.replace(
            first, seq=k, t_media_ns=k * 33_000_000,
            landmarks=(points(first) + rng.normal(0, 0.3, 1434).astype(np.float32)).tobytes(),
        )
        for k in range(count)
    ]  # fmt: skip


def test_points_come_back_to_half_a_step_for_every_face_by_itself() -> None:
    packer, unpacker = MeshPacker(), MeshUnpacker()
    for pair in zip(walk(70), walk(70, 1), strict=True):
        for sent in pair:
            mesh, bare = packer.pack(sent)
            assert bare.landmarks == b""
            unpacker.take(mesh)
            back = unpacker.restore(bare)
            assert np.abs(points(back) - points(sent)).max() <= STEP_PX / 2 + 1e-4
            assert msgspec.structs.replace(back, landmarks=sent.landmarks) == sent


def test_points_are_whole_once_a_second_and_small_in_between() -> None:
    packer = MeshPacker()
    meshes = [packer.pack(sent)[0] for sent in walk(100)]
    whole = [mesh.t_media_ns for mesh in meshes if mesh.whole]
    assert whole[0] == 0
    assert all(WHOLE_NS <= b - a < WHOLE_NS + 34_000_000 for a, b in pairwise(whole))
    assert np.mean([len(mesh.points) for mesh in meshes if not mesh.whole]) < 1434


def test_reading_can_begin_anywhere_and_a_damaged_mesh_costs_no_more_than_the_next_second() -> None:
    packer, unpacker = MeshPacker(), MeshUnpacker()
    packed = [packer.pack(sent) for sent in walk(70)]
    known = []
    for mesh, bare in packed[5:]:
        unpacker.take(msgspec.structs.replace(mesh, points=b"rubbish") if mesh.seq == 45 else mesh)
        known.append(unpacker.restore(bare).landmarks != b"")
    assert not any(known[:25])  # up to frame 31, the next whole one
    assert all(known[27:40])
    assert not any(known[40:55])
    assert all(known[57:])


@pytest.mark.parametrize("seed", range(3))
def test_points_far_outside_the_picture_are_kept(seed: int) -> None:
    sent = face(seed=seed, spread=900.0)
    mesh, bare = MeshPacker().pack(sent)
    unpacker = MeshUnpacker()
    unpacker.take(mesh)
    assert np.abs(points(unpacker.restore(bare)) - points(sent)).max() <= STEP_PX / 2 + 1e-3
