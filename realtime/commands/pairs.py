"""`mellm flow` and `mellm explain`: two pictures of a face, or a table of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.text import Text

from realtime.commands.options import (
    ERRORS,
    ConfigFile,
    Engine,
    NarratorName,
    UsageError,
    check_folder,
    complain,
    note,
    plain,
    settings_from,
)

if TYPE_CHECKING:
    from realtime.pair import Pair

Pairs = Annotated[
    Path | None,
    Parameter(
        help="CSV with columns onset,apex instead of two pictures; paths in it count from its folder, else from here."
    ),
]


def flow(
    onset: Annotated[Path | None, Parameter(help="Picture before the expression.")] = None,
    apex: Annotated[Path | None, Parameter(help="Picture at its peak.")] = None,
    *,
    out: Annotated[Path, Parameter(help="The .npz to write; with --pairs, a folder for one a row.")],
    pairs: Pairs = None,
    engine: Engine = "",
    config: ConfigFile = None,
) -> int:
    """Measure the optical flow of a face between two pictures.

    Writes facial, head and expression flow, float32 (H, W, 2) px on the onset picture's grid, NaN outside the face's
    crop; beside the .npz a colour picture of the expression flow and an overlay on the onset picture.

    Example: mellm flow onset.png apex.png --out flow.npz
    """
    from realtime.pair import PairMeter, write_flow

    settings = settings_from(config, None, engine, "")
    if pairs is None and out.suffix != ".npz":
        raise UsageError(f"--out {out}: must end in .npz")
    check_folder("--out", out.parent if pairs is None else out)
    rows = _rows(onset, apex, pairs)
    with PairMeter(settings) as meter:

        def measure(index: int, first: Path, second: Path) -> None:
            target = out if pairs is None else out / f"{index + 1:05d}_{first.stem}_{second.stem}.npz"
            write_flow(meter.measure(first, second), first, second, target)
            for text in meter.notes():
                note(ERRORS, text)
            ERRORS.print(f"{first} → {second}: {target}", soft_wrap=True)

        return _each(rows, pairs, measure, lambda first, second, error: None)


def explain(
    onset: Annotated[Path | None, Parameter(help="Picture before the expression.")] = None,
    apex: Annotated[Path | None, Parameter(help="Picture at its peak.")] = None,
    *,
    json: Annotated[bool, Parameter(name="--json", negative="", help="One JSON object a pair, a line each.")] = False,
    pairs: Pairs = None,
    engine: Engine = "",
    narrator: NarratorName = "",
    config: ConfigFile = None,
) -> int:
    """Say what moved between two pictures of a face, which action units that is, and what it may mean.

    A narrator whose model or server cannot be used is an error; one that fails over a pair has the template narrator
    answer for it, which is said on stderr.

    For example:
      mellm explain onset.png apex.png --json
      mellm explain onset.png apex.png --narrator gguf:models/qwen3-0.6b-q8_0.gguf
      mellm explain --pairs pairs.csv --json --narrator http://127.0.0.1:11434
    """
    from realtime.explainer import Explainer
    from realtime.explanation import explanation, print_explanation, print_json
    from realtime.pair import PairMeter

    settings = settings_from(config, None, engine, narrator)
    rows = _rows(onset, apex, pairs)

    def failed(first: Path, second: Path, error: str) -> None:
        if json and pairs is not None:
            print_json({"onset": str(first), "apex": str(second), "error": error})

    with PairMeter(settings) as meter, Explainer(settings) as explainer:

        def measure(index: int, first: Path, second: Path) -> None:
            found = meter.measure(first, second)
            with ERRORS.status("asking the narrator …") as status:  # shown on a terminal only
                answer = explainer.explain(found, lambda text: status.update(Text(text or "asking the narrator …")))
            for text in (*meter.notes(), *explainer.notes()):
                note(ERRORS, text)
            if json:
                print_json(explanation(answer, found, first, second))
            else:
                print_explanation(plain(), answer, found, first, second)

        return _each(rows, pairs, measure, failed)


def _rows(onset: Path | None, apex: Path | None, table: Path | None) -> "list[Pair]":
    """The given pair, or every row of a table.

    Raises:
        UsageError: neither or both are given, or no pairs are in the table.
        SourceError: the table cannot be read.
    """
    from realtime.pair import Pair, read_pairs

    if table is not None:
        if onset is not None or apex is not None:
            raise UsageError("give either two pictures or --pairs, not both")
        rows = list(read_pairs(table))
        if not rows:
            raise UsageError(f"{table}: no pairs in it")
        return rows
    if onset is None or apex is None:
        raise UsageError("give two pictures, onset and apex, or --pairs FILE.csv")
    return [Pair(onset, apex)]


def _each(
    rows: "Sequence[Pair]",
    table: Path | None,
    work: Callable[[int, Path, Path], None],
    failed: Callable[[Path, Path, str], None],
) -> int:
    """Do some work for every row, given its index, onset and apex; the exit status, 1 if any failed."""
    from realtime.source import SourceError

    wrong = 0
    for index, (first, second, line) in enumerate(rows):
        try:
            work(index, first, second)
        except SourceError as error:
            wrong += 1
            complain(f"{table}: line {line}: {error}" if line else str(error))
            failed(first, second, str(error))
    return 1 if wrong else 0
