"""A person's rest in a recording: the noise of every region, and where the face is in every frame."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from calib.face import (
    FACE_OVAL,
    LANDMARKS,
    Doubles,
    Floats,
    crop_landmarks,
    crop_transform,
    eye_centres,
    inter_ocular_distance,
)
from calib.implant import smooth_transforms, temporal_noise
from calib.neutral import Baseline, measure_baseline
from calib.phantom.scoring import Interval
from engines.runtime import FlowEngine
from realtime.config import Config
from realtime.messages import FIRST_FACE, Face, Lost, Motion, Spot
from realtime.recording import NoRestError, Progress, Recording
from realtime.rehearsal import rehearse
from realtime.spot import SpotNode

LEAST_S = 3.0
"""A shorter rest tells too little."""

LEAST_FPS = 10.0
"""Fewer frames a second show no micro-expression at all."""

DARKEST = 20.0
"""Mean grey level of a face below which nothing is to be seen in it."""

_WARM_UP_S = 1.0  # until the rest level is a median of something
_BLINK = 0.7  # an eye this much less open than usual is in a blink…
_BLINK_PAD_S = 0.15  # …which began and ends about so long before and after
_MOVE_PAD_S = 0.2
_MOVE_EVERY_S = 4.0  # one movement in so long is forgiven, and left out
_OTHERS = 0.05  # a second face that is really there is seen in more of the frames…
_OTHER_IOD = 1.5  # …and so far from the first; in noise the mesh at times sees one face twice
_NEW_CROPS = 2  # so often the face may leave its held crop


@dataclass(frozen=True)
class Rest:
    """What a rest has shown.

    Attributes:
        baseline: noise of each region.
        transforms: of every frame of the recording, (2, 3) frame px to crop px, without the mesh's tremble.
        mesh: (478, 3) the face's mean mesh points in the crop, px.
        iod_px: distance between the eyes in the frames, px.
        brightness: mean grey level of the face.
        noise: σ of the pixels' noise, grey levels.
        busy: when the eyes blinked or something moved, s of the stream.
    """

    baseline: Baseline
    transforms: tuple[Doubles, ...]
    mesh: Floats
    iod_px: float
    brightness: float
    noise: float
    busy: tuple[Interval, ...]


def measure_rest(recording: Recording, config: Config, engine: FlowEngine, progress: Progress) -> Rest:
    """Look at a recording as the pipeline does and see how still it is.

    Args:
        recording: some seconds of one face.
        config: settings of the pipeline.
        engine: measures the flow.
        progress: told how far it is.

    Raises:
        NoRestError: it is no rest, or cannot be measured; says why and what to do.
    """
    _check_length(recording)
    faces: list[Face] = []
    distances: list[Doubles] = []
    moves: dict[int, Interval] = {}
    start_s = recording.times_ns[0] / 1e9
    taken_s, others = start_s + _WARM_UP_S, 0
    spot = SpotNode(config.spot)
    with closing(rehearse(recording, config, engine, spot, lambda index, image: image, faces=2)) as messages:
        for message in messages:
            if isinstance(message, (Face, Lost)) and message.face_id != FIRST_FACE:
                others += isinstance(message, Face) and bool(faces) and _apart(message, faces[-1])
            elif isinstance(message, Face):
                faces.append(message)
            elif isinstance(message, Lost):
                lost_s = message.t_media_ns / 1e9 - start_s
                raise NoRestError(f"{message.cause} after {lost_s:.1f} s: stay in the picture, near enough and in "
                                  "light, and look at the camera")  # fmt: skip
            elif isinstance(message, Motion):
                progress(len(faces) / len(recording.frames))
            elif isinstance(message, Spot):
                moves.pop(message.spot_id, None)
                if message.phase != "revoked":
                    end_ns = message.offset_ns if message.phase == "closed" else message.t_media_ns
                    moves[message.spot_id] = message.onset_ns / 1e9 - _MOVE_PAD_S, end_ns / 1e9 + _MOVE_PAD_S
            level = spot.rest(FIRST_FACE)
            if level is not None and level.settled_s > taken_s:
                taken_s = level.settled_s
                distances.append(level.away)
    if others > _OTHERS * len(recording.frames):
        raise NoRestError("a second face is in the picture: only the person to calibrate may be in it")
    if len(faces) < len(recording.frames):
        raise NoRestError("the face was not seen all the time: stay in the picture and look at the camera")
    _check_still(faces, list(moves.values()), recording.seconds, len(distances))
    meshes = [np.frombuffer(face.landmarks, np.float32).reshape(LANDMARKS, 3) for face in faces]
    times_s = [t / 1e9 for t in recording.times_ns]
    transforms = smooth_transforms([crop_transform(mesh) for mesh in meshes], times_s)
    placed = [crop_landmarks(transform, mesh) for transform, mesh in zip(transforms, meshes, strict=True)]
    brightness = _brightness(recording, meshes)
    if brightness < DARKEST:
        raise NoRestError(f"too dark: the face has a mean grey level of {brightness:.0f} of 255; turn a light on in "
                          "front of it")  # fmt: skip
    return Rest(
        measure_baseline(distances), tuple(transforms), np.median(placed, axis=0).astype(np.float32),
        float(np.median([inter_ocular_distance(mesh) for mesh in meshes])), brightness,
        temporal_noise(recording.frames), (*_blinks(faces), *moves.values()),
    )  # fmt: skip


def _check_length(recording: Recording) -> None:
    seconds, count = recording.seconds, len(recording.frames)
    if seconds < LEAST_S:
        raise NoRestError(f"only {seconds:.1f} s with a face ({count} frames): a rest must be {LEAST_S:.0f} s long at "
                          "least, better 8 (--seconds)")  # fmt: skip
    if (count - 1) / seconds < LEAST_FPS:
        raise NoRestError(f"only {(count - 1) / seconds:.0f} frames a second: {LEAST_FPS:.0f} are needed at least: "
                          "more light, a smaller size or another camera gives more")  # fmt: skip


def _apart(other: Face, face: Face) -> bool:
    """Whether two faces are two people's."""
    ours, theirs = (np.frombuffer(f.landmarks, np.float32).reshape(LANDMARKS, 3) for f in (face, other))
    away = np.mean(eye_centres(theirs), axis=0) - np.mean(eye_centres(ours), axis=0)
    return float(np.hypot(*away)) > _OTHER_IOD * inter_ocular_distance(ours)


