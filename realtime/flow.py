"""Measures every region's displacement: one flow a frame, from an anchor frame to now.

Displacement from one anchor has no drift. The anchor is renewed at rest, and when alignment takes a new crop; the
displacement reached by then is carried over, so that the curves go on without a step.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calib.face import (
    CROP_IOD,
    LANDMARKS,
    REGIONS,
    Doubles,
    Floats,
    crop_landmarks,
    inter_ocular_distance,
)
from engines.head import HeadFit
from engines.picture import flow_sketch
from engines.regions import RegionMeter, RegionMotion
from engines.runtime import CropError, FlowEngine, encode_all, open_engine
from realtime.config import FlowConfig
from realtime.messages import AnyMessage, Face, Gap, Lost, Motion
from realtime.ring import Ring

SEEN = np.array([region.part != "eyelid" for region in REGIONS])
"""The regions that can open an event: all but the eyelids."""

_REST_NS = 500_000_000
_STILL, _STILL_IOD = 2.5, 0.0005  # a face whose regions wander by so many times their jitter, or less than this, rests


@dataclass
class _Shot:
    """A frame of a face as the flow sees it: its crop, the same encoded, and the mesh points in it."""

    t_ns: int
    crop: NDArray[np.uint8]
    encoded: Any
    landmarks: Floats
    epoch: int

    def kept(self) -> "_Shot":
        """The same without the engine's features, which take six times the crop's memory."""
        return replace(self, encoded=None)


@dataclass
class _Curve:
    """A followed face: its anchor, what was carried up to it, and the last seconds."""

    anchor: _Shot
    fit: HeadFit
    meter: RegionMeter
    carried: Doubles
    epoch: int = 0
    history: deque[_Shot] = field(default_factory=deque)
    recent: deque[tuple[int, Doubles]] = field(default_factory=deque)
    jitter_iod: float = 0.001


@dataclass(frozen=True)
class Measured:
    """What one flow from onset to apex told.

    Attributes:
        regions: statistics of every region; none if there was nothing to measure.
        expression: the expression flow (256, 256, 2), px of the crop.
        landmarks: the onset's mesh points (478, 3), px of the crop.
    """

    regions: tuple[RegionMotion, ...] = ()
    expression: Floats | None = None
    landmarks: Floats | None = None

    @property
    def sketch(self) -> bytes:
        """The flow as a small picture (PNG) without a pixel of the face; nothing if nothing was measured."""
        if self.expression is None or self.landmarks is None:
            return b""
        return flow_sketch(self.expression, self.landmarks)


class FlowNode:
    """Takes `Face`, gives `Motion`; `Lost` when a crop cannot be measured, `Gap` when one was overwritten."""

    def __init__(self, config: FlowConfig, crops: Ring, engine: FlowEngine | None = None) -> None:
        """Open the engine.

        Args:
            config: settings.
            crops: where crops lie.
            engine: to use instead of the configured one; the caller keeps it.

        Raises:
            EngineError: the configured engine cannot be had.
        """
        self._config, self._crops = config, crops
        self._engine = engine or open_engine(config.engine, config.weights_folder)
        self._curves: dict[int, _Curve] = {}
        self._unseen: set[int] = set()  # faces whose loss was said

    def close(self) -> None:
        """Release the engine."""
        self._engine.close()

    def step(self, message: AnyMessage) -> Iterator[AnyMessage]:
        """See the class."""
        if isinstance(message, Lost):
            self._curves.pop(message.face_id, None)
        if not isinstance(message, Face):
            yield message
            return
        try:
            shot = self._shot(message, message.crop, message.transform, message.epoch)
            motion = self._motion(message, shot) if shot is not None else None
        except CropError as error:
            self._curves.pop(message.face_id, None)
            if message.face_id in self._unseen:
                return
            self._unseen.add(message.face_id)
            yield Lost(
                seq=message.seq, face_id=message.face_id, t_capture_ns=message.t_capture_ns,
                t_media_ns=message.t_media_ns, cause=str(error),
            )  # fmt: skip
            return
        if motion is None:
            yield Gap(
                seq=message.seq, face_id=message.face_id, t_capture_ns=message.t_capture_ns,
                t_media_ns=message.t_media_ns, from_seq=message.seq, to_seq=message.seq,
                cause="crop overwritten before its flow was measured",
            )  # fmt: skip
            return
        self._unseen.discard(message.face_id)
        yield motion

    def between(self, face_id: int, onset_ns: int, apex_ns: int) -> Measured:
        """What the face did from onset to apex, by one flow between the two frames.

        Args:
            face_id: which face.
            onset_ns, apex_ns: times in the stream; the nearest frames still at hand are taken.

        Returns:
            Statistics of every region and the flow; empty if the face is not followed any more or was cut off.
        """
        curve = self._curves.get(face_id)
        if curve is None or not curve.history:
            return Measured()
        # The crops may be cut by different transforms: those differ rigidly, so the head fit takes that out as well.
        onset, apex = (min(curve.history, key=lambda shot: abs(shot.t_ns - t)) for t in (onset_ns, apex_ns))
        try:
            fit = HeadFit(onset.landmarks)
        except CropError:
            return Measured()
        fields = self._engine.flow(*encode_all(self._engine, [onset.crop, apex.crop]))
        expression = fields.facial - fit.head(fields)[0]
        return Measured(tuple(RegionMeter(onset.landmarks).measure(expression)), expression, onset.landmarks)

    def _shot(self, face: Face, ticket: int, transform: tuple[float, ...], epoch: int) -> _Shot | None:
        crop = self._crops.view(ticket)
        if crop is None:
            return None
        crop = crop.copy()
        if not self._crops.holds(ticket):
            return None
        points = np.frombuffer(face.landmarks, np.float32).reshape(LANDMARKS, 3)
        return _Shot(
            face.t_media_ns,
            crop,
            self._engine.encode(crop),
            crop_landmarks(np.reshape(transform, (2, 3)), points),
            epoch,
        )

    def _motion(self, face: Face, shot: _Shot) -> Motion:
        curve = self._curves.get(face.face_id)
        if curve is None:
            curve = self._curves[face.face_id] = _new_curve(shot, np.zeros((len(REGIONS), 2)))
        elif curve.anchor.epoch != shot.epoch:
            # The crop changed and its bridging frame was dropped: go on from the last displacement known.
            self._move_anchor(curve, shot, curve.recent[-1][1] if curve.recent else curve.carried)
        displacement, head = self._measure(curve, shot)
        self._remember(curve, shot, displacement)
        if face.next_crop >= 0:
            bridge = self._shot(face, face.next_crop, face.next_transform, shot.epoch + 1)
            if bridge is not None:
                self._move_anchor(curve, bridge, displacement)
        elif shot.t_ns - curve.anchor.t_ns > self._config.anchor_s * 1e9 and self._resting(curve):
            rest = np.median([d for _, d in list(curve.recent)[-5:]], axis=0)
            self._move_anchor(curve, shot, rest)
        lengths = np.hypot(displacement[SEEN, 0], displacement[SEEN, 1])
        points = np.frombuffer(face.landmarks, np.float32).reshape(LANDMARKS, 3)
        return Motion(
            seq=face.seq, face_id=face.face_id, t_capture_ns=face.t_capture_ns, t_media_ns=face.t_media_ns,
            u_iod=tuple(displacement[:, 0].tolist()), v_iod=tuple(displacement[:, 1].tolist()),
            head=tuple(head.ravel().tolist()), epoch=curve.epoch, iod_px=inter_ocular_distance(points),
            noise_iod=curve.jitter_iod, magnitude_iod=float(np.sort(lengths)[-2]),
            eye_opening=face.eye_opening, quality=face.quality, engine=self._engine.name,
        )  # fmt: skip

    def _measure(self, curve: _Curve, shot: _Shot) -> tuple[Doubles, Doubles]:
        """Displacement (29, 2) IOD since the curves began, and the head's motion since the anchor (2, 4)."""
        if shot is curve.anchor:
            return curve.carried, np.zeros((2, 4))
        fields = self._engine.flow(curve.anchor.encoded, shot.encoded)
        head, coefficients = curve.fit.head(fields)
        moved = curve.meter.displacements(fields.facial - head)
        return curve.carried + np.nan_to_num(moved), coefficients

    def _remember(self, curve: _Curve, shot: _Shot, displacement: Doubles) -> None:
        curve.history.append(shot.kept())
        while shot.t_ns - curve.history[0].t_ns > self._config.history_s * 1e9:
            curve.history.popleft()
        if curve.recent:
            step = np.abs(displacement[SEEN] - curve.recent[-1][1][SEEN])
            # The median step of a still face is 0.95 σ of one sample (1.349 / √2): a slow mean of it.
            curve.jitter_iod += 0.05 * (float(np.median(step)) / 0.954 - curve.jitter_iod)
        curve.recent.append((shot.t_ns, displacement))
        while shot.t_ns - curve.recent[0][0] > _REST_NS:
            curve.recent.popleft()

    def _resting(self, curve: _Curve) -> bool:
        if curve.recent[-1][0] - curve.recent[0][0] < 0.8 * _REST_NS:
            return False
        wander = np.stack([d for _, d in curve.recent]).std(axis=0).max(axis=1)
        # A small movement is no rest either: an anchor taken in the middle of it would shift all that follows.
        still_iod = float(np.clip(_STILL * curve.jitter_iod, _STILL_IOD, self._config.rest_iod))
        return bool(wander[SEEN].max() < still_iod and wander.max() < self._config.rest_iod)

    @staticmethod
    def _move_anchor(curve: _Curve, shot: _Shot, displacement: Doubles) -> None:
        curve.anchor, curve.carried = shot, displacement
        curve.fit, curve.meter = HeadFit(shot.landmarks), RegionMeter(shot.landmarks)
        curve.epoch += 1


def _new_curve(shot: _Shot, carried: Doubles) -> _Curve:
    return _Curve(shot, HeadFit(shot.landmarks), RegionMeter(shot.landmarks), carried)


def head_shift_iod(head: tuple[float, ...]) -> Doubles:
    """How far a `Motion.head` moved the middle of the face, (2,) IOD."""
    return np.reshape(head, (2, 4))[:, 0] / CROP_IOD
