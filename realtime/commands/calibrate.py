"""`mellm calibrate`."""

import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console

from realtime.commands.options import (
    ERRORS,
    ConfigFile,
    Engine,
    Fps,
    Size,
    Source,
    UsageError,
    capture_from,
    note,
    plain,
    settings_from,
)
from realtime.environment import one_thread

if TYPE_CHECKING:
    from realtime.calibration import Calibration

OUT = Path("calibration.toml")
"""Where a calibration goes when nothing is said."""

SECONDS = (3.0, 60.0)
"""Shortest and longest rest."""


def calibrate(
    source: Source,
    *,
    out: Annotated[Path, Parameter(help="The .toml to write; an older calibration there is replaced.")] = OUT,
    seconds: Annotated[float, Parameter(help="Length of the rest, 3 to 60 [default: 8].")] = 0.0,
    fps: Fps = 0.0,
    size: Size = "",
    engine: Engine = "",
    config: ConfigFile = None,
) -> int:
    """Measure a person at rest and the camera: noise, light, and the smallest movement that is found here.

    Sit as you will sit later, look at the camera and keep a resting face; blinking is fine. Known micro-expressions of
    rising size are then put into the recorded frames and looked for, which takes about a minute. A small TOML file of
    numbers is written; the pictures are kept in memory only and let go of at the end. Of a file, the first seconds with
    a face are taken. The phantom rests while it is calibrated.

    For example:
      mellm calibrate 0 --out me.toml
      mellm live 0 --calibration me.toml
    """
    from realtime.calibrate import calibrate as measure
    from realtime.calibrate import check_target, warnings
    from realtime.calibration import write_calibration
    from realtime.recorded import PHANTOMS
    from realtime.sources import is_live

    settings = settings_from(config, None, engine)
    length_s = seconds or settings.calibrate.seconds
    if not SECONDS[0] <= length_s <= SECONDS[1]:
        raise UsageError(f"--seconds {length_s:g}: a rest is {SECONDS[0]:.0f} to {SECONDS[1]:.0f} s long; 8 is good")
    check_target(out)
    capture = capture_from(settings.capture, PHANTOMS[1] if source in PHANTOMS else source, fps, size)
    settings = dataclasses.replace(
        settings, capture=capture, calibrate=dataclasses.replace(settings.calibrate, seconds=length_s)
    )
    console = plain()
    if is_live(source):
        console.print(
            f"mellm calibrate {source}: look at the camera and keep a resting face for {length_s:g} s; blinks are fine",
            style="bold", soft_wrap=True,
        )  # fmt: skip
    elif source in PHANTOMS:
        console.print(f"mellm calibrate {source}: the phantom rests for {length_s:g} s", style="bold")
    else:
        console.print(
            f"mellm calibrate {source}: the first {length_s:g} s with a face must be rest", style="bold", soft_wrap=True
        )
    with one_thread(), _Steps() as steps:
        calibration = measure(settings, steps.show)
    write_calibration(calibration, out)
    _print(console, calibration)
    for text in warnings(calibration):
        note(console, text)
    command = shlex.join(["mellm", "live", source, "--calibration", str(out)])
    console.print(f"Saved to {out}. Use it: {command}", soft_wrap=True)
    return 0


_STEPS = {"record": "recording: rest now", "rest": "measuring the rest", "sensitivity": "trying known movements"}


class _Steps:
    """A progress bar a step, on stderr."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=ERRORS, transient=True, disable=not ERRORS.is_terminal)
        self._tasks: dict[str, int] = {}

    def __enter__(self) -> "_Steps":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def show(self, step: str, done: float) -> None:
        """Move a step's bar; a step that begins ends the one before."""
        if step not in self._tasks:
            self._tasks[step] = int(self._bar.add_task(_STEPS[step], total=1.0))
        self._bar.update(self._tasks[step], completed=done)  # type: ignore[arg-type]


def _print(console: Console, calibration: "Calibration") -> None:
    """Say what was found."""
    camera, face, sensitivity = calibration.camera, calibration.face, calibration.sensitivity
    flicker = f"flicker {camera.flicker:.1%} at {camera.flicker_hz:.1f} Hz" if camera.flicker else "no flicker"
    console.print(
        f"Camera: {camera.width}×{camera.height} at {camera.fps:.1f} fps, jitter {camera.jitter_ms:.1f} ms, "
        f"{camera.duplicates:.0%} repeated, {flicker}", soft_wrap=True,
    )  # fmt: skip
    console.print(
        f"Face: {face.iod_px:.0f} px between the eyes, mean grey level {face.brightness:.0f} of 255", soft_wrap=True
    )
    name, typical, most = calibration.noise()
    console.print(
        f"Noise at rest: {typical * face.iod_px:.3f} px, {typical:.3%} of the eye distance (median of the regions); "
        f"most {most * face.iod_px:.3f} px, {name}", soft_wrap=True,
    )  # fmt: skip
    trials = f"{sum(sensitivity.found)} of {sum(sensitivity.tried)} known movements found"
    if sensitivity.iod == float("inf"):
        largest = sensitivity.sizes_iod[-1]
        text = (f"Smallest movement found nine times in ten: none; not even {largest * face.iod_px:.1f} px, "
                f"{largest:.1%} of the eye distance ({trials})")  # fmt: skip
    else:
        bound = "at most " if sensitivity.iod <= sensitivity.sizes_iod[0] else ""
        text = (f"Smallest movement found nine times in ten: {bound}{sensitivity.frame_px:.1f} px, "
                f"{sensitivity.iod:.1%} of the eye distance, at this light and distance ({trials})")  # fmt: skip
    console.print(text, style="bold", soft_wrap=True)