def _check_still(faces: Sequence[Face], moves: Sequence[Interval], seconds: float, samples: int) -> None:
    again = "keep a resting face (blinking is fine) and try again"
    if sum(face.epoch != before.epoch for before, face in pairwise(faces)) > _NEW_CROPS:
        raise NoRestError(f"the head moved too much: lean back, hold it still, {again}")
    if len(moves) > max(1.0, seconds / _MOVE_EVERY_S):
        first = faces[0].t_media_ns / 1e9
        when = ", ".join(f"{onset + _MOVE_PAD_S - first:.1f}" for onset, _ in sorted(moves))
        raise NoRestError(f"the face moved {len(moves)} times in {seconds:.0f} s (at {when} s): {again}")
    if samples < 0.4 * len(faces):
        raise NoRestError(f"the face was still in {samples} of {len(faces)} frames only: {again}")


def _brightness(recording: Recording, meshes: Sequence[Floats]) -> float:
    """Mean grey level within the face's outline, of some frames."""
    levels = []
    for image, mesh in list(zip(recording.frames, meshes, strict=True))[:: max(1, len(meshes) // 10)]:
        inside = np.zeros(image.shape[:2], np.uint8)
        cv2.fillPoly(inside, [np.round(mesh[list(FACE_OVAL), :2]).astype(np.int32)], 1)
        levels.append(cv2.mean(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), inside)[0])
    return float(np.mean(levels))


def _blinks(faces: Sequence[Face]) -> list[Interval]:
    """When the eyes were less open than they are as a rule, s of the stream."""
    opening = np.array([np.mean(face.eye_opening) for face in faces])
    shut = opening < _BLINK * np.median(opening)
    times_s = [face.t_media_ns / 1e9 for face, closed in zip(faces, shut, strict=True) if closed]
    return [(t_s - _BLINK_PAD_S, t_s + _BLINK_PAD_S) for t_s in times_s]
