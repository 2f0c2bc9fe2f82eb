"""`python -m bench flow`: flow engines and OpenCV's methods side by side on faces whose motion is known exactly."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from bench import machine
from bench.complaint import BenchError, carry_out

if TYPE_CHECKING:
    from rich.progress import Progress

    from bench.flow.methods import Method
    from bench.flow.people import People
    from bench.flow.scores import Scores

app = App(name="bench.flow", help_format="plaintext")

RESULTS = Path(__file__).parents[1] / "results"
PAGE, PICTURE = "flow.md", "flow-table.png"
TABLE_COLUMNS = 112
"""Narrower than this the closing table cannot be read."""


@app.default
def flow(
    *,
    photos: Annotated[
        Path | None, Parameter(help="Folder of face photos, one person each; without it, the built-in portrait.")
    ] = None,
    held_out: Annotated[
        Path | None,
        Parameter(
            help="Text file with a person (file name without ending) a line: of --photos and --smiles, only those."
        ),
    ] = None,
    smiles: Annotated[
        tuple[Path, Path] | None,
        Parameter(negative="", help="Two folders of real photos with the same file names, neutral and smiling."),
    ] = None,
    engines: Annotated[str, Parameter(help="Only these engines, separated by commas; all of them if empty.")] = "",
    weights: Annotated[
        Path | None, Parameter(help="Folder of MEFlowNet's weights; without it, the shipped ones.")
    ] = None,
    pairs: Annotated[int, Parameter(help="Pairs a noise level, and as many static and macro ones.")] = 40,
    seed: Annotated[int, Parameter(help="Of people, movements and noise.")] = 0,
    out: Annotated[Path, Parameter(help=f"Folder for {PAGE} and {PICTURE}.")] = RESULTS,
) -> int:
    """Measure every engine that works here and OpenCV's dense flows on the same pairs; write a page and a picture."""
    return carry_out(
        lambda: _bench(photos, held_out, smiles, engines, weights, pairs, seed, out),
        "nothing was written", "choose another --out",
    )  # fmt: skip


def _bench(
    photos: Path | None, held_out: Path | None, smiles: tuple[Path, Path] | None, engines: str, weights: Path | None,
    count: int, seed: int, out: Path,
) -> int:  # fmt: skip
    from rich.progress import Progress

    from bench.flow.methods import open_engines, opencv_methods
    from bench.flow.people import NEVER_TRAINED, built_in, find_people, read_names
    from bench.flow.picture import draw
    from bench.flow.smiles import count_smiles, list_smiles
    from bench.flow.table import Report, page, summary_table, to_rich

    if count < 1 or seed < 0:
        raise BenchError(f"--pairs {count} --seed {seed}: give at least one pair, and a seed of 0 or more")
    if held_out is not None and photos is None and smiles is None:
        raise BenchError(f"--held-out {held_out}: there is nothing to choose from; give --photos or --smiles as well")
    names = read_names(held_out) if held_out is not None else None
    smiling = list_smiles(*smiles, names) if smiles is not None else []
    out.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    with _one_core():
        wanted = [name.strip() for name in engines.split(",")] if engines else None
        opened, missing = open_engines(wanted, weights)
        methods = (*opened, *opencv_methods())
        try:
            bar = Console(stderr=True)
            with Progress(console=bar, transient=True, disable=not bar.is_terminal) as progress:
                looking = progress.add_task("finding faces", total=None)
                people = built_in() if photos is None else find_people(photos, names, count, seed)
                progress.remove_task(looking)
                scores = _score(methods, people, count, seed, progress)
                work = progress.add_task("smiles", total=len(smiling))
                seen = (
                    count_smiles(methods, smiling, read_names(NEVER_TRAINED), lambda: progress.advance(work))
                    if smiling
                    else ()
                )
            command = machine.command(
                "flow", photos=photos, held_out=held_out, smiles=smiles, engines=engines, weights=weights, pairs=count,
                seed=seed,
            )  # fmt: skip
            facts = _facts(people.described(held_out is not None), command, load)
            report = Report(methods, scores, missing, seen, facts)
            picture = draw(report)
        finally:
            for method in methods:
                method.close()
    (out / PAGE).write_text(page(report, PICTURE), encoding="utf-8")
    (out / PICTURE).write_bytes(picture)
    console = Console()
    console.width = max(console.width, TABLE_COLUMNS)
    console.print(to_rich(summary_table(report)))
    for name, reason in missing.items():
        console.print(Text(f"not measured: {name}: {reason}"), soft_wrap=True)
    console.print(Text(f"{out / PAGE} has all of it, {out / PICTURE} shows it"), soft_wrap=True)
    return 0


def _score(methods: "tuple[Method, ...]", people: "People", count: int, seed: int, progress: "Progress") -> "Scores":
    from bench.flow.pairs import SETS, make_pairs
    from bench.flow.scores import Scores, score_pairs

    work = progress.add_task("pairs", total=count * len(SETS))
    rows = []
    for scores in score_pairs(methods, make_pairs(people.faces, count, seed)):
        rows += scores
        progress.advance(work)
    return Scores(tuple(rows))


def _facts(faces: str, command: str, load: float) -> tuple[tuple[str, str], ...]:
    """What and where it ran, for the page."""
    return (
        ("faces", faces),
        ("command", command),
        ("machine", f"{machine.cpu()}, one core; load average {load:.1f} when it began"),
        ("versions", machine.versions()),
        ("date", machine.today()),
    )


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep this thread, and those that engines begin meanwhile, on one core: no method wins by taking more."""
    import cv2

    threads, cores = cv2.getNumThreads(), os.sched_getaffinity(0)
    cv2.setNumThreads(1)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        cv2.setNumThreads(threads)
