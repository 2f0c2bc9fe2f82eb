"""A recording as a page reads it: the same messages that a live page gets, a line each."""

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from calib.face import LANDMARKS
from realtime.dashboard import wire
from realtime.messages import AnyMessage, End, Face, Gap, Lost, Motion, Say, Spot
from realtime.recordings.answers import SUMMARY, Answers
from realtime.recordings.sessions import Recording, SessionInfo
from realtime.rests import Rests


def summary(info: SessionInfo) -> dict[str, Any]:
    """A recording at a glance."""
    counts = info.counts
    return {
        "name": info.path.name, "started": info.started.isoformat(), "source": info.source,
        "title": info.title,
        "duration": round(info.duration_s, 3), "frames": counts.frames,
        "fps": counts.fps, "faces": counts.faces, "micro": counts.micro, "macro": counts.macro,
        "speech": counts.speech, "drops": counts.drops, "engine": counts.engine, "video": info.has_video,
        "bytes": info.size_bytes, "complete": info.complete,
    }  # fmt: skip


def write_script(recording: Recording) -> Iterator[bytes]:
    """A recording's curves, events, words, remarks, gaps, summary and notes: messages as lines of JSON."""
    rests, answers = Rests(), Answers()
    group: dict[int, Motion] = {}
    for message in recording.messages(Motion, Spot, Say, Lost, Gap, End):
        answers.take(message)
        if isinstance(message, Motion):
            if group and next(iter(group.values())).seq != message.seq:
                yield _point(group, rests)
                group = {}
            group[message.face_id] = message
            continue
        if isinstance(message, (Spot, Lost)):
            rests.note(message)
        told = _news(message)
        if told is not None:
            yield _line(told)
    if group:
        yield _point(group, rests)
    whole = answers.summary(recording.info.duration_s)
    summary = Say(seq=-1, t_capture_ns=0, t_media_ns=0, spot_id=SUMMARY, final=True, text=whole)
    yield _line(wire.say(summary))
    for note in recording.notes:
        yield _line(wire.annotation(note))


def _point(group: dict[int, Motion], rests: Rests) -> bytes:
    one = next(iter(group.values()))
    away = {face_id: rests.away(motion) for face_id, motion in sorted(group.items())}
    return _line(wire.motion(one.seq, one.t_media_ns, group, away))


def _line(message: dict[str, Any]) -> bytes:
    return wire.text(message).encode() + b"\n"


def _news(message: AnyMessage) -> dict[str, Any] | None:
    if isinstance(message, Spot):
        return wire.spot(message)
    if isinstance(message, Say):
        if message.spot_id == SUMMARY:
            return None if message.final else wire.remark(message)
        return wire.say(message) if message.final else None
    if isinstance(message, (Lost, Gap, End)):
        return wire.news(message)
    return None


def write_faces(recording: Recording) -> Iterator[bytes]:
    """The mesh of every face of every frame, to be drawn over the video.

    A record a face: its time (float64, s), its number (int32), how many points follow (int32), and the
    points as int16, x and y in turn, in steps of 1 / `wire.STEPS_PER_PX` of a pixel of the video; little endian.
    """
    for message in recording.messages(Face):
        if not isinstance(message, Face) or not message.landmarks:
            continue
        mesh = np.frombuffer(message.landmarks, np.float32).reshape(LANDMARKS, 3)[:, :2]
        points = np.clip(np.rint(mesh * wire.STEPS_PER_PX), -32768, 32767).astype("<i2")
        yield struct.pack("<dii", message.t_media_ns / 1e9, message.face_id, LANDMARKS) + points.tobytes()
