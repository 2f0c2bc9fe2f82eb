"""Displacement curves without pictures: motions as the flow node would give them, of movements known exactly."""

from collections.abc import Iterator, Sequence

import numpy as np

from calib.face import REGIONS, Doubles
from calib.facs import pattern
from calib.phantom import PhantomEvent
from realtime.config import SpotConfig
from realtime.messages import AnyMessage, Motion, Spot
from realtime.spot import SpotNode


def motion(t_s: float, displacement: Doubles, seq: int = 0, face_id: int = 0, noise_iod: float = 0.0005) -> Motion:
    """A motion at a time with a given displacement (29, 2) IOD and a still head."""
    return Motion(
        seq=seq, face_id=face_id, t_capture_ns=0, t_media_ns=round(t_s * 1e9), u_iod=tuple(displacement[:, 0].tolist()),
        v_iod=tuple(displacement[:, 1].tolist()), head=(0.0,) * 8, epoch=0, iod_px=100.0, noise_iod=noise_iod,
        magnitude_iod=0.0, eye_opening=(0.3, 0.3), quality=1.0,
    )  # fmt: skip


def displacement(events: Sequence[PhantomEvent], t_s: float) -> Doubles:
    """What some events have moved the regions by at a time, (29, 2) IOD."""
    total = np.zeros((len(REGIONS), 2))
    for event in events:
        for code, amplitude in event.units:
            total += event.strength(t_s) * amplitude * pattern(code)
    return total


def perform(
    events: Sequence[PhantomEvent], times_s: Sequence[float], noise_iod: float = 0.0008, seed: int = 0
) -> Iterator[Motion]:
    """Motions of a performance at given times, with the noise of a webcam."""
    rng = np.random.default_rng(seed)
    for seq, t_s in enumerate(times_s):
        yield motion(
            t_s,
            displacement(events, t_s) + noise_iod * rng.standard_normal((len(REGIONS), 2)),
            seq,
            noise_iod=noise_iod,
        )


def spots(messages: Sequence[AnyMessage] | Iterator[AnyMessage]) -> list[Spot]:
    """What the spotter says of some messages."""
    node = SpotNode(SpotConfig())
    return [out for message in messages for out in node.step(message) if isinstance(out, Spot)]


def closed(found: Sequence[Spot]) -> list[Spot]:
    """The spots that have closed."""
    return [spot for spot in found if spot.phase == "closed"]
