"""What the commands share: their options, the settings these make, and how they speak to the user."""

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter, UnusedCliTokensError
from rich.console import Console
from rich.text import Text

from realtime.config import CaptureConfig, Config, load_config
from realtime.limits import must_be


def within(setting: str) -> Callable[[object, float | None], None]:
    """A check that an option keeps the limits of the setting that it changes: it is told by its own name then."""

    def check(kind: object, value: float | None) -> None:
        if value is not None and (words := must_be(setting, value)):
            raise ValueError(f"It must be {words}.")

    return check


Source = Annotated[
    str,
    Parameter(
        help="Webcam number or device, video file, folder or .npy stack of frames, recording, rtsp:// or http:// URL, "
        "phantom or phantom-rest."
    ),
]
Fps = Annotated[
    float,
    Parameter(
        validator=within("capture.fps"),
        help="Frames per second of a folder or the phantom [default: 30], or asked of a webcam.",
    ),
]
Size = Annotated[str, Parameter(help="Size asked of a webcam or made by the phantom, px [default: 640x480].")]
Engine = Annotated[str, Parameter(help="Flow engine: auto, or one that `mellm doctor` lists [default: auto].")]
NarratorName = Annotated[
    str,
    Parameter(
        help="Who speaks: auto, template (fixed sentences), mellm (our language model), gguf:PATH (another model in a "
        "file), or http:URL (a model behind an OpenAI-compatible server, such as http://127.0.0.1:11434 for Ollama; "
        "key in MELLM_API_KEY) [default: auto]. More in the settings' table narrate."
    ),
]
ConfigFile = Annotated[
    Path | None, Parameter(help="TOML file with settings; `mellm settings` prints one with all of them.")
]
CalibrationFile = Annotated[
    Path | None, Parameter(help="What `mellm calibrate` saved for this person and camera: noise floors to spot with.")
]
Dashboard = Annotated[bool, Parameter(negative="", help="Serve the page at an address of this machine.")]
Port = Annotated[
    int | None,
    Parameter(validator=within("dashboard.port"), help="Of the page; 0 takes any that is free [default: 8737]."),
]
Host = Annotated[str, Parameter(help="Address to serve the page at; any but this machine's lets others in.")]
OpenPage = Annotated[
    bool | None,
    Parameter(name="--open", negative="--no-open", help="Open the page in the browser [default: if there is one]."),
]
Faces = Annotated[
    int | None, Parameter(validator=within("align.faces"), help="Follow at most so many faces [default: 2].")
]

ERRORS = Console(stderr=True, markup=False, emoji=False, highlight=False)


class UsageError(Exception):
    """A wrong use of the command line; one line."""


def paragraphs(command: Callable[..., int]) -> str:
    """A command's docstring as its help: a line a paragraph, which the terminal breaks; indented lines stay."""
    return re.sub(r"(?<=\S)\n(?=\S)", " ", inspect.getdoc(command) or "")


def obey(app: App, program: str) -> int:
    """Run what the command line says; the exit status.

    Args:
        app: the commands.
        program: what stands before the command line, so that the help can be named.

    Raises:
        UsageError: something in it is empty, as a name from a variable that is not set, or not understood.
    """
    for before, word in pairwise(["", *sys.argv[1:]]):
        if re.fullmatch("(--[^=]+=)?", word):
            option = word[:-1] or before
            named = option if option.startswith("-") else "an argument"
            raise UsageError(f"{named} is empty: say what, or leave it out")
    try:
        return int(app(sys.argv[1:], result_action="return_value", print_error=False, exit_on_error=False) or 0)
    except CycloptsError as error:
        unused = error.unused_tokens or [] if isinstance(error, UnusedCliTokensError) else []
        said = f"Not understood: {' '.join(unused)}." if unused else str(error)
        raise UsageError(f"{said} For help: {' '.join((program, *(error.command_chain or ())))} --help") from None


def refuse(given: Mapping[str, object], why: str) -> None:
    """Refuse options that would be ignored.

    Args:
        given: options and their values; None, False and "" are those of one that was not given.
        why: what is wrong with giving them.

    Raises:
        UsageError: one was given.
    """
    for option, value in given.items():
        if not (value is None or value is False or value == ""):
            raise UsageError(f"{option}: {why}")


def check_folder(option: str, folder: Path) -> None:
    """Refuse a folder for results in whose place, or on whose way, there is a file.

    Raises:
        UsageError: naming the file.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise UsageError(f"{option} {there}: is a file; give a folder")


def plain() -> Console:
    """A console that prints names as they are: brackets are no markup, colons no emoji."""
    return Console(markup=False, emoji=False, highlight=False)


def complain(text: str) -> None:
    """Say on stderr, in one line, what went wrong."""
    line = text.splitlines()[0] if text else "unknown"
    ERRORS.print(Text.assemble(("error: ", "red"), line), soft_wrap=True)


def note(console: Console, text: str) -> None:
    """Say something that the user should know and that stops nothing."""
    console.print(Text.assemble(("note: ", "yellow"), text), soft_wrap=True)


def reason(error: Exception) -> str:
    """What an error says; for one of the operating system, what was to be read or written."""
    if not isinstance(error, OSError):
        return str(error)
    where = f" {error.filename}:" if error.filename else ""
    return f"cannot write or read{where} {error.strerror or error}"


def settings_from(
    path: Path | None, faces: int | None, engine: str, narrator: str = "", calibration: Path | None = None
) -> Config:
    """The settings of a file, with what the command line changes in them.

    Raises:
        ConfigError: the file, a setting or the calibration is wrong.
    """
    from realtime.calibration import open_calibration

    settings = load_config(path) if path is not None else Config()
    if faces is not None:
        settings = dataclasses.replace(settings, align=dataclasses.replace(settings.align, faces=faces))
    if engine:
        settings = dataclasses.replace(settings, flow=dataclasses.replace(settings.flow, engine=engine))
    if narrator:
        settings = dataclasses.replace(settings, narrate=dataclasses.replace(settings.narrate, narrator=narrator))
    if calibration is not None:
        settings = dataclasses.replace(settings, spot=dataclasses.replace(settings.spot, calibration=str(calibration)))
    open_calibration(settings.spot)  # a wrong one is said here, before anything starts
    return _with_a_gpu_or_without(settings)


def _with_a_gpu_or_without(settings: Config) -> Config:
    """The same settings, or those of a machine without an NVIDIA GPU, and a note that says so."""
    from engines.runtime import GPU, NoGpuError
    from engines.runtime.gpu import find_gpu

    if settings.flow.engine not in GPU:
        return settings
    try:
        find_gpu()
    except NoGpuError as error:
        note(ERRORS, f"--engine {settings.flow.engine}: {error}; the CPU's engine measures instead")
        return dataclasses.replace(settings, flow=dataclasses.replace(settings.flow, engine="auto"))
    return settings


def capture_from(settings: CaptureConfig, source: str, fps: float, size: str) -> CaptureConfig:
    """The capture's settings for a source of the command line."""
    capture = dataclasses.replace(settings, source=source, fps=fps or settings.fps)
    if size:
        width, height = _parse_size(size)
        capture = dataclasses.replace(capture, width=width, height=height)
    return capture


def _parse_size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().replace("×", "x").partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise UsageError(f"--size {text}: write it like 640x480")
    return int(width), int(height)
