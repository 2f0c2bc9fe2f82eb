"""`mellm live`."""

import dataclasses
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console

from realtime.commands.options import (
    CalibrationFile,
    ConfigFile,
    Engine,
    Faces,
    Fps,
    NarratorName,
    Size,
    Source,
    UsageError,
    capture_from,
    complain,
    note,
    plain,
    settings_from,
)

if TYPE_CHECKING:
    from realtime.record import Recorder


def live(
    source: Source,
    *,
    fps: Fps = 0.0,
    seconds: Annotated[float, Parameter(help="Stop after so many seconds; 0 runs until the end or Ctrl-C.")] = 0.0,
    size: Size = "",
    faces: Faces = None,
    engine: Engine = "",
    narrator: NarratorName = "",
    calibration: CalibrationFile = None,
    config: ConfigFile = None,
    record: Annotated[
        Path | None,
        Parameter(help="Record what is measured and said, a folder a session in this folder; no pixel of a face."),
    ] = None,
    record_video: Annotated[
        bool, Parameter(negative="", help="Record the video beside it, which shows the face.")
    ] = False,
    seed: Annotated[int | None, Parameter(help="Of the phantom's performance.")] = None,
    verbose: Annotated[bool, Parameter(negative="", help="Also show processes starting and movements rising.")] = False,
) -> int:
    """Watch a face live: events and words as they happen, a closing table and a summary at the end. Ctrl-C stops.

    A language model that cannot be used, is too slow, or says what was not measured stops nothing: the template
    narrator speaks instead, and a note says so.

    Examples:
      mellm live 0                         the first webcam
      mellm live interview.mp4             a file, at its own speed
      mellm live http://127.0.0.1:8080/    an MJPEG stream
      mellm live phantom --seconds 20      the built-in face, whose every movement is known
      mellm live 0 --narrator gguf:models/qwen3-0.6b-q8_0.gguf
      mellm live 0 --calibration me.toml   with what mellm calibrate 0 --out me.toml has measured
      mellm live 0 --record sessions       keeps it, for mellm replay and mellm export
    """
    if record_video and record is None:
        raise UsageError("--record-video: say where, with --record FOLDER")
    settings = settings_from(config, faces, engine, narrator, calibration)
    capture = capture_from(settings.capture, source, fps, size)
    capture = dataclasses.replace(capture, seconds=seconds or capture.seconds)
    if seed is not None:
        capture = dataclasses.replace(capture, seed=seed)
    settings = dataclasses.replace(settings, capture=capture)
    from realtime.calibration import open_calibration
    from realtime.record import Recorder
    from realtime.recorded import PHANTOMS, phantom_script
    from realtime.supervisor import Session
    from realtime.terminal import LiveView

    console = plain()
    view = LiveView(console, verbose, open_calibration(settings.spot))
    console.print(f"mellm live {source}: starting (Ctrl-C stops)", style="bold")
    recorder: Recorder | None = None
    failed = False  # whether that the recording stopped has been said
    try:
        with Session(settings) as session, ExitStack() as stack:
            if record is not None:
                recorder = stack.enter_context(Recorder(record, settings, session.frames if record_video else None))
                what = "with the video, which shows the face" if record_video else "no pixels"
                console.print(f"recording to {recorder.folder} ({what})", style="bold", soft_wrap=True)
            if verbose:
                console.print(f"listen at {session.public_address} and {session.events_address}", style="dim")
            for message in session:
                if recorder is not None:
                    recorder.take(message)
                    if recorder.problem and not failed:
                        failed = True
                        complain(recorder.problem)
                view.show(message)
    except KeyboardInterrupt:
        view.rest()
        console.print("stopped", style="dim")
    finally:
        view.rest()
    if source in PHANTOMS:
        view.against(phantom_script(capture))
    view.closing()
    return 0 if recorder is None else _recorded(console, recorder, failed)


def _recorded(console: Console, recorder: "Recorder", failed: bool) -> int:
    """Say what became of a recording, that it `failed` only if that has not been said; the exit status."""
    if recorder.unfilmed:
        note(console, f"{recorder.unfilmed} frames are not in the video: it could not be encoded as fast as they came")
    if recorder.problem:
        if not failed:
            complain(recorder.problem)
        return 1
    size = sum(file.stat().st_size for file in recorder.folder.iterdir()) / 1e6
    console.print(f"recorded {size:.1f} MB in {recorder.folder}: see mellm replay, mellm export", soft_wrap=True)
    return 0
