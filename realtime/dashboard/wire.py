"""What travels over the WebSocket, from the server to the page.

Everything is one line of JSON with a `type`, but for pictures, which are binary: four bytes with the length of a
header (little endian), the header as JSON, the mesh points of every face in the header's order, and the JPEG. What
belongs to a frame names its `seq`. Times are seconds of the stream, distances IOD but where `px` is said.
"""

import base64
import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from calib.face import LANDMARKS, REGIONS, Doubles
from calib.facs import ACTION_UNITS
from realtime.calibration import Calibration
from realtime.config import Config
from realtime.dashboard.moments import Moment
from realtime.messages import Annotation, End, Gap, Lost, Motion, Say, Spot, Status
from realtime.sources import source_kind

VERSION = 1
"""Of this protocol."""

STEPS_PER_IOD = 100_000
"""Displacements travel as whole numbers of this part of an IOD."""

STEPS_PER_PX = 8
"""Mesh points travel as int16, x and y in turn, in this part of a pixel of the picture."""


def text(value: Mapping[str, Any]) -> str:
    """A message as it travels."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def hello(config: Config, calibration: Calibration | None, session: str, video: bool) -> dict[str, Any]:
    """What a page must know first: names, settings, and whether there are pictures."""
    return {
        "type": "hello",
        "version": VERSION,
        "session": session,
        "source": source_kind(config.capture.source),
        "video": video,
        "threshold": config.spot.threshold_iod,
        "micro_s": config.spot.micro_s,
        "steps_per_iod": STEPS_PER_IOD,
        "steps_per_px": STEPS_PER_PX,
        "regions": [
            {"name": r.name, "part": r.part, "side": r.side, "points": r.landmarks, "radius": r.radius_iod}
            for r in REGIONS
        ],
        "units": {f"AU{unit.number}": unit.name for unit in ACTION_UNITS},
        "calibration": _calibration(calibration),
    }


def _calibration(calibration: Calibration | None) -> dict[str, Any] | None:
    if calibration is None:
        return None
    smallest = calibration.sensitivity.iod
    return {
        "made": calibration.set_up.made.isoformat(),
        "engine": calibration.set_up.engine,
        "sensitivity": smallest if np.isfinite(smallest) else None,
        "noise": calibration.noise()[1],
        "fps": calibration.camera.fps,
    }


def motion(seq: int, t_ns: int, motions: Mapping[int, Motion], away: Mapping[int, Doubles]) -> dict[str, Any]:
    """The curves' next point: how far every region of every face is from its rest."""
    faces = []
    for face_id, displacement in away.items():
        of = motions[face_id]
        u, v = np.rint(displacement.T * STEPS_PER_IOD).astype(int).tolist()
        faces.append({"id": face_id, "u": u, "v": v, "iod_px": round(of.iod_px, 1), "quality": round(of.quality, 3),
                      "noise": round(of.noise_iod, 6), "engine": of.engine})  # fmt: skip
    return {"type": "motion", "seq": seq, "t": _s(t_ns), "faces": faces}


def picture(moment: Moment, jpeg: bytes, width: int, height: int, away: Mapping[int, Doubles]) -> bytes:
    """A frame with what was found in it."""
    scale = STEPS_PER_PX * width / moment.frame.width
    faces, points = [], []
    for face_id, face in sorted(moment.faces.items()):
        mesh = np.frombuffer(face.landmarks, np.float32).reshape(LANDMARKS, 3)[:, :2]
        points.append(np.clip(np.rint(mesh * scale), -32768, 32767).astype("<i2").tobytes())
        entry: dict[str, Any] = {"id": face_id, "points": LANDMARKS, "yaw": round(face.yaw_deg, 1),
                                 "pitch": round(face.pitch_deg, 1), "roll": round(face.roll_deg, 1)}  # fmt: skip
        if (displacement := away.get(face_id)) is not None:
            entry["u"], entry["v"] = np.rint(displacement.T * STEPS_PER_IOD).astype(int).tolist()
        faces.append(entry)
    head = text(
        {"type": "picture", "seq": moment.frame.seq, "t": _s(moment.frame.t_media_ns), "width": width,
         "height": height, "faces": faces}
    ).encode()  # fmt: skip
    head += b" " * (-len(head) % 4)  # so that the points lie where an Int16Array may begin
    return struct.pack("<I", len(head)) + head + b"".join(points) + jpeg


def spot(message: Spot) -> dict[str, Any]:
    """An event as far as it is known."""
    regions = sorted(message.regions, key=lambda r: -r.mean_iod)
    return {
        "type": "spot", "id": message.spot_id, "face": message.face_id, "seq": message.seq,
        "t": _s(message.t_media_ns), "phase": message.phase, "kind": message.kind, "onset": _s(message.onset_ns),
        "apex": _known_s(message.apex_ns), "offset": _known_s(message.offset_ns), "cut_off": message.cut_off,
        "confidence": message.confidence, "magnitude": message.magnitude_iod, "iod_px": round(message.iod_px, 1),
        "regions": [
            {"name": r.name, "u": round(r.u_iod, 5), "v": round(r.v_iod, 5), "mean": round(r.mean_iod, 5),
             "direction": r.direction}
            for r in regions
        ],
        "sketch": base64.b64encode(message.sketch).decode(),
    }  # fmt: skip


def say(message: Say) -> dict[str, Any]:
    """Words: a piece as it is made, or the whole. About an event, or (-1) the summary of the session."""
    return {
        "type": "say", "id": message.spot_id, "t": _s(message.t_media_ns), "text": message.text,
        "final": message.final, "units": message.action_units, "label": message.label,
        "confidence": message.confidence,
    }  # fmt: skip


def remark(message: Say) -> dict[str, Any]:
    """What is to be known of the source or the narrator, as that the template speaks instead: words about no event."""
    return {"type": "remark", "t": _s(message.t_media_ns), "text": message.text}


def status(message: Status) -> dict[str, Any]:
    """How a process is doing."""
    return {
        "type": "status", "process": message.process, "state": message.state, "detail": message.detail,
        "fps": message.fps, "handled": message.handled, "drops": message.drops, "queue": message.queue,
        "p50_ms": round(message.p50_ms, 1), "p95_ms": round(message.p95_ms, 1), "restarts": message.restarts,
    }  # fmt: skip


def news(message: Lost | Gap | End) -> dict[str, Any]:
    """A face that went, frames or a time (until `until`) that were not looked at, or the end."""
    t_s = _s(message.t_media_ns)
    if isinstance(message, Lost):
        return {"type": "lost", "t": t_s, "face": message.face_id, "cause": message.cause}
    if isinstance(message, Gap):
        return {
            "type": "gap", "t": t_s, "until": _known_s(message.until_ns), "frames": message.frames,
            "cause": message.cause,
        }  # fmt: skip
    return {"type": "end", "t": t_s, "error": message.error}


def annotation(message: Annotation) -> dict[str, Any]:
    """The operator's note on a moment, or on the time until `until`."""
    until = _known_s(message.until_ns)
    return {"type": "annotation", "t": _s(message.t_media_ns), "until": until, "text": message.text}


def notice(level: str, words: str) -> dict[str, Any]:
    """Something that one viewer should know: level info, warning or error."""
    return {"type": "notice", "level": level, "text": words}


def _s(t_ns: int) -> float:
    return round(t_ns / 1e9, 6)


def _known_s(t_ns: int) -> float | None:
    """The same of what may be unknown (-1). Other times below 0 are known: they were before a recording began."""
    return None if t_ns == -1 else _s(t_ns)
