"""Finds the faces, keeps their numbers, and cuts crops that are held still while the face stays near.

Mesh points wander by tenths of a pixel from frame to frame; a crop fitted to them anew each time would move more than
a micro-expression does. So the crop's transform is held until the face has moved `hold_iod` in it, and on the frame
where it changes both crops are cut, so that the flow can be carried across without loss. A face that returns to where
it was for a while gets the crop that it had there: what was measured in it can be measured on.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.crop import cut_crop
from calib.face import (
    Doubles,
    Floats,
    crop_shift_iod,
    crop_transform,
    eye_centres,
    eye_opening,
    inter_ocular_distance,
)
from engines.landmarks import FaceMesh
from realtime.config import AlignConfig
from realtime.messages import FIRST_FACE, AnyMessage, Face, Frame, Gap, Lost
from realtime.ring import Ring

_STAY_NS = 1_000_000_000  # a crop that was held for less is not returned to
_MEMORY, _MEMORY_NS = 4, 30_000_000_000  # and to no more, and not after longer
_AT_ONCE = 1.4  # times `hold_iod`: flow from farther away is no longer to be trusted, and goes wrong by whole pixels
_BACK = 0.75  # of `hold_iod`: who is so near to where a crop was fitted has returned to it


@dataclass(eq=False)
class _Hold:
    """A crop's transform that is held, or was.

    Attributes:
        transform: (2, 3), frame px to crop px.
        epoch: its number.
        lasted_ns: how long it was held, all in all.
        seen_ns: when it was held last.
    """

    transform: Doubles
    epoch: int
    seen_ns: int
    lasted_ns: int = 0


@dataclass
class _Track:
    """A followed face.

    Attributes:
        hold: the crop's transform now.
        left: those that it had before, and to which it may return.
        epochs: how many it has had.
        near_ns: when the face was last near where its crop was fitted.
    """

    face_id: int
    landmarks: Floats
    hold: _Hold
    seen_ns: int
    present: bool
    near_ns: int
    left: list[_Hold] = field(default_factory=list)
    epochs: int = 1

    def change(self, transform: Doubles, t_ns: int) -> None:
        """Hold a new transform."""
        self.hold = _Hold(transform, self.epochs, t_ns)
        self.epochs += 1

    def leave(self, t_ns: int) -> None:
        """Remember the transform that is held, if it was for a while, and forget old and short ones."""
        if self.hold.lasted_ns >= _STAY_NS:
            self.left.append(self.hold)
        young = [hold for hold in self.left if t_ns - hold.seen_ns < _MEMORY_NS]
        self.left = sorted(young, key=lambda hold: hold.lasted_ns)[-_MEMORY:]


class AlignNode:
    """Takes `Frame`, gives `Face` (one a face), `Lost` when one goes, `Gap` when a frame was overwritten."""

    def __init__(self, config: AlignConfig, frames: Ring, crops: Ring, first_id: int = FIRST_FACE) -> None:
        """Load the mesh models; the first face gets the number `first_id`."""
        self._config, self._frames, self._crops = config, frames, crops
        self._mesh = FaceMesh(config.faces)
        self._tracks: list[_Track] = []
        self._next_id = first_id

    def close(self) -> None:
        """Release the models."""
        self._mesh.close()

    def step(self, message: AnyMessage) -> Iterator[AnyMessage]:
        """See the class."""
        if not isinstance(message, Frame):
            yield message
            return
        image = self._frames.view(message.seq)
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if image is not None else None
        if rgb is None or not self._frames.holds(message.seq):
            yield Gap(
                seq=message.seq, t_capture_ns=message.t_capture_ns, t_media_ns=message.t_media_ns,
                from_seq=message.seq, to_seq=message.seq, cause="frame overwritten before it was aligned",
            )  # fmt: skip
            return
        yield from self._forget(message)
        faces = self._mesh.find(np.asarray(rgb, dtype=np.uint8))
        matched = self._match(faces, message.t_media_ns)
        for track in self._tracks:
            if track.present and all(track is not m for m, _ in matched):
                track.present = False
                yield _lost(message, track.face_id, "face left the picture")
        for more, (track, landmarks) in zip(range(len(matched))[::-1], matched, strict=True):
            yield from self._face(message, track, landmarks, np.asarray(rgb, dtype=np.uint8), more)

    def _forget(self, frame: Frame) -> Iterator[AnyMessage]:
        """Drop the faces that were last seen too long ago, also when the stream itself was away."""
        limit_ns = self._config.lost_s * 1e9
        for track in self._tracks:
            if track.present and frame.t_media_ns - track.seen_ns > limit_ns:
                yield _lost(frame, track.face_id, "not seen for too long")
        self._tracks = [track for track in self._tracks if frame.t_media_ns - track.seen_ns <= limit_ns]

    def _match(self, faces: list[Floats], t_ns: int) -> list[tuple[_Track, Floats]]:
        """Give every face its track: the nearest one within two inter-ocular distances, else a new one."""
        pairs = []
        for index, face in enumerate(faces):
            for track in self._tracks:
                apart = np.hypot(*(np.mean(eye_centres(face), axis=0) - np.mean(eye_centres(track.landmarks), axis=0)))
                pairs.append((float(apart) / inter_ocular_distance(track.landmarks), index, track))
        pairs.sort(key=lambda pair: pair[:2])
        given: dict[int, _Track] = {}
        for apart, index, track in pairs:
            if apart < 2.0 and index not in given and all(track is not other for other in given.values()):
                given[index] = track
        for index in sorted(set(range(len(faces))) - given.keys()):
            track = _Track(self._next_id, faces[index], _Hold(crop_transform(faces[index]), 0, t_ns), t_ns, False, t_ns)
            self._next_id += 1
            self._tracks.append(track)
            given[index] = track
        return sorted(((given[i], faces[i]) for i in range(len(faces))), key=lambda pair: pair[0].face_id)

    def _face(
        self, frame: Frame, track: _Track, landmarks: Floats, rgb: NDArray[np.uint8], more: int
    ) -> Iterator[AnyMessage]:
        fitted, now_ns = crop_transform(landmarks), frame.t_media_ns
        off_iod = crop_shift_iod(track.hold.transform, fitted, landmarks)
        if track.present and off_iod > self._config.jump_iod:
            yield _lost(frame, track.face_id, "face jumped")
        if not track.present or off_iod > self._config.jump_iod:
            track.left.clear()
            track.change(fitted, now_ns)
            off_iod = 0.0
        else:
            off_iod = self._return(track, fitted, landmarks, off_iod, now_ns)
        track.present, track.seen_ns, track.landmarks = True, now_ns, landmarks
        if off_iod <= self._config.hold_iod:
            track.near_ns = now_ns
        held = track.hold
        held.lasted_ns, held.seen_ns = held.lasted_ns + now_ns - held.seen_ns, now_ns
        crop = self._crops.put(cut_crop(rgb, held.transform))
        next_crop, next_transform = -1, ()
        # The mesh wanders in a blink: a face that is only a little off may be back at once.
        if off_iod > _AT_ONCE * self._config.hold_iod or (now_ns - track.near_ns) / 1e9 >= self._config.hold_s:
            track.near_ns = now_ns
            next_crop = self._crops.put(cut_crop(rgb, fitted))
            next_transform = tuple(fitted.ravel().tolist())
            track.leave(now_ns)
            track.change(fitted, now_ns)
        yaw, pitch, roll = head_pose(landmarks)
        yield Face(
            seq=frame.seq, face_id=track.face_id, t_capture_ns=frame.t_capture_ns, t_media_ns=frame.t_media_ns,
            crop=crop, transform=tuple(held.transform.ravel().tolist()), epoch=held.epoch, next_crop=next_crop,
            next_epoch=track.hold.epoch if next_crop >= 0 else -1, next_transform=next_transform,
            landmarks=landmarks.tobytes(), yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll,
            eye_opening=eye_opening(landmarks), quality=_quality(landmarks, frame, yaw, pitch), more=more,
        )  # fmt: skip

    def _return(self, track: _Track, fitted: Doubles, landmarks: Floats, off_iod: float, now_ns: int) -> float:
        """Take up the crop that the face had for longest of all that it is near to; how far it is off then, IOD."""
        best = track.hold
        for hold in track.left:
            away_iod = crop_shift_iod(hold.transform, fitted, landmarks)
            if away_iod < _BACK * self._config.hold_iod and hold.lasted_ns > best.lasted_ns:
                best, off_iod = hold, away_iod
        if best is not track.hold:
            track.left.remove(best)
            track.leave(now_ns)
            best.seen_ns = now_ns
            track.hold = best
        return off_iod


def head_pose(landmarks: Floats) -> tuple[float, float, float]:
    """Rough yaw, pitch and roll in degrees from the mesh's depths: positive turns to image right, down, clockwise."""
    across = landmarks[263] - landmarks[33]
    down = landmarks[152] - landmarks[10]
    yaw = math.degrees(math.atan2(float(across[2]), float(np.hypot(across[0], across[1]))))
    pitch = -math.degrees(math.atan2(float(down[2]), float(np.hypot(down[0], down[1]))))
    roll = math.degrees(math.atan2(float(across[1]), float(across[0])))
    return yaw, pitch, roll


def _quality(landmarks: Floats, frame: Frame, yaw_deg: float, pitch_deg: float) -> float:
    """1 for a face of 60 px IOD or more, frontal and wholly in the frame; less the smaller, turned or cut off it is."""
    size = min(1.0, inter_ocular_distance(landmarks) / 60)
    frontal = max(0.0, math.cos(math.radians(yaw_deg))) * max(0.0, math.cos(math.radians(pitch_deg)))
    inside = (landmarks[:, 0] >= 0) & (landmarks[:, 0] < frame.width) & (landmarks[:, 1] >= 0)
    inside &= landmarks[:, 1] < frame.height
    return round(float(size * frontal * inside.mean()), 4)


def _lost(frame: Frame, face_id: int, cause: str) -> Lost:
    return Lost(
        seq=frame.seq, face_id=face_id, t_capture_ns=frame.t_capture_ns, t_media_ns=frame.t_media_ns, cause=cause
    )
