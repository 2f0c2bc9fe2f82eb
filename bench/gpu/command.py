"""`python -m bench gpu`: run the tests that need a GPU where there is one, and keep what they said."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from bench import machine
from bench.complaint import BAD_INPUT, STOPPED, complain
from engines.runtime.gpu import Gpu, NoGpuError, find_gpu

app = App(name="bench.gpu", help_format="plaintext")

PAGE = Path(__file__).parents[1] / "results" / "gpu.md"
COMMAND = "python -m bench gpu"
TESTS = (
    "-m", "pytest", "-m", "gpu", "-p", "no:randomly", "-rs", "-v", "--no-header", "-W", "default", "--disable-warnings",
    "tests/engines/runtime/test_on_gpu.py",
)  # fmt: skip
"""What torch warns of is no failure of ours; where the project and torch lie on that machine concerns nobody."""
_PACKAGES = ("tensorrt", "tensorrt_rtx", "pycuda", "torch", "onnx")


@app.default
def gpu(*, out: Annotated[Path, Parameter(help="The page to write.")] = PAGE) -> int:
    """Run every test that needs an NVIDIA GPU and write what they said, with date, versions and command.

    It builds plans of three precisions and batches, which takes some minutes; without a GPU nothing is written.
    """
    try:
        card = find_gpu()
    except NoGpuError as error:
        complain("error", f"{error}; the page comes from a run on one only")
        return BAD_INPUT
    console = Console(markup=False, emoji=False, highlight=False)
    lines: list[str] = []
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, *TESTS], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=root
    ) as running:
        assert running.stdout is not None
        try:
            for line in running.stdout:
                lines.append(line.rstrip())
                console.print(lines[-1], soft_wrap=True)
        except KeyboardInterrupt:
            running.kill()
            complain("stopped", "no page was written")
            return STOPPED
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page(card, lines, running.returncode), encoding="utf-8")
    console.print(f"wrote {out}", soft_wrap=True)
    return 1 if running.returncode else 0


def page(card: Gpu, lines: list[str], status: int) -> str:
    """The page of a run.

    Args:
        card: it ran on.
        lines: what pytest said.
        status: pytest's exit status.
    """
    told = [line for line in lines if " px from the CPU's answer" in line or " pairs/s" in line]
    rows = "\n".join(f"- {line}" for line in told) or "- nothing was measured"
    verdict = "All passed." if status == 0 else f"**Some failed** (pytest's status {status})."
    return f"""# The engines on a GPU

{machine.today()}, {card}, driver for CUDA {card.driver}, {machine.cpu()}. {_versions()}

`{COMMAND}`. {verdict}

A batch is so many encodings and flows, from nothing or, followed, from what is nearly known; times are from numpy
arrays to numpy arrays.

{rows}

```
{chr(10).join(lines)}
```
"""


def _versions() -> str:
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join([machine.versions(), *found]) + "."
