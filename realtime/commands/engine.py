"""`mellm engine`: the plans that TensorRT runs."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from rich import box
from rich.table import Table

from realtime.commands.options import ERRORS, UsageError, note, paragraphs, plain

if TYPE_CHECKING:
    from engines.runtime.gpu import Gpu
    from engines.runtime.plans.library import Library

engine = App(name="engine", help="Build and list the plans that the tensorrt engines run.", help_format="plaintext")

LARGEST = 256
"""Largest batch; more gains nothing and takes gigabytes."""


def build(
    *,
    precision: Annotated[
        Literal["fp16", "int8", "fp32"],
        Parameter(
            help="Of the convolutions: fp16 for --engine tensorrt, int8 for tensorrt-int8, fp32 for tensorrt-fp32."
        ),
    ] = "fp16",
    batch: Annotated[
        list[int] | None,
        Parameter(help="Pairs at once, besides 1, which live needs; several times for several plans.", negative=""),
    ] = None,
    weights: Annotated[Path | None, Parameter(help="A folder of weights [default: the shipped ones].")] = None,
    target: Annotated[
        str | None,
        Parameter(help="Compute capability to build for instead of this machine's, such as 8.6; tensorrt-rtx only."),
    ] = None,
    library: Annotated[
        Literal["tensorrt", "tensorrt_rtx"] | None, Parameter(help="Which TensorRT, where both are installed.")
    ] = None,
    force: Annotated[bool, Parameter(negative="", help="Build it although it is there.")] = False,
) -> int:
    """Build MEFlowNet for this machine's NVIDIA GPU, once; live, analyze and the others then take it by themselves.

    It takes half a minute to some minutes; Ctrl-C stops it at any moment and leaves nothing behind. Plans lie in the
    user's cache folder and serve only the GPU, the TensorRT and the weights that they were built with.

    For example:
      mellm engine build
      mellm engine build --precision int8 --batch 8
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from engines.runtime.plans.builder import build as build_plan
    from engines.runtime.plans.builder import plan_spec, prepared
    from engines.runtime.plans.library import open_library
    from engines.runtime.plans.store import PlanStore
    from engines.runtime.weights import Weights

    sizes = dict.fromkeys([1, *(batch or [])])
    for size in sizes:
        if not 1 <= size <= LARGEST:
            raise UsageError(f"--batch {size}: it must be 1 to {LARGEST}")
    gpu = None if target else _own_gpu()
    used = open_library(library or "")
    gpu = gpu or _target(used, target or "")
    used.serves(gpu)
    files, store = Weights(weights), PlanStore()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    for size in sizes:
        spec = plan_spec(files, used, gpu, precision, size)
        if store.path(spec).is_file() and not force:
            plain().print(f"{precision}, batch {size}: built already, {store.path(spec)}", soft_wrap=True)
            continue
        began = time.monotonic()
        with Progress(*columns, console=ERRORS, transient=True, disable=not ERRORS.is_terminal) as bar:
            task = bar.add_task("starting", total=1.0)

            def show(what: str, share: float, task: "int" = int(task), bar: Progress = bar) -> None:
                bar.update(task, description=what, completed=share)  # type: ignore[arg-type]

            path = store.save(spec, build_plan(used, gpu.capability, prepared(files, precision, size, show), show))
        plain().print(
            f"{precision}, batch {size}: built for {gpu} by {used.flavour} {used.version} in "
            f"{time.monotonic() - began:.0f} s, {path.stat().st_size / 2**20:.0f} MB, {path}", soft_wrap=True,
        )  # fmt: skip
    if not target:
        _try(precision, weights, used)
    return 0


def _own_gpu() -> "Gpu":
    """The GPU of this machine."""
    from engines.runtime.gpu import NoGpuError, find_gpu

    try:
        return find_gpu()
    except NoGpuError as error:
        raise UsageError(f"{error}: there is nothing to build for; the CPU's engines need no plan") from None


def _target(library: "Library", capability: str) -> "Gpu":
    """Another machine's GPU, told by its compute capability."""
    from engines.runtime.gpu import Gpu

    if not library.portable:
        raise UsageError(f"--target {capability}: {library.flavour} builds for the GPU at hand only; tensorrt-rtx can "
                         "build for another")  # fmt: skip
    if capability not in library.capabilities():
        raise UsageError(f"--target {capability}: {library.flavour} {library.version} builds for "
                         f"{', '.join(library.capabilities())}")  # fmt: skip
    return Gpu("", capability)


def _try(precision: Literal["fp16", "int8", "fp32"], weights: Path | None, library: "Library") -> None:
    """Open the engine once: a plan that answers wrongly is to be known now."""
    from engines.runtime.tensorrt import TensorRtEngine

    with TensorRtEngine(precision, weights, library=library) as opened:
        plain().print(f"It answers as it should: --engine {opened.name}", style="green")


engine.command(build, help=paragraphs(build))


@engine.command(name="list")
def list_plans(
    *, weights: Annotated[Path | None, Parameter(help="A folder of weights [default: the shipped ones].")] = None
) -> int:
    """List the plans that were built, and which of them serve here with these weights."""
    from engines.runtime.gpu import NoGpuError, find_gpu
    from engines.runtime.plans.builder import plan_spec
    from engines.runtime.plans.library import installed_libraries
    from engines.runtime.plans.store import PlanStore
    from engines.runtime.weights import Weights

    store = PlanStore()
    plans = list(store)
    if not plans:
        plain().print(f"No plans in {store.folder}; mellm engine build makes one", soft_wrap=True)
        return 0
    here = []
    try:
        gpu, files = find_gpu(), Weights(weights)
        here = [plan_spec(files, library, gpu, "fp16", 1) for library in installed_libraries()]
    except NoGpuError as error:
        note(ERRORS, f"{error}; none of them serves here")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("precision", "batch", "for", "TensorRT", "weights", "MB", "serves here"):
        table.add_column(name, justify="right" if name in ("batch", "MB") else "left", overflow="fold")
    for path, spec in sorted(plans, key=lambda one: (one[1].capability, one[1].precision, one[1].batch)):
        serves = any(replace(own, precision=spec.precision, batch=spec.batch) == spec for own in here)
        table.add_row(
            spec.precision, str(spec.batch), spec.gpu or f"any {spec.capability}",
            f"{spec.library} {spec.version}", spec.graphs[:8], f"{path.stat().st_size / 2**20:.0f}",
            "yes" if serves else "no",
        )  # fmt: skip
    console = plain()
    console.print(table)
    console.print(f"In {store.folder}; they may be deleted at any time", soft_wrap=True, style="dim")
    return 0
