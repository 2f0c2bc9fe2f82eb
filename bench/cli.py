"""`mellm bench` and `python -m bench`: the benchmarks by name."""

import difflib
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from bench.complaint import BAD_INPUT, carry_out, complain
from bench.flow.command import flow
from bench.gpu.command import gpu
from bench.narration.command import narration
from bench.pace import command
from bench.screens import screens
from bench.spotting.command import spotting
from realtime.commands.options import UsageError, obey

app = App(
    name="bench", help="Measure what this machine gives, and how accurate mellm-live is.", help_format="plaintext",
    suppress_keyboard_interrupt=False,
)  # fmt: skip
for measure in (command.pipeline, command.engines, command.soak, flow, spotting, narration, gpu, screens):
    app.command(measure)


@app.default
def bench(
    *unknown: Annotated[str, Parameter(show=False)],
    compare: Annotated[
        tuple[Path, Path] | None,
        Parameter(negative="", help="Two files that --json wrote: what differs by 5 % or more."),
    ] = None,
    everything: Annotated[bool, Parameter(negative="", help="With --compare: also what hardly differs.")] = False,
) -> int:
    """Measure what this machine gives, and how accurate mellm-live is."""
    if unknown:
        names = [name for name in app if not name.startswith("-")]
        near = difflib.get_close_matches(unknown[0], names, 1)
        meant = f"did you mean {near[0]}? " if near else ""
        complain("error", f"no benchmark {unknown[0]!r}; {meant}there are: {', '.join(names)}")
        return BAD_INPUT
    if compare is None:
        app.help_print()
        return 0
    return carry_out(lambda: command.compare(*compare, everything))


def main() -> int:
    """Run a benchmark; the exit status."""
    try:
        return obey(app, "python -m bench")
    except UsageError as error:
        complain("error", str(error))
        return BAD_INPUT
