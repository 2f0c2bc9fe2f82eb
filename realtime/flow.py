"""Measures every region's displacement: one flow a frame, from an anchor frame to now.

The anchor is renewed at rest, and when alignment takes a new crop (`realtime.curve`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from calib.face import CROP_IOD, LANDMARKS, Doubles, Floats, crop_landmarks, inter_ocular_distance
from engines.grid import NO_FLOW
from engines.runtime import (
    BatchEngine,
    CropError,
    FlowEngine,
    FlowFields,
    FollowingEngine,
    encode_each,
    open_engine,
)
from engines.trail import Step, flow_along
from realtime.config import FlowConfig
from realtime.curve import SEEN, Curve, Shot
from realtime.messages import AnyMessage, Face, Gap, Lost, Motion
from realtime.ring import Ring


@dataclass
class _Look:
    """A face of a frame that is being measured.

    Attributes:
        face: as it came.
        shot: the frame; none if its crop was overwritten.
        bridge: the same frame under the next transform, if there is one.
        curve: what the shot goes on with, or why there is none.
    """

    face: Face
    shot: Shot | None
    bridge: Shot | None
    curve: Curve | CropError | None = None

    @property
    def step(self) -> Step | None:
        """To where the flow is to be measured, if it is."""
        shot, curve = self.shot, self.curve
        if shot is None or not isinstance(curve, Curve) or shot is curve.anchor.shot:
            return None
        return Step(curve.anchor.trail, shot.crop, shot.encoded, shot.t_ns)


class FlowNode:
    """Takes `Face`, gives `Motion`; `Lost` when a crop cannot be measured, `Gap` when one was overwritten.

    An engine that gains by batches measures the faces of a frame together, once the last has come. With any other each
    is measured as it comes, and may be encoded ahead in another thread (`realtime.nodes.Ahead`).

    Attributes:
        engine: what measures.
    """

    def __init__(self, config: FlowConfig, crops: Ring, engine: FlowEngine | None = None) -> None:
        """Open the engine.

        Args:
            config: settings.
            crops: where crops lie.
            engine: to use instead of the configured one; the caller keeps it.

        Raises:
            EngineError: the configured engine cannot be had.
        """
        self._config, self._crops, self._owns = config, crops, engine is None
        self.engine = engine or open_engine(config.engine, config.weights_folder)
        self._together = isinstance(self.engine, BatchEngine)
        self._ready: dict[int, _Look] = {}  # by the crop's ticket
        self._waiting: list[Face] = []  # for the others of their frame
        self._curves: dict[int, Curve] = {}
        self._unseen: set[int] = set()  # faces whose loss was said

    def close(self) -> None:
        """Release the engine, unless it is the caller's."""
        if self._owns:
            self.engine.close()

    def prepare(self, message: AnyMessage) -> None:
        """See `realtime.nodes.Ahead`: encode a face's crops, unless the engine takes one call at a time."""
        if isinstance(message, Face) and not self._together:
            (self._ready[message.crop],) = self._looks([message])

    def step(self, message: AnyMessage) -> Iterator[AnyMessage]:
        """See the class."""
        if not isinstance(message, Face) or any(face.seq != message.seq for face in self._waiting):
            yield from self._measure_waiting()  # the rest of their frame was dropped
        if isinstance(message, Face):
            self._waiting.append(message)
            if not (self._together and message.more):
                yield from self._measure_waiting()
            return
        if isinstance(message, Lost):
            self._curves.pop(message.face_id, None)
        yield message

    def shots(self, face_id: int, onset_ns: int, apex_ns: int) -> tuple[Shot, Shot] | None:
        """The frames just before an event's onset and next in time to its apex.

        Args:
            face_id: which face.
            onset_ns, apex_ns: times in the stream.

        Returns:
            None if the face is not followed any more, or no frame from about either time is at hand.
        """
        curve = self._curves.get(face_id)
        if curve is None or not curve.history:
            return None
        onset, apex = curve.before(onset_ns), curve.nearest(apex_ns)
        return (onset, apex) if onset is not None and apex is not None else None

    def _measure_waiting(self) -> Iterator[AnyMessage]:
        """What the waiting faces did: all are of one frame, and no two the same."""
        faces, self._waiting = self._waiting, []
        ready = [self._ready.pop(face.crop) for face in faces if face.crop in self._ready]
        looks = ready or self._looks(faces)
        for look in looks:
            look.curve = self._curve(look.face, look.shot) if look.shot is not None else None
        steps = [look.step for look in looks]
        flows = iter(flow_along(self.engine, [step for step in steps if step is not None]))
        for look, step in zip(looks, steps, strict=True):
            yield from self._tell(look, next(flows) if step is not None else None)

    def _looks(self, faces: Sequence[Face]) -> list[_Look]:
        """Copies of the faces' crops, encoded."""
        looks = [
            _Look(
                face,
                self._shot(face, face.crop, face.transform, face.epoch),
                self._shot(face, face.next_crop, face.next_transform, face.next_epoch),
            )
            for face in faces
        ]
        shots = [shot for look in looks for shot in (look.shot, look.bridge) if shot is not None]
        for shot, encoded in zip(shots, encode_each(self.engine, [s.crop for s in shots]), strict=True):
            shot.encoded = encoded
        return looks

    def _shot(self, face: Face, ticket: int, transform: tuple[float, ...], epoch: int) -> Shot | None:
        crop = self._crops.copy(ticket)
        if crop is None:
            return None
        return Shot(face.t_media_ns, crop, crop_landmarks(np.reshape(transform, (2, 3)), _points(face)), epoch)

    def _curve(self, face: Face, shot: Shot) -> Curve | CropError:
        """The curve that a face goes on with, or begins."""
        try:
            shot.check()
            curve = self._curves.get(face.face_id)
            if curve is None:
                curve = self._curves[face.face_id] = Curve.begin(shot)
            elif curve.anchor.shot.epoch != shot.epoch:
                curve.follow_crop(shot)
        except CropError as error:
            return error
        return curve

    def _tell(self, look: _Look, fields: FlowFields | None) -> Iterator[AnyMessage]:
        face, motion = look.face, self._motion(look, fields)
        if isinstance(motion, Motion):
            self._unseen.discard(face.face_id)
            yield motion
        elif motion is None:
            yield Gap(
                seq=face.seq, face_id=face.face_id, t_capture_ns=face.t_capture_ns, t_media_ns=face.t_media_ns,
                from_seq=face.seq, to_seq=face.seq, cause="crop overwritten before its flow was measured",
            )  # fmt: skip
        else:
            self._curves.pop(face.face_id, None)
            if face.face_id not in self._unseen:
                self._unseen.add(face.face_id)
                yield Lost(
                    seq=face.seq, face_id=face.face_id, t_capture_ns=face.t_capture_ns, t_media_ns=face.t_media_ns,
                    cause=str(motion),
                )  # fmt: skip

    def _found(self, fields: FlowFields | None) -> Floats | None:
        """What an event's flow may begin with, if the engine can use that."""
        if not isinstance(self.engine, FollowingEngine):
            return None
        return fields.found if fields is not None else NO_FLOW

    def _motion(self, look: _Look, fields: FlowFields | None) -> Motion | CropError | None:
        """What a face did by the flow from its anchor; why it cannot be told; or None if its crop was overwritten."""
        face, shot, curve = look.face, look.shot, look.curve
        if shot is None:
            return None
        if not isinstance(curve, Curve):
            return curve
        displacement, head = curve.measure(fields, shot.t_ns)
        curve.remember(shot, displacement, self._found(fields), self._config.history_s)
        try:
            if look.bridge is not None:
                look.bridge.check()
                curve.move_anchor(look.bridge, displacement)
            elif (
                face.next_crop < 0
                and shot.t_ns - curve.anchor.shot.t_ns > self._config.anchor_s * 1e9
                and curve.resting(self._config.rest_iod)
            ):
                curve.move_anchor(shot, np.median([d for _, d in list(curve.recent)[-5:]], axis=0))
        except CropError as error:
            return error
        leak = curve.relief.sigma[SEEN].max(axis=0)
        lengths = np.hypot(displacement[SEEN, 0], displacement[SEEN, 1])
        return Motion(
            seq=face.seq, face_id=face.face_id, t_capture_ns=face.t_capture_ns, t_media_ns=face.t_media_ns,
            u_iod=tuple(displacement[:, 0].tolist()), v_iod=tuple(displacement[:, 1].tolist()),
            head=tuple(head.ravel().tolist()), epoch=curve.anchor.number, iod_px=inter_ocular_distance(_points(face)),
            noise_iod=curve.jitter_iod, magnitude_iod=float(np.sort(lengths)[-2]),
            eye_opening=face.eye_opening, quality=face.quality, engine=self.engine.name,
            pose=(float(curve.pose[0]), float(curve.pose[1]), float(curve.pose[2])),
            turn_leak=(float(leak[0]), float(leak[1])),
        )  # fmt: skip


def _points(face: Face) -> Floats:
    return np.frombuffer(face.landmarks, np.float32).reshape(LANDMARKS, 3)


def head_shift_iod(head: tuple[float, ...]) -> Doubles:
    """How far a `Motion.head` moved the middle of the face, (2,) IOD."""
    return np.reshape(head, (2, 4))[:, 0] / CROP_IOD
