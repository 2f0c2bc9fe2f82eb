"""One message of every type, with a value in every field."""

import numpy as np

from engines.regions import RegionMotion
from realtime.messages import (
    Annotation,
    AnyMessage,
    End,
    Face,
    Frame,
    Gap,
    Lost,
    Motion,
    Say,
    Spot,
    Status,
)


def face(t_s: float = 1.0, seq: int = 3, face_id: int = 0, seed: int = 0, spread: float = 40.0) -> Face:
    """A face with its points somewhere in a frame of 640×480."""
    rng = np.random.default_rng(seed)
    points = rng.normal((320.0, 240.0, 0.0), spread, (478, 3)).astype(np.float32)
    return Face(
        seq=seq, face_id=face_id, t_capture_ns=5, t_media_ns=round(t_s * 1e9), crop=7, transform=(0.5, 0, 1, 0, 0.5, 2),
        epoch=1, landmarks=points.tobytes(), yaw_deg=1.5, pitch_deg=-2.0, roll_deg=0.25, eye_opening=(0.3, 0.31),
        quality=0.9,
    )  # fmt: skip


def spot(spot_id: int = 0, onset_s: float = 1.0, offset_s: float = 1.4, **changes: object) -> Spot:
    """A closed micro-expression."""
    region = RegionMotion("Chin", 0.001, -0.012, 0.0125, 0.02, 95.0, "up", 0.9)
    values: dict[str, object] = {
        "seq": 40, "face_id": 0, "t_capture_ns": 9, "t_media_ns": round(offset_s * 1e9), "spot_id": spot_id,
        "phase": "closed", "onset_ns": round(onset_s * 1e9), "apex_ns": round((onset_s + 0.2) * 1e9),
        "offset_ns": round(offset_s * 1e9), "kind": "micro", "confidence": 0.8, "magnitude_iod": 0.0125,
        "iod_px": 100.0, "regions": (region,), "noise_iod": (0.003,), "sketch": b"\x89PNG",
    }  # fmt: skip
    return Spot(**{**values, **changes})  # type: ignore[arg-type]


def say(spot_id: int = 0, text: str = "Chin up 1.2 px.", t_s: float = 1.4, **changes: object) -> Say:
    """Final words."""
    values: dict[str, object] = {
        "seq": 40, "face_id": 0, "t_capture_ns": 9, "t_media_ns": round(t_s * 1e9), "spot_id": spot_id, "text": text,
        "final": True, "action_units": ("AU17",), "label": "negative", "confidence": 0.9,
    }  # fmt: skip
    return Say(**{**values, **changes})  # type: ignore[arg-type]


def frame(t_s: float, seq: int = 3, width: int = 640, height: int = 480) -> Frame:
    """A captured frame."""
    return Frame(seq=seq, t_capture_ns=5, t_media_ns=round(t_s * 1e9), width=width, height=height)


def one_of_each() -> list[AnyMessage]:
    """Every type once, a `Spot` with and without its kind."""
    motion = Motion(
        seq=3, face_id=0, t_capture_ns=5, t_media_ns=1_000_000_000, u_iod=(0.001,) * 29, v_iod=(-0.002,) * 29,
        head=(0.5,) * 8, epoch=2, iod_px=101.5, noise_iod=0.0005, magnitude_iod=0.012, eye_opening=(0.3, 0.3),
        quality=1.0, engine="dis",
    )  # fmt: skip
    at = {"seq": 3, "t_capture_ns": 5, "t_media_ns": 1_000_000_000}
    return [
        frame(1.0), face(), motion, spot(phase="rising", kind=None, apex_ns=-1, offset_ns=-1), spot(), say(),
        Lost(face_id=0, cause="face left the picture", **at), Gap(from_seq=4, to_seq=6, cause="align was behind", **at),
        Status(process="align", state="running", handled=9, p95_ms=12.5, **at),  # type: ignore[arg-type]
        Annotation(text="„so“", until_ns=2_000_000_000, **at), End(error="", **at),
    ]  # fmt: skip
