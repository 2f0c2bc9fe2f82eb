"""What was measured: plain numbers that go into a JSON file and come out of it as they were."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from bench.complaint import BenchError

VERSION = 1

HOPS = ("Frame", "Face", "Motion", "Spot", "Say")
"""Messages by whose arrival latency is measured, in the order of the stream."""

MAKERS = {"Frame": "capture", "Face": "align", "Motion": "perceive", "Spot": "perceive", "Say": "narrate"}
"""The process that makes each."""

PAGE = "page"
"""Name of the process that serves the page."""

SUPERVISOR = "supervisor"
"""Name of the process that watches the others and hears all messages: here, the benchmark itself."""

FEW = 20
"""Of fewer values the 95th percentile is the largest, and says no more."""


@dataclass(frozen=True)
class Spread:
    """Some measured times, ms: how many, the values that 50, 95 and 99 % do not exceed, and the largest."""

    n: int
    p50: float
    p95: float
    p99: float
    most: float

    @classmethod
    def of(cls, values_ms: ArrayLike) -> "Spread":
        """Of some values; zeros if there are none. Each quantile is one of the values (nearest rank)."""
        values = np.asarray(values_ms, np.float64)
        if not values.size:
            return cls(0, 0.0, 0.0, 0.0, 0.0)
        p50, p95, p99 = np.quantile(values, (0.5, 0.95, 0.99), method="inverted_cdf")
        return cls(int(values.size), *(round(float(v), 3) for v in (p50, p95, p99, values.max())))

    @property
    def few(self) -> bool:
        """Whether there are too few values to tell more of the slowest than the largest."""
        return self.n < FEW


@dataclass(frozen=True)
class Case:
    """One run of the pipeline: what the source gives, the flow engine, and how many browsers look at its page."""

    fps: float
    width: int
    height: int
    faces: int
    engine: str
    pages: int = 0

    @property
    def scene(self) -> str:
        """Everything but the rate, for people."""
        faces = "1 face" if self.faces == 1 else f"{self.faces} faces"
        pages = {0: "", 1: ", 1 page open"}.get(self.pages, f", {self.pages} pages open")
        return f"{self.width}×{self.height}, {faces}, {self.engine}{pages}"

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.scene}, {self.fps:g} fps"


@dataclass(frozen=True)
class Counts:
    """What became of the frames, after the warm-up.

    Attributes:
        captured: frames that capture gave; each was measured, skipped, or without a face.
        measured: frames of which at least one face's motion was measured.
        skipped: frames announced as not looked at, and of which no face was measured.
        faceless: the others.
        motions: faces measured, all frames together.
        spots: events closed.
        says: answers given.
        restarts: of processes, in the whole run.
        seconds: time that the captured frames span.
    """

    captured: int
    measured: int
    skipped: int
    motions: int
    spots: int
    says: int
    restarts: int
    seconds: float

    @property
    def faceless(self) -> int:
        """See the class."""
        return self.captured - self.measured - self.skipped

    @property
    def fps(self) -> float:
        """Frames measured a second."""
        return self.measured / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Usage:
    """Of one process: CPU, percent of one core, mean; memory, MB (10⁶ bytes), the most that was seen.

    Memory is the process's own and its share of what several processes map (PSS), so that it adds up.
    """

    cpu_percent: float
    memory_mb: float


@dataclass(frozen=True)
class Seen:
    """What reached a browser that looked at the page.

    Attributes:
        curves_fps: frames a second of whose curves something came.
        pictures_fps: pictures a second.
        megabits: of it all, a second.
    """

    curves_fps: float
    pictures_fps: float
    megabits: float


@dataclass(frozen=True)
class Window:
    """A stretch of a run.

    Attributes:
        t_s: when it began, s of the stream after the warm-up.
        frames: captured in it.
        skipped: of them.
        latency: by message, as in `Outcome`.
        memory_mb: by process, the most of its own: what no file backs and nobody shares.
    """

    t_s: float
    frames: int
    skipped: int
    latency: dict[str, Spread]
    memory_mb: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What one run of the pipeline gave.

    Attributes:
        case: what was run.
        engine: the flow engine that measured.
        counts: of the frames.
        late: how long after it was due a frame was captured; 0 where the source sets the time itself.
        latency: message → from the frame's capture to the message's arrival at a listener.
        own: process → from the arrival of what it works on to the arrival of what it made of it; of capture, from the
            capture to the arrival.
        first_word: from an event's apex to its first word.
        usage: by process.
        others_percent: CPU that all other programs took meanwhile, percent of one core.
        source_ms: what reading a frame of the source costs capture, median, ms.
        windows: the run bit by bit.
        seen: what reached each page, those counted since the warm-up.
    """

    case: Case
    engine: str
    counts: Counts
    late: Spread
    latency: dict[str, Spread]
    own: dict[str, Spread]
    first_word: Spread
    usage: dict[str, Usage]
    others_percent: float
    source_ms: float
    windows: tuple[Window, ...] = ()
    seen: tuple[Seen, ...] = ()

    @property
    def cpu_percent(self) -> float:
        """Of all processes together."""
        return sum(usage.cpu_percent for usage in self.usage.values())

    @property
    def memory_mb(self) -> float:
        """Of all processes together."""
        return sum(usage.memory_mb for usage in self.usage.values())

    def sustained(self, tolerance: float = 0.0) -> bool:
        """Whether the rate was held: no process restarted, no face lost, and all but a share of the frames measured.

        A run whose frames came late all the time (fewer than 99 % of the asked rate) held nothing.
        """
        counts = self.counts
        whole = counts.motions >= (1 - tolerance) * counts.captured * self.case.faces
        enough = counts.captured >= 0.99 * self.case.fps * counts.seconds
        return counts.captured > 0 and not counts.restarts and whole and enough


