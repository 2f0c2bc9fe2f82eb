"""What is asked on the command line, read and checked before anything runs."""

import math
import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from bench.complaint import BenchError

Json = Annotated[Path | None, Parameter(name="--json", help="File for all numbers, which --compare takes.")]
Html = Annotated[Path | None, Parameter(name="--html", help="File for a page with plots that needs nothing else.")]
Settings = Annotated[
    Path | None, Parameter(name="--config", help="TOML file with settings, as mellm live takes it.")
]  # fmt: skip

RATES_FPS = (1.0, 1000.0)
"""Frame rates that can be asked for."""

MOST_FACES = 8


def numbers(option: str, text: str, low: float, high: float) -> tuple[float, ...]:
    """Numbers with commas between, each once.

    Raises:
        BenchError: not numbers, or out of range.
    """
    try:
        found = tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError:
        raise BenchError(f"{option} {text}: write numbers with commas between, such as 30,60") from None
    if not all(low <= number <= high for number in found):  # not a number either
        raise BenchError(f"{option} {text}: each must be {low:g} to {high:g}")
    return found


def whole_numbers(option: str, text: str, low: int, high: int) -> tuple[int, ...]:
    """Whole numbers with commas between, each once.

    Raises:
        BenchError: not whole numbers, or out of range.
    """
    found = numbers(option, text, low, high)
    if not all(number == int(number) for number in found):
        raise BenchError(f"{option} {text}: write whole numbers, such as 1,2")
    return tuple(int(number) for number in found)


def sizes(text: str) -> tuple[tuple[int, int], ...]:
    """Sizes of frames with commas between.

    Raises:
        BenchError: not sizes, or none that a camera has.
    """
    found = []
    for part in text.lower().replace("×", "x").split(","):
        width, _, height = part.strip().partition("x")
        if not (width.isdigit() and height.isdigit()):
            raise BenchError(f"--size {text}: write it like 640x480,1280x720")
        if not (160 <= int(width) <= 4096 and 120 <= int(height) <= 4096):
            raise BenchError(f"--size {text}: each must be 160x120 to 4096x4096")
        found.append((int(width), int(height)))
    return tuple(dict.fromkeys(found))


def engine_names(option: str, text: str, auto: bool) -> tuple[str, ...]:
    """Flow engines by name.

    Raises:
        BenchError: there is no such engine.
    """
    from engines.runtime import ENGINES

    known = (*(("auto",) if auto else ()), *ENGINES)
    found = tuple(dict.fromkeys(part.strip() for part in text.split(","))) if text else tuple(ENGINES)
    for name in found:
        if name not in known:
            raise BenchError(f"{option} {text}: no flow engine {name!r}; there are: {', '.join(known)}")
    return found


def length(option: str, value: float, low: float, high: float, unit: str) -> None:
    """Refuse a length that measures nothing, or never ends.

    Raises:
        BenchError: out of range.
    """
    if not (math.isfinite(value) and low <= value <= high):
        raise BenchError(f"{option} {value:g}: it must be {low:g} to {high:g} {unit}")


def writable(*files: Path | None) -> None:
    """Refuse files that cannot be written, before the work is done rather than after it.

    Raises:
        BenchError: naming the file.
    """
    for path in files:
        if path is None:
            continue
        folder = path.parent
        if not folder.is_dir():
            raise BenchError(f"{path}: there is no folder {folder}")
        if path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
            raise BenchError(f"{path}: cannot be written; choose another file")
