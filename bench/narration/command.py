"""`python -m bench narration`: narrators on people that none was trained on, and sets of action units held out."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from bench import machine
from bench.complaint import BenchError, carry_out

if TYPE_CHECKING:
    from bench.narration.cases import Case
    from engines.mellm import Narrator
    from engines.mellm.instruct.annotations import AnnotatedSet

app = App(name="bench.narration", help_format="plaintext")

RESULTS = Path(__file__).parents[1] / "results"
PAGE = "narration.md"
TABLE_COLUMNS = 150

NARRATORS = "mellm,template"
"""Who speaks unless told otherwise."""


@app.default
def narration(
    *,
    photos: Annotated[
        Path | None, Parameter(help="Folder of face photos, one person each; without it, the built-in portrait.")
    ] = None,
    held_out: Annotated[
        Path | None,
        Parameter(help="Text file with a person (file name without ending) a line: of --photos, only those."),
    ] = None,
    statistics: Annotated[
        Path | None, Parameter(help="CSV of annotated action units: aus,emotion,count; the built-in counts without it.")
    ] = None,
    narrators: Annotated[
        str, Parameter(help="Narrators, separated by commas, as mellm live --narrator takes them.")
    ] = NARRATORS,
    engine: Annotated[str, Parameter(help="Flow engine that measures the pictures.")] = "auto",
    pairs: Annotated[
        int, Parameter(help="Pairs of pictures with an expression; a third as many of each kind without.")
    ] = (300),
    seed: Annotated[int, Parameter(help="Of people, movements and noise.")] = 0,
    out: Annotated[Path, Parameter(help=f"Folder for {PAGE}.")] = RESULTS,
) -> int:
    """Let narrators speak about measurements whose truth is known; write a page.

    A pair of pictures takes about 0.3 s to make, and 0.1 s a narrator: the
    default takes about five minutes on two cores.
    """
    return carry_out(
        lambda: _bench(photos, held_out, statistics, narrators, engine, pairs, seed, out),
        "nothing was written", "choose another --out",
    )  # fmt: skip


def _bench(
    photos: Path | None, held_out: Path | None, statistics: Path | None, names: str, engine_name: str, pairs: int,
    seed: int, out: Path,
) -> int:  # fmt: skip
    from rich.progress import Progress

    from bench.flow.people import built_in, find_people, read_names
    from bench.flow.table import print_tables
    from bench.narration.cases import Camera, true_cases
    from bench.narration.guesser import Guesser
    from bench.narration.scores import Scores, ask
    from bench.narration.table import Report, page, summary_tables
    from engines.mellm.instruct.annotations import built_in_annotations, read_annotations, split
    from engines.mellm.language import LanguageNarrator
    from engines.runtime import open_engine

    if pairs < 3 or seed < 0:
        raise BenchError(f"--pairs {pairs} --seed {seed}: give at least three pairs, and a seed of 0 or more")
    if held_out is not None and photos is None:
        raise BenchError(f"--held-out {held_out}: there is nothing to choose from; give --photos as well")
    chosen = read_names(held_out) if held_out is not None else None
    learned, kept = split(read_annotations(statistics) if statistics else built_in_annotations())
    strangers = [one for one in kept if one.held_out and any(one.counts[:3])]
    out.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    opened, missing = _open(names)
    everyone: dict[str, Narrator] = {**opened, Guesser.name: Guesser(learned)}
    engine = open_engine(engine_name)
    bar = Console(stderr=True)
    try:
        with Progress(console=bar, transient=True, disable=not bar.is_terminal) as progress:
            work = progress.add_task("pictures", total=pairs + 3 * (pairs // 3))
            people = built_in() if photos is None else find_people(photos, chosen, pairs, seed)
            cases: list[Case] = list(true_cases(kept))
            with Camera(people.faces, engine) as camera:
                for case in (*camera.acted(strangers, pairs, seed), *camera.nothing(pairs // 3, seed)):
                    cases.append(case)
                    progress.advance(work)
            asking = progress.add_task("narrators", total=len(everyone))
            scores = {}
            for name, narrator in everyone.items():
                said = tuple(ask(narrator, case) for case in cases)
                scores[name] = Scores(said, isinstance(narrator, LanguageNarrator))
                progress.advance(asking)
    finally:
        engine.close()
        for narrator in everyone.values():
            narrator.close()
    told = "" if names == NARRATORS else ",".join(_label(name.strip()) for name in names.split(","))
    command = machine.command(
        "narration", photos=photos, held_out=held_out, statistics=statistics,
        narrators=told, engine="" if engine_name == "auto" else engine_name, pairs=pairs,
        seed=seed,
    )  # fmt: skip
    faces = people.described(held_out is not None)
    report = Report(scores, missing, _facts(faces, strangers, statistics, command, load))
    (out / PAGE).write_text(page(report), encoding="utf-8")
    print_tables(summary_tables(report), report.missing, TABLE_COLUMNS)
    Console().print(Text(f"{out / PAGE} has all of it"), soft_wrap=True)
    return 0


def _label(narrator: str) -> str:
    """A narrator's name without the folders of a file, or the key and path of a server."""
    kind, _, where = narrator.partition(":")
    return f"{kind}:{Path(where.rpartition('@')[2]).name}" if where else narrator


def _open(names: str) -> "tuple[dict[str, Narrator], dict[str, str]]":
    """The narrators that work here, and why the others do not."""
    from engines.mellm import NarratorError, open_narrator

    opened: dict[str, Narrator] = {}
    missing: dict[str, str] = {}
    for name in (part.strip() for part in names.split(",")):
        try:
            narrator = open_narrator(name)
        except NarratorError as error:
            missing[name] = str(error)
            continue
        opened[narrator.name] = narrator
    return opened, missing


def _facts(
    faces: str, sets: "list[AnnotatedSet]", statistics: Path | None, command: str, load: float
) -> tuple[tuple[str, str], ...]:
    """What and where it ran, for the page."""
    source = "a table of annotations" if statistics else "the built-in counts"
    return (
        ("faces", faces),
        ("action units", f"{len(sets)} sets held out, from {source}"),
        ("command", command),
        ("machine", f"{machine.cpu()}; load average {load:.1f} when it began"),
        ("versions", machine.versions()),
        ("date", machine.today()),
    )
