"""`mellm analyze`: videos in, events and curves out, without loss and faster than real time."""

import dataclasses
import datetime
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from engines.runtime import FlowEngine
from realtime.calibration import open_calibration
from realtime.chain import run_chain
from realtime.changes import changes
from realtime.config import Config
from realtime.exports.elan import eaf
from realtime.exports.tables import Event, MotionWriter, make_event, write_events
from realtime.messages import AnyMessage, End, Motion, Say, Spot
from realtime.output import OutputError, fresh_folder
from realtime.recorded import PHANTOMS
from realtime.recordings.journal import JOURNAL
from realtime.recordings.journal import VIDEO as FILM
from realtime.remarks import Remarks
from realtime.sheet import write_sheet
from realtime.source import SourceError
from realtime.sources import is_live, source_title, tells_no_time

VIDEO = "video.txt"
"""Says of which video a folder's results are: its whole path."""

RESULTS = ("events.jsonl", "events.csv", "events.eaf", "events.png", "motion.parquet", "summary.txt", VIDEO)
"""What an analysis writes."""

Progress = Callable[[float], None]
"""Called with the stream time reached, s."""


@dataclass(frozen=True)
class Analysis:
    """What became of one video.

    Attributes:
        folder: where the results are.
        events: what was found.
        faces: how many were followed.
        duration_s: length of the video.
        fps: median rate of frames with a face.
        notes: what people should know of it beside that (`realtime.remarks`).
        summary: of the whole video, a paragraph.
    """

    folder: Path
    events: tuple[Event, ...]
    faces: int
    duration_s: float
    fps: float
    notes: tuple[str, ...] = ()
    summary: str = ""


def output_names(videos: Sequence[Path]) -> list[str]:
    """A folder name for each video, whatever the order in which they come.

    It is the video's name without the suffix, or with it where another of that folder would be called the same; in
    front of it as many of the folders that it lies in as set it apart from the others.

    Args:
        videos: no two the same.
    """
    whole = [video.resolve() for video in videos]  # "." and ".." have no name of their own
    alike = Counter((path.parent, path.stem) for path in whole)
    names = [path.stem if alike[path.parent, path.stem] == 1 else path.name for path in whole]
    above = [list(path.parts[1:-1]) for path in whole]
    while True:
        shared = {name for name, count in Counter(names).items() if count > 1}
        longer = [
            f"{folders.pop()}-{name}" if name in shared and folders else name
            for name, folders in zip(names, above, strict=True)
        ]
        if longer == names:
            return names
        names = longer


def source_of(video: Path) -> str:
    """A recorded video as a source, also where a file or folder is called as a camera or the phantom is.

    Raises:
        SourceError: it is not there, or it is live.
    """
    name = str(video)
    url = name.replace(":/", "://", 1)  # as it was before it became a path
    live = name in PHANTOMS or is_live(url)
    if video.is_file() or video.is_dir():
        return f"./{name}" if live else name
    if live:
        raise SourceError(f"{source_title(url)}: analyze takes what is recorded; to watch this, use mellm live")
    if not video.exists():
        raise SourceError(f"{video}: no such file or folder")
    return name


def analyze(
    video: Path, name: str, out: Path, config: Config, progress: Progress, engine: FlowEngine | None = None,
    aside: Path | None = None,
) -> Analysis:  # fmt: skip
    """Analyse one video and write `out/name/`: the files of `RESULTS`.

    The folder appears complete or not at all, and replaces only earlier results of the same video. That it can be
    written is seen before any work.

    Args:
        video: what to analyse.
        name: of its folder.
        out: where that goes.
        config: settings.
        progress: hears how far it is.
        engine: a flow engine to use instead of opening the configured one; the caller keeps it.
        aside: where the results lie until they are complete; see `fresh_folder`.

    Raises:
        SourceError: the video cannot be read, breaks off, or shows no face.
        OutputError: the folder holds something that is not ours, or results of another video.
        OSError: the output cannot be written.
    """
    capture = dataclasses.replace(config.capture, source=source_of(video), paced=False)
    folder = out / name
    calibration = open_calibration(config.spot)
    found, remarks = _Found(video), Remarks(calibration)
    whose = os.fsencode(video.resolve()) + b"\n"
    _check_whose(folder, whose)
    with fresh_folder(folder, RESULTS, aside) as fresh:
        with MotionWriter(fresh / "motion.parquet") as motions:
            for message in run_chain(dataclasses.replace(config, capture=capture), engine):
                found.take(message)
                remarks.take(message)
                if isinstance(message, Motion):
                    motions.add(message)
                    progress(message.t_media_ns / 1e9)
        if not found.first:
            raise SourceError(f"{video}: no face found in {found.end_ns / 1e9:.1f} s of video")
        write_events(found.events, fresh)
        film = None if tells_no_time(capture.source) else video / FILM if (video / JOURNAL).is_file() else video
        made = datetime.datetime.fromtimestamp(video.stat().st_mtime).astimezone()
        (fresh / "events.eaf").write_bytes(eaf(found.events, [], made, film, folder))
        write_sheet(found.events, found.sketches, fresh / "events.png")
        changed = ", ".join(changes(config))
        settings = f"Settings other than the defaults: {changed}" if changed else "All settings were the defaults"
        how = f"{found.circumstances}; {'with' if calibration else 'without'} a calibration. {settings}."
        told = [found.summary, how, *(f"{text[0].upper()}{text[1:]}." for text in remarks.unseen)]
        (fresh / "summary.txt").write_text("\n".join(told) + "\n", encoding="utf-8")
        (fresh / VIDEO).write_bytes(whose)
    fps = found.fps
    length_s = found.end_ns / 1e9 + (1 / fps if fps else 0.0)  # to the end of the last frame, as of a recording
    return Analysis(folder, tuple(found.events), len(found.first), length_s, fps, remarks.all, found.summary)


