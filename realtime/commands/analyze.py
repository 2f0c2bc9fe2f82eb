"""`mellm analyze`."""

import dataclasses
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from realtime.commands.options import (
    ERRORS,
    RATE_ASSUMED,
    CalibrationFile,
    ConfigFile,
    Engine,
    Faces,
    NarratorName,
    UsageError,
    complain,
    note,
    plain,
    reason,
    settings_from,
)
from realtime.environment import one_thread

if TYPE_CHECKING:
    from realtime.exports.tables import Event

SLOW_FPS = 15
"""Below this frame rate a rise of a tenth of a second is not sampled twice."""


def analyze(
    videos: Annotated[
        list[Path],
        Parameter(negative="", help="Video files, folders or .npy stacks of frames, or recordings with their video."),
    ],
    *,
    out: Annotated[Path, Parameter(help="Folder for the results; one folder a video in it.")],
    fps: Annotated[float, Parameter(help="Frame rate of folders and stacks of frames [default: 30].")] = 0.0,
    faces: Faces = None,
    engine: Engine = "",
    narrator: NarratorName = "",
    calibration: CalibrationFile = None,
    config: ConfigFile = None,
) -> int:
    """Analyse recorded videos without loss: events.jsonl, .csv, .eaf and .png, motion.parquet and summary.txt for each.

    Of several videos, OUT/events.csv holds the events of all, each with its video's path.

    A narrator whose model or server cannot be used is an error; one that fails over an event has the template narrator
    answer for it, and a note says so.

    For example:
      mellm analyze interviews/*.mp4 --out results
      mellm analyze a.mp4 --out results --narrator gguf:models/qwen3-0.6b-q8_0.gguf
    """
    settings = settings_from(config, faces, engine, narrator, calibration)
    settings = dataclasses.replace(
        settings, capture=dataclasses.replace(settings.capture, fps=fps or settings.capture.fps)
    )
    if not videos:
        raise UsageError("no videos given; try: mellm analyze interview.mp4 --out results")
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from engines.runtime import open_engine
    from realtime.analyze import OutputError, output_names
    from realtime.analyze import analyze as analyze_one
    from realtime.exports.tables import write_events_csv
    from realtime.source import SourceError
    from realtime.sources import tells_no_time

    failed, found = 0, list["Event"]()
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[at]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    # Drawing it four times a second is enough to see, and leaves the processor to the work.
    shown = Progress(*columns, console=ERRORS, transient=True, refresh_per_second=4, disable=not ERRORS.is_terminal)
    with ExitStack() as stack:
        stack.enter_context(one_thread())
        bar = stack.enter_context(shown)
        # Opening an engine takes a second: as long as three seconds of video.
        opened = open_engine(settings.flow.engine, settings.flow.weights_folder) if len(videos) > 1 else None
        if opened is not None:
            stack.callback(opened.close)
        for video, name in zip(videos, output_names(videos), strict=True):
            task = bar.add_task(video.name, total=_length_s(video, settings.capture.fps), at="")

            def advance(t_s: float, task: "int" = int(task)) -> None:
                bar.update(task, completed=t_s, at=f"{t_s:.1f} s")  # type: ignore[arg-type]

            try:
                done = analyze_one(video, name, out, settings, advance, opened)
            except (SourceError, OutputError, OSError) as error:
                failed += 1
                complain(reason(error))
                continue
            finally:
                bar.remove_task(task)
            if 0 < done.fps < SLOW_FPS:
                note(bar.console, f"{video} has {done.fps:.0f} fps: micro-expressions fall between its frames")
            if not settings.capture.fps and tells_no_time(str(video)):
                note(bar.console, f"{video}: {RATE_ASSUMED}")
            for text in done.notes:
                note(bar.console, f"{video}: {text}")
            found += [dataclasses.replace(event, video=str(video)) for event in done.events]
            kinds = [event.kind for event in done.events]
            speech = f", {kinds.count('speech')} speech" if "speech" in kinds else ""
            bar.console.print(
                f"{video}: {kinds.count('micro')} micro, {kinds.count('macro')} macro{speech} "
                f"in {done.duration_s:.1f} s → {done.folder}", soft_wrap=True,
            )  # fmt: skip
    if len(videos) > 1 and failed < len(videos):
        write_events_csv(found, out / "events.csv")
        plain().print(f"all events: {out / 'events.csv'}", soft_wrap=True)
    return 1 if failed else 0


def _length_s(video: Path, fps: float) -> float | None:
    """A video's length for the progress bar, if it can be told."""
    from realtime.config import CaptureConfig
    from realtime.source import SourceError
    from realtime.sources import open_source

    try:
        source = open_source(CaptureConfig(source=str(video), fps=fps))
    except SourceError:
        return None
    try:
        return source.frames / source.fps if source.frames > 0 else None
    finally:
        source.close()
