"""Messages of a made-up session, heard by a tally whose clock is set by hand."""

from dataclasses import dataclass, field

from bench.pace.tally import Tally
from realtime.messages import AnyMessage, Face, Frame, Gap, Motion, Say, Spot, Status

MS = 1_000_000


@dataclass
class Clock:
    """Says what it was told."""

    now_ns: int = 0

    def __call__(self) -> int:
        return self.now_ns


@dataclass
class Stream:
    """Frames at a rate, from 1000 s on the clock; each message is heard when the test says."""

    warm_s: float = 0.0
    fps: float = 100.0
    window_s: float = 1.0
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.tally = Tally(self.warm_s, self.window_s, self.clock)

    def media_ns(self, seq: int) -> int:
        return round(seq * 1e9 / self.fps)

    def capture_ns(self, seq: int, late_ms: float = 0.0) -> int:
        return 1_000_000_000_000 + self.media_ns(seq) + round(late_ms * MS)

    def hear(self, message: AnyMessage, after_ms: float) -> None:
        """The tally hears a message so long after its frame's capture."""
        self.clock.now_ns = message.t_capture_ns + round(after_ms * MS)
        self.tally.take(message)

    def frame(self, seq: int, after_ms: float = 1.0, late_ms: float = 0.0) -> None:
        self.hear(
            Frame(
                seq=seq, t_capture_ns=self.capture_ns(seq, late_ms), t_media_ns=self.media_ns(seq), width=64, height=48
            ),
            after_ms,
        )

    def face(self, seq: int, after_ms: float, face_id: int = 0) -> None:
        self.hear(
            Face(
                seq=seq, face_id=face_id, t_capture_ns=self.capture_ns(seq), t_media_ns=self.media_ns(seq), crop=seq,
                transform=(), epoch=0, landmarks=b"", yaw_deg=0, pitch_deg=0, roll_deg=0, eye_opening=(0, 0), quality=1,
            ), after_ms,
        )  # fmt: skip

    def motion(self, seq: int, after_ms: float, face_id: int = 0) -> None:
        self.hear(
            Motion(
                seq=seq, face_id=face_id, t_capture_ns=self.capture_ns(seq), t_media_ns=self.media_ns(seq), u_iod=(),
                v_iod=(), head=(), epoch=0, iod_px=80, noise_iod=0, magnitude_iod=0, eye_opening=(0, 0), quality=1,
                engine="dis",
            ), after_ms,
        )  # fmt: skip

    def spot(self, seq: int, phase: str, after_ms: float, apex_s: float = 0.0, spot_id: int = 0) -> None:
        self.hear(
            Spot(
                seq=seq, face_id=0, t_capture_ns=self.capture_ns(seq), t_media_ns=self.media_ns(seq), spot_id=spot_id,
                phase=phase, onset_ns=0, apex_ns=round(apex_s * 1e9),  # type: ignore[arg-type]
            ), after_ms,
        )  # fmt: skip

    def say(self, seq: int, after_ms: float, final: bool = False, spot_id: int = 0) -> None:
        self.hear(
            Say(
                seq=seq, t_capture_ns=self.capture_ns(seq), t_media_ns=self.media_ns(seq), spot_id=spot_id, text="a",
                final=final,
            ), after_ms,
        )  # fmt: skip

    def gap(self, first: int, last: int, face_id: int = -1) -> None:
        self.hear(
            Gap(
                seq=last, face_id=face_id, t_capture_ns=self.capture_ns(last), t_media_ns=self.media_ns(last),
                from_seq=first, to_seq=last, cause="behind",
            ), 1.0,
        )  # fmt: skip

    def status(self, process: str, restarts: int) -> None:
        self.hear(Status(seq=0, t_capture_ns=0, t_media_ns=0, process=process, state="running", restarts=restarts), 0.0)

    def whole(self, seq: int, align_ms: float = 3.0, flow_ms: float = 10.0) -> None:
        """A frame that passes through."""
        self.frame(seq, 1.0)
        self.face(seq, 1.0 + align_ms)
        self.motion(seq, 1.0 + align_ms + flow_ms)