def _check_whose(folder: Path, whose: bytes) -> None:
    """Refuse a folder with the results of another video.

    Args:
        folder: where results are to go.
        whose: what `VIDEO` is to say in it.

    Raises:
        OutputError: it has them, or does not say of which video it has some.
    """
    there = [name for name in RESULTS if (folder / name).is_file()]
    said = (folder / VIDEO).read_bytes() if VIDEO in there else b""
    if there and said != whose:
        other = os.fsdecode(said).strip() or "a video that it does not name"
        raise OutputError(f"{folder}: holds the results of {other}; choose another --out")


@dataclass
class _Found:
    """What a video's messages told so far, but for the curves, which are too long to keep.

    Attributes:
        video: it.
        end_ns: the stream's time.
        times_ns: of the frames with a face.
        first: each face's first motion.
        narrators: who answered.
        events, sketches: in the order in which they were answered.
        summary: of the whole video.
        closed: the events that wait for words.
    """

    video: Path
    end_ns: int = 0
    times_ns: list[int] = field(default_factory=list)
    first: dict[int, Motion] = field(default_factory=dict)
    narrators: set[str] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    sketches: list[bytes] = field(default_factory=list)
    summary: str = ""
    closed: dict[int, Spot] = field(default_factory=dict)

    @property
    def fps(self) -> float:
        """Median rate of the frames with a face; 0 of a single one."""
        return 1e9 / float(np.median(np.diff(self.times_ns))) if len(self.times_ns) > 1 else 0.0

    @property
    def circumstances(self) -> str:
        """What belongs to every number that is reported of a video: rate, sizes, engine, narrators, version."""
        sizes = " and ".join(f"{motion.iod_px:.0f}" for motion in self.first.values())
        engines = " and ".join(sorted({motion.engine for motion in self.first.values()}))
        told = f", told by {' and '.join(sorted(self.narrators))}" if self.narrators else ""
        try:
            program = f"mellm-live {version('mellm-live')}"
        except PackageNotFoundError:
            program = "mellm-live"
        return f"Measured by {program} with {engines}{told}; {self.fps:.4g} fps, {sizes} px between the eyes at first"

    def take(self, message: AnyMessage) -> None:
        """Take a message in.

        Raises:
            SourceError: the stream ended with an error.
        """
        self.end_ns = max(self.end_ns, message.t_media_ns)
        if isinstance(message, Motion):
            self.first.setdefault(message.face_id, message)
            if not self.times_ns or message.t_media_ns > self.times_ns[-1]:  # not another face of the same frame
                self.times_ns.append(message.t_media_ns)
        elif isinstance(message, Spot) and message.phase == "closed":
            self.closed[message.spot_id] = message
        elif isinstance(message, Say):
            self._hear(message)
        elif isinstance(message, End) and message.error:
            raise SourceError(message.error)

    def _hear(self, say: Say) -> None:
        if say.spot_id < 0 and say.final:
            self.summary = say.text
        elif say.final and say.spot_id in self.closed:
            spot = self.closed.pop(say.spot_id)
            self.narrators |= {say.narrator} - {""}  # nobody is asked about speech
            self.events.append(make_event(self.video.name, spot, say))
            self.sketches.append(spot.sketch)
