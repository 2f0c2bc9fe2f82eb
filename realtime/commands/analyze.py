"""`mellm analyze`."""

import dataclasses
import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from realtime.commands.options import (
    ERRORS,
    CalibrationFile,
    ConfigFile,
    Engine,
    Faces,
    NarratorName,
    UsageError,
    check_folder,
    complain,
    note,
    plain,
    reason,
    settings_from,
    within,
)

if TYPE_CHECKING:
    from rich.console import Console

    from realtime.analyze import Analysis

TABLE = "events.csv"
"""The events of several videos."""

SLOW_FPS = 15
"""Below this frame rate a rise of a tenth of a second is not sampled twice."""


def analyze(
    videos: Annotated[
        list[Path],
        Parameter(negative="", help="Video files, folders or .npy stacks of frames, or recordings with their video."),
    ],
    *,
    out: Annotated[Path, Parameter(help="Folder for the results; one folder a video in it.")],
    fps: Annotated[
        float,
        Parameter(validator=within("capture.fps"), help="Frame rate of folders and stacks of frames [default: 30]."),
    ] = 0.0,
    jobs: Annotated[
        int,
        Parameter(help="Videos analysed at once, each by a process of its own [default: one for every two cores]."),
    ] = 0,
    faces: Faces = None,
    engine: Engine = "",
    narrator: NarratorName = "",
    calibration: CalibrationFile = None,
    config: ConfigFile = None,
) -> int:
    """Analyse recorded videos without loss: events.jsonl, .csv, .eaf and .png, motion.parquet and summary.txt for each.

    Of several videos, OUT/events.csv holds the events of all, each with its video's path; after Ctrl-C, of those that
    were done. A video's own earlier results are replaced, another's never, and no table with events of another.

    A narrator whose model or server cannot be used is an error; one that fails over an event has the template narrator
    answer for it, and a note says so.

    For example:
      mellm analyze interviews/*.mp4 --out results
      mellm analyze interviews/*.mp4 --out results --jobs 4
      mellm analyze a.mp4 --out results --narrator gguf:models/qwen3-0.6b-q8_0.gguf
    """
    settings = settings_from(config, faces, engine, narrator, calibration)
    settings = dataclasses.replace(
        settings, capture=dataclasses.replace(settings.capture, fps=fps or settings.capture.fps)
    )
    if not videos:
        raise UsageError("no videos given; try: mellm analyze interview.mp4 --out results")
    if jobs < 0:
        raise UsageError(f"--jobs {jobs}: at least one video at a time")
    check_folder("--out", out)
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    from realtime.analyze import Analysis, output_names
    from realtime.batch import Batch, analyze_all

    videos = _each_once(videos)
    _heed_rate(videos, fps)
    if len(videos) > 1:
        _check_table(videos, out / TABLE)
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[at]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    # Drawing it four times a second is enough to see, and leaves the processor to the work.
    shown = Progress(*columns, console=ERRORS, transient=True, refresh_per_second=4, disable=not ERRORS.is_terminal)
    tasks: dict[int, TaskID] = {}
    done: dict[int, Analysis] = {}

    def reached(number: int, t_s: float) -> None:
        if number not in tasks:
            video = videos[number]
            tasks[number] = bar.add_task(video.name, total=_length_s(video, settings.capture.fps), at="")
        bar.update(tasks[number], completed=t_s, at=f"{t_s:.1f} s")

    batch = Batch(tuple(videos), tuple(output_names(videos)), out, settings)
    stopped = False
    try:
        with shown as bar, closing(analyze_all(batch, jobs or _at_once(), reached)) as outcomes:
            for number, outcome in outcomes:
                if number in tasks:
                    bar.remove_task(tasks[number])
                if not isinstance(outcome, Analysis):
                    complain(reason(outcome))
                    continue
                done[number] = outcome
                _report(bar.console, videos[number], outcome, settings.capture.fps)
    except KeyboardInterrupt:
        if len(videos) == 1:
            raise
        stopped = True
    if len(videos) > 1 and done:
        _write_together([(videos[number], done[number]) for number in sorted(done)], out)
    if stopped:
        complain(f"stopped: {len(done)} of {len(videos)} videos are done")
        return 130
    failed = len(videos) - len(done)
    if len(videos) > 1 and failed:
        complain(f"{failed} of {len(videos)} videos could not be analysed")
    return 1 if failed else 0


