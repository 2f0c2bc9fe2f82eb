"""What happens in front of a camera and is no expression: winks, glances, head movements, light, compression.

A distractor says what it does to each part of the picture at a time; most do nothing to most parts. Every one of them
is a function of time alone, and does nothing outside its span.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from calib.face import Doubles
from calib.phantom.head import moved, turned


@dataclass(frozen=True)
class Distractor:
    """Something that happens from `start_s` to `end_s` and does nothing; what it is differs by kind.

    Attributes:
        start_s, end_s: its span, s.
        kind: its name in tables.
    """

    start_s: float
    end_s: float
    kind: ClassVar[str] = "nothing"

    def __post_init__(self) -> None:
        if not self.start_s < self.end_s:
            raise ValueError(f"{self.kind}: start {self.start_s} < end {self.end_s} does not hold")

    def active(self, t_s: float) -> bool:
        """Whether a time lies within its span."""
        return self.start_s < t_s < self.end_s

    def lids(self, t_s: float) -> tuple[float, float]:
        """How far the image-left and the image-right eye are closed, 0 to 1."""
        return 0.0, 0.0

    def gaze(self, t_s: float) -> float:
        """How far the irises are turned to image right, IOD."""
        return 0.0

    def strengths(self, t_s: float) -> dict[str, float]:
        """Amplitude in IOD of every action unit that it moves."""
        return {}

    @property
    def codes(self) -> frozenset[str]:
        """Every action unit that it ever moves."""
        return frozenset()

    def head(self, t_s: float) -> Doubles | None:
        """What it adds to the head's pose (4, 4), see `calib.phantom.head`; None at rest."""
        return None

    def gain(self, t_s: float) -> float:
        """By what it multiplies the light."""
        return 1.0

    def jpeg(self, t_s: float) -> int | None:
        """The JPEG quality it brings about, instead of the picture's own; None for none."""
        return None

    def share(self, t_s: float, move_s: float) -> float:
        """A smooth way there within `move_s`, a stay, and back by its end: 0 to 1."""
        if not self.active(t_s):
            return 0.0
        edge_s = min(move_s, (self.end_s - self.start_s) / 2)
        nearest_s = min(t_s - self.start_s, self.end_s - t_s, edge_s)
        return 0.5 - 0.5 * math.cos(math.pi * nearest_s / edge_s)


@dataclass(frozen=True)
class Wink(Distractor):
    """One eye closes and opens; only its lids move.

    Attributes:
        side: the viewer's.
    """

    side: Literal["Left", "Right"] = "Left"
    kind: ClassVar[str] = "wink"

    def lids(self, t_s: float) -> tuple[float, float]:
        """See the base."""
        closed = self.share(t_s, 0.12)
        return (closed, 0.0) if self.side == "Left" else (0.0, closed)


@dataclass(frozen=True)
class Gaze(Distractor):
    """A glance to one side and back; the irises move in the open eyes.

    Attributes:
        shift_iod: how far, IOD, to image right.
    """

    shift_iod: float = 0.05
    kind: ClassVar[str] = "gaze"

    def gaze(self, t_s: float) -> float:
        """See the base. A saccade of such a size takes about 0.05 s."""
        return self.shift_iod * self.share(t_s, 0.05)


@dataclass(frozen=True)
class HeadTurn(Distractor):
    """The head turns, stays and turns back.

    Attributes:
        yaw_deg: to image right, degrees.
        pitch_deg: down, degrees.
        move_s: time for each way, s.
    """

    yaw_deg: float = 6.0
    pitch_deg: float = 0.0
    move_s: float = 0.4
    kind: ClassVar[str] = "head turn"

    def head(self, t_s: float) -> Doubles | None:
        """See the base."""
        share = self.share(t_s, self.move_s)
        return turned(share * self.yaw_deg, share * self.pitch_deg) if share > 0 else None


@dataclass(frozen=True)
class Nod(Distractor):
    """The head nods some times.

    Attributes:
        pitch_deg: down, degrees.
        times: how often.
    """

    pitch_deg: float = 5.0
    times: int = 2
    kind: ClassVar[str] = "nod"

    def head(self, t_s: float) -> Doubles | None:
        """See the base."""
        if not self.active(t_s):
            return None
        share = (t_s - self.start_s) / (self.end_s - self.start_s)
        return turned(0.0, self.pitch_deg * math.sin(math.pi * self.times * share) ** 2)


@dataclass(frozen=True)
class Lean(Distractor):
    """The head comes nearer and goes back.

    Attributes:
        zoom: growth of the face, as a share of its size.
        move_s: time for each way, s.
    """

    zoom: float = 0.1
    move_s: float = 0.6
    kind: ClassVar[str] = "leaning in"

    def head(self, t_s: float) -> Doubles | None:
        """See the base."""
        share = self.share(t_s, self.move_s)
        return moved(0.0, 0.0, share * self.zoom) if share > 0 else None


@dataclass(frozen=True)
class LightStep(Distractor):
    """A lamp goes on and off again, at once.

    Attributes:
        step: change of the gain, as a share.
    """

    step: float = 0.08
    kind: ClassVar[str] = "light step"

    def gain(self, t_s: float) -> float:
        """See the base."""
        return 1 + self.step if self.active(t_s) else 1.0


@dataclass(frozen=True)
class Flicker(Distractor):
    """Lamps on the mains flicker, which beats against the frame rate.

    Attributes:
        hertz: of the lamps' light: twice the mains' frequency, which is never exact.
        depth: amplitude of the gain.
    """

    hertz: float = 99.9
    depth: float = 0.04
    kind: ClassVar[str] = "flicker"

    def gain(self, t_s: float) -> float:
        """See the base."""
        return 1 + self.depth * math.sin(2 * math.pi * self.hertz * t_s) if self.active(t_s) else 1.0


@dataclass(frozen=True)
class Exposure(Distractor):
    """The camera's exposure is led astray and recovers: the gain ramps to a level and back.

    Attributes:
        step: change of the gain at its height, as a share.
        move_s: time for each way, s.
    """

    step: float = 0.25
    move_s: float = 0.4
    kind: ClassVar[str] = "auto-exposure"

    def gain(self, t_s: float) -> float:
        """See the base."""
        return 1 + self.step * self.share(t_s, self.move_s)


@dataclass(frozen=True)
class KeyFrames(Distractor):
    """A poor compression whose quality jumps up with every key frame and sinks until the next: texture pulses.

    Attributes:
        period_s: from one key frame to the next, s.
        low, high: JPEG quality long after a key frame, and on it.
    """

    period_s: float = 0.5
    low: int = 25
    high: int = 85
    kind: ClassVar[str] = "key frames"

    def jpeg(self, t_s: float) -> int | None:
        """See the base."""
        if not self.active(t_s):
            return None
        since = (t_s - self.start_s) % self.period_s / self.period_s
        return round(self.low + (self.high - self.low) * math.exp(-4 * since))
