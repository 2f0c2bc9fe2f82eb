"""`mellm bench engines`, `pipeline` and `soak`: what frame rate and latency this machine really gives."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console

from bench.complaint import carry_out
from bench.pace import options
from bench.pace.bars import Bars
from bench.pace.options import Html, Json, Settings

if TYPE_CHECKING:
    from bench.pace.course import Course
    from bench.pace.results import Pace
    from realtime.config import Config

_ENGINE_HELP = "Flow engines, separated by commas; auto is what mellm live takes here."
_PAGES_HELP = "Browsers that look at the page of the session, as viewers that read all they are sent."
_SIZE_HELP = "Sizes of the frames, separated by commas, such as 640x480,1280x720,1920x1080."


def engines(
    *,
    engines: Annotated[str, Parameter(help="Only these, separated by commas; all of them if empty.")] = "",
    batch: Annotated[str, Parameter(help="Pairs a call, separated by commas.")] = "1,4",
    threads: Annotated[str, Parameter(help="Engines side by side, a thread each, separated by commas.")] = "1,2",
    seconds: Annotated[float, Parameter(help="How long each setting is timed.")] = 3.0,
    weights: Annotated[Path | None, Parameter(help="Folder of weights; without it, the shipped ones.")] = None,
    json: Json = None,
    html: Html = None,
) -> int:
    """Time every flow engine that works here, and hold it against the reference answer.

    For example:
      mellm bench engines --json engines.json --html engines.html
      mellm bench engines --engines meflownet,dis --batch 1,2,4 --threads 1
    """
    from bench.pace.closing import facts, finish
    from bench.pace.engines import measure_engines
    from bench.pace.results import Report

    def work() -> int:
        names = options.engine_names("--engines", engines, auto=False)
        batches = options.whole_numbers("--batch", batch, 1, 64)
        together = options.whole_numbers("--threads", threads, 1, 64)
        options.length("--seconds", seconds, 0.05, 3600, "s")
        options.writable(json, html)
        command = f"mellm bench engines --engines {','.join(names)} --batch {batch} --threads {threads}"
        told = facts(f"{command} --seconds {seconds:g}")
        paces: list[Pace] = []
        missing: dict[str, str] = {}
        stopped = ""
        try:
            with Bars() as bars:
                bars.begin("", len(names) * len(batches) * len(together))

                def show(what: str) -> None:
                    bars.at(len(paces), what)

                for pace in measure_engines(names, batches, together, weights, seconds, missing, show):
                    paces.append(pace)
        except KeyboardInterrupt:
            stopped = f"after {len(paces)} settings"
        return finish(Report("engines", told, paces=tuple(paces), missing=missing, stopped=stopped), None, json, html)

    return carry_out(work)


def pipeline(
    *,
    fps: Annotated[str, Parameter(help="Frame rates of the source, separated by commas, such as 30,60,100,200.")] = (
        "60"
    ),
    size: Annotated[str, Parameter(help=_SIZE_HELP)] = "640x480",
    faces: Annotated[str, Parameter(help="Faces in the picture, separated by commas, such as 1,2,3,4.")] = "1",
    engine: Annotated[str, Parameter(help=_ENGINE_HELP)] = "auto,dis",
    seconds: Annotated[float, Parameter(help="Length of each run, after its warm-up.")] = 30.0,
    highest: Annotated[bool, Parameter(help="Also search the highest rate that is sustained, a few minutes.")] = True,
    most_fps: Annotated[float, Parameter(help="No higher rate is tried for that.")] = 240.0,
    tolerate: Annotated[float, Parameter(help="Share of frames that a sustained rate may skip.")] = 0.0,
    peers: Annotated[bool, Parameter(help="Also time MediaPipe, the flow, analyze and py-feat alone.")] = True,
    camera: Annotated[
        bool, Parameter(negative="", help="Send the frames as JPEG over HTTP, as a network camera does.")
    ] = False,
    pages: Annotated[int, Parameter(help=_PAGES_HELP)] = 0,
    budgets: Annotated[Path | None, Parameter(help="TOML file of budgets; without it, the project's own.")] = None,
    config: Settings = None,
    json: Json = None,
    html: Html = None,
) -> int:
    """Run live sessions on faces made beforehand: frame rate, drops, latency of every hop, CPU and memory.

    Every frame rate is run at every size, with every number of faces and
    every engine. Then the highest rate that each of these sustains is
    searched. What the case in bench/budgets.toml uses beyond its budget is
    said; nothing fails.

    Close other programs first. What those that are left take of the CPU
    stands beside the numbers. Ctrl-C keeps the runs that were finished.

    For example:
      mellm bench pipeline --fps 60 --seconds 30 --json pipeline.json --html pipeline.html
      mellm bench pipeline --fps 30,60,100,200 --size 640x480,1280x720,1920x1080 --faces 1,2,3,4 --no-highest
      mellm bench pipeline --camera --fps 30 --engine auto --no-highest --no-peers
    """
    from bench.pace.budget import BUDGETS, read_budgets
    from bench.pace.closing import facts, finish
    from bench.pace.course import cases_of
    from bench.pace.results import Report

    def work() -> int:
        rates = options.numbers("--fps", fps, *options.RATES_FPS)
        counts = options.whole_numbers("--faces", faces, 1, options.MOST_FACES)
        names = options.engine_names("--engine", engine, auto=True)
        cases = cases_of(rates, options.sizes(size), counts, names, pages)
        options.length("--seconds", seconds, 1, 24 * 3600, "s")
        options.length("--most-fps", most_fps, *options.RATES_FPS, "frames a second")
        options.length("--pages", pages, 0, 16, "browsers")
        options.length("--tolerate", tolerate, 0, 0.5, "of the frames")
        options.writable(json, html)
        allowed = read_budgets(budgets or BUDGETS)
        settings = _settings(config)
        command = f"mellm bench pipeline --fps {fps} --size {size} --faces {faces} --engine {engine}"
        command += f" --seconds {seconds:g}" + ("" if highest else " --no-highest") + ("" if peers else " --no-peers")
        command += (
            (" --camera" if camera else "")
            + (f" --tolerate {tolerate:g}" if tolerate else "")
            + (f" --pages {pages}" if pages else "")
        )
        told = facts(command + (" with settings of one's own" if config is not None else ""))
        stopped = ""
        with _course(settings, seconds, tolerate, camera) as course:
            try:
                course.run(cases)
                if highest:
                    course.search(cases, most_fps)
                if peers:
                    course.alone(cases)
            except KeyboardInterrupt:
                stopped = f"after {len(course.outcomes)} of {len(cases)} runs"
        told = (*told, ("source", course.source()))
        report = Report(
            "pipeline", told, tuple(course.outcomes), tuple(course.ceilings), tuple(course.paces), course.missing,
            stopped,
        )  # fmt: skip
        return finish(report, allowed, json, html)

    return carry_out(work)


def soak(
    *,
    minutes: Annotated[float, Parameter(help="How long.")] = 60.0,
    fps: Annotated[float, Parameter(help="Frame rate of the source.")] = 30.0,
    size: Annotated[str, Parameter(help="Size of the frames.")] = "640x480",
    faces: Annotated[int, Parameter(help="Faces in the picture.")] = 1,
    engine: Annotated[str, Parameter(help="Flow engine; auto is what mellm live takes here.")] = "auto",
    pages: Annotated[int, Parameter(help=_PAGES_HELP)] = 0,
    config: Settings = None,
    json: Json = None,
    html: Html = None,
) -> int:
    """Run one live session for long: whether its latency or its memory grow.

    Ctrl-C ends it early; what was measured until then is kept.

    Example: mellm bench soak --minutes 60 --json soak.json --html soak.html
    """
    from bench.pace.closing import facts, finish
    from bench.pace.course import cases_of
    from bench.pace.results import Report

    def work() -> int:
        options.length("--minutes", minutes, 0.1, 60 * 24 * 30, "minutes")
        options.length("--fps", fps, *options.RATES_FPS, "frames a second")
        options.length("--pages", pages, 0, 16, "browsers")
        (case,) = cases_of(
            (fps,), options.sizes(size)[:1], options.whole_numbers("--faces", str(faces), 1, options.MOST_FACES),
            options.engine_names("--engine", engine, auto=True)[:1], pages,
        )  # fmt: skip
        options.writable(json, html)
        settings = _settings(config)
        told = facts(
            f"mellm bench soak --minutes {minutes:g} --fps {fps:g} --size {size} --faces {faces} --engine {engine}"
            + (f" --pages {pages}" if pages else "")
        )
        stopped = ""
        with _course(settings, 60 * minutes, 0.0, False) as course:
            try:
                course.soak(case)
            except KeyboardInterrupt:
                spent_s = course.keep()
                stopped = f"after {spent_s / 60:.1f} of {minutes:g} minutes"
        told = (*told, ("source", course.source()))
        report = Report("soak", told, tuple(course.outcomes), missing=course.missing, stopped=stopped)
        return finish(report, None, json, html)

    return carry_out(work)


def compare(first: Path, second: Path, everything: bool) -> int:
    """Print two reports side by side: what has changed by 5 % or more, or everything.

    Raises:
        BenchError: a file that holds no report.
    """
    from bench.pace.closing import show
    from bench.pace.compare import CLOSE, compare
    from bench.pace.results import read_report
    from bench.pace.tables import change_table

    before, after = read_report(first), read_report(second)
    changes, alone = compare(before, after)
    console = Console(markup=False, emoji=False, highlight=False)
    for name, report in (("A", before), ("B", after)):
        told = dict(report.facts)
        console.print(f"{name}: {told.get('date', '')}, {told.get('machine', '')}", soft_wrap=True)
        console.print(f"   load average {told.get('load average', '')}; {told.get('versions', '')}", style="dim",
                      soft_wrap=True)  # fmt: skip
    table = change_table(changes, not everything)
    if table.rows:
        show(console, table)
    better, worse = (sum(change.verdict == verdict for change in changes) for verdict in ("better", "worse"))
    console.print(f"of {len(changes)} numbers {better} are better in B and {worse} worse, by {CLOSE:.0%} or more")
    for name in alone:
        console.print(f"only in one of them: {name}", style="yellow", soft_wrap=True)
    return 0


@contextmanager
def _course(config: "Config", seconds: float, tolerance: float, camera: bool) -> "Iterator[Course]":
    """A course with bars, whose frames are gone afterwards; see `Course`."""
    from bench.pace.course import Course
    from bench.pace.reel import reel_folder

    folder = reel_folder()
    try:
        with Bars() as bars:
            yield Course(folder, config, seconds, tolerance, camera, bars)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _settings(path: Path | None) -> "Config":
    """The settings of a file, or the defaults.

    Raises:
        ConfigError: the file is wrong.
    """
    from realtime.config import Config, load_config

    return load_config(path) if path is not None else Config()
