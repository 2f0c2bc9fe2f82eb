"""`python -m bench spotting`: the spotter and whole-video methods on long performances known exactly."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from bench import machine
from bench.complaint import BenchError, carry_out

if TYPE_CHECKING:
    from bench.spotting.run import Plan
    from engines.runtime import FlowEngine

app = App(name="bench.spotting", help_format="plaintext")

RESULTS = Path(__file__).parents[1] / "results"
PAGE, PICTURE = "spotting.md", "spotting.png"
TABLE_COLUMNS = 150
"""Narrower than this the closing tables cannot be read."""

RATES = (10.0, 500.0)
"""Frame rates that can be asked for, 1/s."""

ENGINES = "auto,dis"
"""What is measured unless told otherwise."""

SHORTEST_S = 5.0
"""A shorter performance has nothing in it, s."""


@app.default
def spotting(
    *,
    photos: Annotated[
        Path | None, Parameter(help="Folder of face photos, one person each; without it, the built-in portrait.")
    ] = None,
    held_out: Annotated[
        Path | None,
        Parameter(help="Text file with a person (file name without ending) a line: of --photos, only those."),
    ] = None,
    engines: Annotated[
        str, Parameter(help="Flow engines, separated by commas; auto is the live pipeline's.")
    ] = ENGINES,
    weights: Annotated[
        Path | None, Parameter(help="Folder of MEFlowNet's weights; without it, the shipped ones.")
    ] = None,
    fps: Annotated[str, Parameter(help="Frame rates of the videos, separated by commas, such as 30,60,100,200.")] = (
        "30"
    ),
    seconds: Annotated[float, Parameter(help="Length of each video.")] = 60.0,
    videos: Annotated[int, Parameter(help="Videos a frame rate, the people in turn.")] = 8,
    motion: Annotated[
        Path | None,
        Parameter(
            help="Folder that keeps what the flow measured: a second run with it measures only what is new, and the "
            "spotter alone runs over the rest, in seconds."
        ),
    ] = None,
    seed: Annotated[int, Parameter(help="Of people and performances.")] = 0,
    out: Annotated[Path, Parameter(help=f"Folder for {PAGE} and {PICTURE}.")] = RESULTS,
) -> int:
    """Spot expressions in long videos whose events are known; write a page and a picture.

    Every video goes through the live pipeline once, with each flow engine.
    The spotter and two whole-video methods get the same motions.

    A frame takes about 0.06 s with both engines on two cores: the default,
    8 videos of 60 s at 30 fps, a quarter of an hour. With --motion FOLDER the
    work is kept: delete the folder when alignment or flow have changed.
    """
    from bench.spotting.run import Plan

    return carry_out(
        lambda: _bench(Plan(_rates(fps), seconds, videos, seed, motion, weights), photos, held_out, engines, out),
        f"{motion} keeps the videos that were finished; the same command goes on from there"
        if motion is not None
        else "nothing was written; with --motion FOLDER a run can be taken up again",
        "choose another --out or --motion",
    )


def _bench(plan: "Plan", photos: Path | None, held_out: Path | None, names: str, out: Path) -> int:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from bench.flow.people import built_in, find_people, read_names
    from bench.flow.table import print_tables
    from bench.spotting.picture import draw
    from bench.spotting.run import measure
    from bench.spotting.table import Report, page, summary_tables

    _check(plan)
    if held_out is not None and photos is None:
        raise BenchError(f"--held-out {held_out}: there is nothing to choose from; give --photos as well")
    chosen = read_names(held_out) if held_out is not None else None
    out.mkdir(parents=True, exist_ok=True)
    engines, missing = _open(names, plan.weights)
    bar = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=bar, transient=True, disable=not bar.is_terminal) as progress:
            looking = progress.add_task("finding faces", total=None)
            people = built_in() if photos is None else find_people(photos, chosen, plan.videos, plan.seed)
            progress.remove_task(looking)
            work = progress.add_task("frames", total=plan.frames)
            results, examples = measure(plan, people.faces, engines, lambda frames: progress.advance(work, frames))
    finally:
        for engine in engines:
            engine.close()
    command = machine.command(
        "spotting", photos=photos, held_out=held_out, engines="" if names == ENGINES else names, weights=plan.weights,
        fps=",".join(f"{fps:g}" for fps in plan.rates), seconds=f"{plan.seconds:g}", videos=plan.videos, seed=plan.seed,
    )  # fmt: skip
    report = Report(tuple(results), tuple(examples), missing, _facts(people.described(held_out is not None), command))
    picture = draw(report)
    (out / PAGE).write_text(page(report, PICTURE), encoding="utf-8")
    (out / PICTURE).write_bytes(picture)
    print_tables(summary_tables(report), report.missing, TABLE_COLUMNS)
    Console().print(Text(f"{out / PAGE} has all of it, {out / PICTURE} shows it"), soft_wrap=True)
    return 0


def _rates(text: str) -> tuple[float, ...]:
    """The frame rates in an option's text.

    Raises:
        BenchError: not numbers, or rates that no camera has.
    """
    try:
        rates = tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError:
        raise BenchError(f"--fps {text}: not numbers; write frame rates with commas between, such as 30,60") from None
    low, high = RATES
    if not all(low <= rate <= high for rate in rates):
        raise BenchError(f"--fps {text}: each rate must be {low:g} to {high:g} frames a second")
    return rates


def _check(plan: "Plan") -> None:
    """Refuse a plan that measures nothing.

    Raises:
        BenchError: naming the option.
    """
    if not (math.isfinite(plan.seconds) and plan.seconds >= SHORTEST_S):
        raise BenchError(f"--seconds {plan.seconds:g}: a performance needs {SHORTEST_S:g} s at least")
    if plan.videos < 1 or plan.seed < 0:
        raise BenchError(f"--videos {plan.videos} --seed {plan.seed}: give at least one video, and a seed of 0 or more")


def _open(names: str, weights: Path | None) -> "tuple[list[FlowEngine], dict[str, str]]":
    """The engines that work here, each once, and why the others do not.

    Raises:
        BenchError: a name that no engine has, or none that works.
    """
    from engines.runtime import ENGINES, EngineError, WeightsError, open_engine

    opened: list[FlowEngine] = []
    missing: dict[str, str] = {}
    for name in (part.strip() for part in names.split(",")):
        if name != "auto" and name not in ENGINES:
            raise BenchError(f"--engines {name}: no such engine; there are: auto, {', '.join(ENGINES)}")
        try:
            engine = open_engine(name, weights)
        except WeightsError as error:
            raise BenchError(str(error)) from error
        except EngineError as error:
            missing[name] = str(error)
            continue
        if any(other.name == engine.name for other in opened):
            engine.close()
        else:
            opened.append(engine)
    if not opened:
        raise BenchError(f"--engines {names}: none of them works here: {'; '.join(missing.values())}")
    return opened, missing


def _facts(faces: str, command: str) -> tuple[tuple[str, str], ...]:
    """What and where it ran, for the page."""
    return (
        ("faces", faces),
        ("command", command),
        ("machine", machine.cpu()),
        ("versions", machine.versions()),
        ("date", machine.today()),
    )