def _each_once(videos: list[Path]) -> list[Path]:
    """The videos without those that are given again, by another way to the same one perhaps, which is said."""
    given: dict[Path, Path] = {}
    for video in videos:
        first = given.setdefault(video.resolve(), video)
        if first is not video:
            also = "" if first == video else f", also as {first}"
            note(ERRORS, f"{video}: given twice{also}; it is analysed once")
    return list(given.values())


def _heed_rate(videos: list[Path], fps: float) -> None:
    """Say that videos which tell their own times are not played at another rate.

    Raises:
        UsageError: there is nothing that the rate is for.
    """
    from realtime.analyze import source_of
    from realtime.sources import tells_no_time

    timed = [video for video in videos if fps and video.exists() and not tells_no_time(source_of(video))]
    if not timed:
        return
    text = f"--fps {fps:g}: {timed[0]} tells its own times; if they are wrong, give its frames in a folder"
    if len(timed) == len(videos):
        raise UsageError(text)
    note(ERRORS, text)


def _check_table(videos: list[Path], table: Path) -> None:
    """Refuse to replace a table that holds anything but events of these videos.

    Raises:
        UsageError: it does.
    """
    from realtime.exports.tables import videos_in

    if not table.is_file():
        return
    given = {video.resolve() for video in videos}
    told = videos_in(table)
    if told is None:
        raise UsageError(f"{table}: is no table of events that was written here; choose another --out")
    other = next((video for video in told if Path(video).resolve() not in given), None)
    if other is not None:
        raise UsageError(f"{table}: holds events of {other}, too; give that as well, or choose another --out")


def _write_together(analyses: "list[tuple[Path, Analysis]]", out: Path) -> None:
    """Write one table with the events of several videos."""
    from realtime.exports.tables import write_events_csv

    found = [dataclasses.replace(event, video=str(video)) for video, done in analyses for event in done.events]
    write_events_csv(found, out / TABLE)
    plain().print(f"all events: {out / TABLE}", soft_wrap=True)


def _at_once() -> int:
    """How many videos keep this machine's cores busy: one takes nearly two."""
    return max(1, len(os.sched_getaffinity(0)) // 2)


def _report(console: "Console", video: Path, done: "Analysis", fps: float) -> None:
    """Say what an analysis found, and what is to be known of it; `fps` is the rate that was given, or 0."""
    from realtime.analyze import source_of
    from realtime.config import CaptureConfig
    from realtime.sources import assumed_rate

    if 0 < done.fps < SLOW_FPS:
        note(console, f"{video} has {done.fps:.3g} fps: micro-expressions fall between its frames")
    for text in (*assumed_rate(CaptureConfig(source=source_of(video), fps=fps)), *done.notes):
        note(console, f"{video}: {text}")
    kinds = [event.kind for event in done.events]
    speech = f", {kinds.count('speech')} speech" if "speech" in kinds else ""
    console.print(
        f"{video}: {kinds.count('micro')} micro, {kinds.count('macro')} macro{speech} "
        f"in {done.duration_s:.1f} s → {done.folder}", soft_wrap=True,
    )  # fmt: skip


def _length_s(video: Path, fps: float) -> float | None:
    """A video's length for the progress bar, if it can be told."""
    from realtime.analyze import source_of
    from realtime.config import CaptureConfig
    from realtime.source import SourceError
    from realtime.sources import source_length_s

    try:
        return source_length_s(CaptureConfig(source=source_of(video), fps=fps)) or None
    except SourceError:
        return None
