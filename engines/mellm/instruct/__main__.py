"""`python -m engines.mellm.instruct`: write MEU-Instruct, or look at it.

python -m engines.mellm.instruct acted/train --statistics counts.csv --out instruct.jsonl
"""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.panel import Panel
from rich.progress import track

from engines.mellm.instruct.annotations import AnnotationError
from engines.mellm.instruct.instructor import conversation, open_instructor
from engines.mellm.reader import SHIPPED

app = App(name="engines.mellm.instruct", help_format="plaintext")


@app.default
def instruct(
    acted: Annotated[Path, Parameter(help="Folder that python -m engines.mellm.instruct.acting wrote.")],
    *,
    out: Annotated[
        Path | None, Parameter(help="JSON Lines file to write; without it, some examples are shown.")
    ] = None,
    count: Annotated[int, Parameter(help="How many examples to write.")] = 20000,
    statistics: Annotated[
        Path | None, Parameter(help="CSV of annotated action units: aus,emotion,count; the built-in counts without it.")
    ] = None,
    whole: Annotated[
        bool, Parameter(help="With the instruction for full-size models, as fine-tuning needs it.", negative="")
    ] = False,
    reader: Annotated[Path, Parameter(help="Reader of action units: python -m engines.mellm.learning.")] = SHIPPED,
    show: Annotated[int, Parameter(help="How many examples to show.")] = 8,
    seed: Annotated[int, Parameter(help="Of the examples.")] = 0,
) -> int:
    """Write MEU-Instruct, or look at it."""
    console = Console()
    try:
        instructor = open_instructor(acted, statistics, reader=None if whole else reader)
    except (ValueError, AnnotationError) as error:
        console.print(f"error: {error}", style="red", soft_wrap=True)
        return 2
    examples = instructor.examples(seed)
    if out is None:
        for _, example in zip(range(show), examples, strict=False):
            console.print(Panel(f"{example.prompt}\n{''.join(example.answer)}", highlight=False))
        return 0
    partial = out.with_name(out.name + ".part")
    with partial.open("w", encoding="utf-8") as lines:
        for _, example in track(zip(range(count), examples, strict=False), "writing", total=count, console=console):
            lines.write(conversation(example, whole) + "\n")
    partial.replace(out)
    console.print(f"{out}: {count} conversations", soft_wrap=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(app(result_action="return_value"))