@dataclass(frozen=True)
class Ceiling:
    """The highest frame rate that a scene sustains.

    Attributes:
        scene: size, faces and engine.
        fps: the highest rate that was sustained; 0 if none was.
        failed_fps: the lowest rate that was not; 0 if all were.
        tried: every rate that was tried, in turn, and whether it was sustained.
    """

    scene: str
    fps: float
    failed_fps: float
    tried: tuple[tuple[float, bool], ...]


@dataclass(frozen=True)
class Pace:
    """What a piece of work takes alone.

    Attributes:
        name: of who does it.
        what: it is.
        ms: wall time of one piece.
        fps: pieces a second, all that run side by side together.
        note: more about it.
        batch: pairs a call.
        threads: how many ran side by side.
        apart_px: mean distance from the network's reference answer, px of the crop; -1 where there is none.
    """

    name: str
    what: str
    ms: Spread
    fps: float
    note: str = ""
    batch: int = 1
    threads: int = 1
    apart_px: float = -1.0


@dataclass(frozen=True)
class Report:
    """A whole benchmark.

    Attributes:
        kind: which one.
        facts: what and where it ran: (name, value).
        outcomes: runs of the pipeline.
        ceilings: highest rates.
        paces: pieces of it alone, and other programs.
        missing: what could not be measured, and why.
        stopped: why it ended before its time; empty if it did not.
        version: of this format.
    """

    kind: Literal["engines", "pipeline", "soak"]
    facts: tuple[tuple[str, str], ...]
    outcomes: tuple[Outcome, ...] = ()
    ceilings: tuple[Ceiling, ...] = ()
    paces: tuple[Pace, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)
    stopped: str = ""
    version: int = VERSION


def to_json(report: Report) -> bytes:
    """The report as JSON text."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def read_report(path: Path) -> Report:
    """A report out of its file.

    Raises:
        BenchError: it cannot be read, or is no report of this version.
    """
    try:
        report = msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as error:
        raise BenchError(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BenchError(f"{path}: not a report that mellm bench wrote with --json ({error})") from None
    if report.version != VERSION:
        raise BenchError(f"{path}: a report of version {report.version}; this program reads version {VERSION}")
    return report
