"""Mesh points as a recording keeps them: whole steps of a pixel, and of most frames only what has changed.

478 points are 6 kB a frame as they travel, which is 100 MB in ten minutes. The steps from one frame to the next are
small numbers, of which a tenth of that is left.
"""

import zlib
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from realtime.messages import Face, Message

STEP_PX = 0.125
"""Mesh points wander by more than this from frame to frame of a still face."""

WHOLE_NS = 1_000_000_000
"""A face's points are written whole this often, so that reading can begin in the middle."""

_Steps = NDArray[np.int32]


class Mesh(Message, frozen=True, kw_only=True):
    """The landmarks of the `Face` that follows it in a recording.

    Attributes:
        whole: whether these are the points themselves, or what to add to the face's points of the `Mesh` before.
        step_px: what one step means, frame px.
        points: x, y and z of one point after another, in steps, int16: the low bytes of all, then the high ones;
            packed by zlib.
    """

    whole: bool
    step_px: float
    points: bytes


@dataclass
class MeshPacker:
    """Takes the landmarks out of faces, one after another."""

    _last: dict[int, _Steps] = field(default_factory=dict)
    _whole_ns: dict[int, int] = field(default_factory=dict)

    def pack(self, face: Face) -> tuple[Mesh, Face]:
        """The mesh of a face, and the face without it."""
        steps = np.rint(np.frombuffer(face.landmarks, np.float32) / STEP_PX).astype(np.int32)
        last, since_ns = self._last.get(face.face_id), self._whole_ns.get(face.face_id, 0)
        whole = last is None or last.size != steps.size or abs(face.t_media_ns - since_ns) >= WHOLE_NS
        change = steps if whole or last is None else steps - last
        if whole:
            self._whole_ns[face.face_id] = face.t_media_ns
        self._last[face.face_id] = steps
        # Bytes that are alike side by side: all low ones, then all high ones.
        planes = change.astype("<i2").view(np.uint8).reshape(-1, 2).T
        mesh = Mesh(
            seq=face.seq, face_id=face.face_id, t_capture_ns=face.t_capture_ns, t_media_ns=face.t_media_ns,
            whole=whole, step_px=STEP_PX, points=zlib.compress(planes.tobytes(), 6),
        )  # fmt: skip
        return mesh, msgspec.structs.replace(face, landmarks=b"")


@dataclass
class MeshUnpacker:
    """Puts the landmarks back."""

    _steps: dict[int, _Steps] = field(default_factory=dict)
    _mesh: dict[int, Mesh] = field(default_factory=dict)

    def take(self, mesh: Mesh) -> None:
        """Take in a face's mesh."""
        try:
            planes = np.frombuffer(zlib.decompress(mesh.points), np.uint8).reshape(2, -1)
        except (zlib.error, ValueError):
            self._steps.pop(mesh.face_id, None)  # damaged: nothing is known until the next whole one
            return
        change = np.ascontiguousarray(planes.T).view("<i2").reshape(-1).astype(np.int32)
        last = self._steps.get(mesh.face_id)
        if mesh.whole:
            self._steps[mesh.face_id] = change
        elif last is not None and last.size == change.size:
            self._steps[mesh.face_id] = last + change
        self._mesh[mesh.face_id] = mesh

    def restore(self, face: Face) -> Face:
        """The face with its landmarks, (478, 3) float32 frame px; without, if they are not known."""
        mesh, steps = self._mesh.get(face.face_id), self._steps.get(face.face_id)
        if mesh is None or steps is None or mesh.seq != face.seq:
            return face
        points = (steps * mesh.step_px).astype(np.float32)
        return msgspec.structs.replace(face, landmarks=points.tobytes())
