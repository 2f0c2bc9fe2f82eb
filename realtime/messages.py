"""What travels between the nodes: msgspec structs, versioned, packed as msgpack.

Pixels never travel: a `Frame` or `Face` names a ticket of a shared-memory ring (`realtime.ring`).

Two clocks: `t_capture_ns` is the machine's monotonic clock when the frame was captured, so that the latency anywhere is
one subtraction; `t_media_ns` is the stream's own time (a file's timestamps, or the time since the stream began), and
the only time the spotter looks at.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias, TypeVar

import msgspec

from calib.facs import Label
from engines.regions import RegionMotion

VERSION = 1

FIRST_FACE = 1
"""Number of the first face that a stream shows."""

FIRST_SPOT = 1
"""Number of the first event that is spotted."""


class MessageError(ValueError):
    """Bytes that are no message of this version."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What every message carries.

    Attributes:
        v: version of the message format.
        seq: number of the frame it stems from, counted from 0 by capture.
        face_id: which face, from 1; -1 where no one face is meant.
        t_capture_ns: `time.monotonic_ns()` when that frame was captured.
        t_media_ns: that frame's time in the stream.
    """

    v: int = VERSION
    seq: int
    face_id: int = -1
    t_capture_ns: int
    t_media_ns: int


class Frame(Message, frozen=True, kw_only=True):
    """A frame lies in the frame ring: (height, width, 3) uint8 BGR under ticket `seq`."""

    width: int
    height: int


class Face(Message, frozen=True, kw_only=True):
    """A face's canonical crop lies in the crop ring: (256, 256, 3) uint8 RGB.

    Attributes:
        crop: ticket of the crop, cut with the held transform.
        transform: that transform, frame px to crop px, row by row (2, 3).
        epoch: number of the held transform; crops of one epoch can be compared without correction. A face that
            returns to where it was gets the transform and the number that it had there.
        next_crop: ticket of the same frame's crop under a new transform, which holds from the next frame on; -1 while
            the transform is held.
        next_epoch: the new transform's number.
        next_transform: the new transform, empty while the transform is held.
        landmarks: (478, 3) float32 frame px, as bytes.
        yaw_deg, pitch_deg, roll_deg: rough head pose; positive turns to image right, down, and clockwise.
        eye_opening: lid distance over eye width of the image-left and image-right eye.
        quality: 0–1, from the face's size, its pose and how much of it lies in the frame.
        more: how many faces of the same frame follow.
    """

    crop: int
    transform: tuple[float, ...]
    epoch: int
    next_crop: int = -1
    next_epoch: int = -1
    next_transform: tuple[float, ...] = ()
    landmarks: bytes
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    eye_opening: tuple[float, float]
    quality: float
    more: int = 0


class Lost(Message, frozen=True, kw_only=True):
    """A face left the picture or cannot be measured; its curves end here."""

    cause: str


class Motion(Message, frozen=True, kw_only=True):
    """What the 29 regions did since the face's curves began.

    Attributes:
        u_iod, v_iod: displacement of each region by the expression, IOD, right and down; order of `calib.face.REGIONS`.
        head: the head's motion since the anchor frame, A (2, 4) row by row, crop px per (1, x, y, z) in IOD.
        pose: how far the head has turned to the right and down, and come nearer, since the face's curves began: by so
            much of its depth a point is seen to move, about the sine of the angle; and a share of the face's size.
        turn_leak: share of a turn to the right, and down, that a region may seem to move by, σ: less, the better the
            face's relief is known.
        epoch: number of the face's anchor, from 0. Displacements are carried across to a new one; a face that returns
            to where it was gets the anchor that it had there, and loses with a step what was wrong with the others.
        iod_px: inter-ocular distance in the frame, px.
        noise_iod: typical frame-to-frame jitter of a region, IOD.
        magnitude_iod: second largest displacement of a region other than the eyelids, IOD.
        eye_opening: of the image-left and image-right eye.
        quality: of the face.
        engine: name of the flow engine that measured it; empty if unknown.
    """

    u_iod: tuple[float, ...]
    v_iod: tuple[float, ...]
    head: tuple[float, ...]
    epoch: int
    iod_px: float
    noise_iod: float
    magnitude_iod: float
    eye_opening: tuple[float, float]
    quality: float
    engine: str = ""
    pose: tuple[float, float, float] = (0.0, 0.0, 0.0)
    turn_leak: tuple[float, float] = (0.0, 0.0)


Phase = Literal["rising", "apex", "closed", "revoked"]
Kind = Literal["micro", "macro", "speech"]

KIND_NAMES: Mapping[Kind, str] = {"micro": "micro-expression", "macro": "macro-expression", "speech": "speech"}
"""What an event of a kind is called."""


class Spot(Message, frozen=True, kw_only=True):
    """An event as far as it is known; later phases correct earlier ones.

    Attributes:
        spot_id: number of the event, from 1, the same through its phases.
        phase: rising, apex, closed, or revoked (it was nothing).
        onset_ns, apex_ns, offset_ns: times in the stream; -1 while unknown. The offset is where the fall leads to, a
            moment ahead of the message perhaps.
        kind: micro (0.5 s or less), macro, or speech: a train of mouth movements; None while unknown.
        confidence: 0–1.
        magnitude_iod: largest mean displacement of a region, onset to apex, IOD.
        iod_px: inter-ocular distance in the frame, px.
        regions: movement of each region from onset to apex (from the apex phase on).
        noise_iod: floor of each of those regions, IOD.
        movements: how many movements of the mouth were joined into it: more than one in speech only.
        sketch: once it has closed, the colours of its expression flow within the face's outline: a PNG without a pixel
            of the face; empty if nothing could be measured.
        cut_off: the face, or the stream, was gone before the movement was over: its offset is when it was last seen.
    """

    spot_id: int
    phase: Phase
    onset_ns: int
    apex_ns: int = -1
    offset_ns: int = -1
    kind: Kind | None = None
    confidence: float = 0.0
    magnitude_iod: float = 0.0
    iod_px: float = 0.0
    regions: tuple[RegionMotion, ...] = ()
    noise_iod: tuple[float, ...] = ()
    movements: int = 1
    sketch: bytes = b""
    cut_off: bool = False


class Say(Message, frozen=True, kw_only=True):
    """Words about a spot: a piece of text as it is made, or (`final`) the whole with its facts, which replaces them.

    The pieces of one text have the same `spot_id` and `seq`: what was begun at the apex is begun anew at the close.

    Attributes:
        spot_id: which event; -1 where no one event is meant: then the text is a note about the narrator or the source,
            or (`final`) the summary of the whole session.
        text: the piece or the whole.
        final: whether it is the whole.
        action_units: codes, in the order of their numbers.
        label: the class.
        confidence: chance of the class if something moved, 0–1: the percentage in the words.
        narrator: name of who gave a final answer; empty where no narrator was asked.
    """

    spot_id: int
    text: str
    final: bool = False
    action_units: tuple[str, ...] = ()
    label: Label = "none"
    confidence: float = 0.0
    narrator: str = ""


class Status(Message, frozen=True, kw_only=True):
    """How a process is doing; the last value is what counts.

    Attributes:
        process: its name.
        state: starting, ready, running, ended, failed (will not work: do not restart) or crashed.
        detail: one line on a failure, or on what it is waiting for.
        fps: messages handled per second since the last status.
        handled: messages handled in all, also by those that were restarted.
        drops: frames skipped in all, alike.
        queue: messages waiting.
        p50_ms, p95_ms: latency from capture to the end of the process's step, since it was started, be it anew.
        restarts: how often it was restarted.
        pid: its process id.
    """

    process: str
    state: Literal["starting", "ready", "running", "ended", "failed", "crashed"]
    detail: str = ""
    fps: float = 0.0
    handled: int = 0
    drops: int = 0
    queue: int = 0
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    restarts: int = 0
    pid: int = 0


BREAK_NS = 500_000_000
"""After a longer time without a picture nobody knows what a face did meanwhile."""


class Gap(Message, frozen=True, kw_only=True):
    """Frames `from_seq` to `to_seq` (inclusive) were not looked at; `to_seq` < `from_seq` if only time was lost.

    Attributes:
        until_ns: when in the stream the lost time ended; -1 while that is not known.
    """

    from_seq: int
    to_seq: int
    cause: str
    until_ns: int = -1

    @property
    def frames(self) -> int:
        """How many frames were not looked at."""
        return max(self.to_seq - self.from_seq + 1, 0)


class End(Message, frozen=True, kw_only=True):
    """The stream is over; `error` says why if it broke off."""

    error: str = ""


class Annotation(Message, frozen=True, kw_only=True):
    """What the operator noted about a moment, `t_media_ns`, or the time from there to `until_ns`.

    Attributes:
        text: the note.
        until_ns: end of the noted time in the stream; -1 for a moment.
    """

    text: str
    until_ns: int = -1

    @property
    def end_ns(self) -> int:
        """Where the noted time ends; of a moment that is where it begins."""
        return self.t_media_ns if self.until_ns == -1 else self.until_ns


AnyMessage: TypeAlias = Frame | Face | Lost | Motion | Spot | Say | Status | Gap | End | Annotation

_M = TypeVar("_M", bound=Message)
_TIMES = ("onset_ns", "apex_ns", "offset_ns", "until_ns")

_decoder = msgspec.msgpack.Decoder(AnyMessage)
_encoder = msgspec.msgpack.Encoder()


def pack(message: AnyMessage) -> bytes:
    """The bytes of a message."""
    return _encoder.encode(message)


def unpack(data: bytes) -> AnyMessage:
    """The message in some bytes.

    Raises:
        MessageError: no message, or one of another version.
    """
    try:
        message: AnyMessage = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise MessageError(f"not a message of version {VERSION}: {error}") from error
    if message.v != VERSION:
        raise MessageError(f"message of version {message.v}; this program speaks version {VERSION}")
    return message


def shifted(message: _M, by_ns: int) -> _M:
    """A message at another time of the stream; what is unknown (-1) stays so."""
    if not by_ns:  # as in all but recordings that begin in the middle of a session
        return message
    names = ["t_media_ns", *(name for name in _TIMES if hasattr(message, name))]
    moved = {name: getattr(message, name) + by_ns for name in names if getattr(message, name) >= 0}
    return msgspec.structs.replace(message, **moved)
