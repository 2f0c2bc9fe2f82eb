"""`mellm live`."""

import dataclasses
from typing import Annotated

from cyclopts import Parameter

from realtime.commands.options import (
    CalibrationFile,
    ConfigFile,
    Engine,
    Faces,
    Fps,
    NarratorName,
    Size,
    Source,
    capture_from,
    plain,
    settings_from,
)


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
    """
    settings = settings_from(config, faces, engine, narrator, calibration)
    capture = capture_from(settings.capture, source, fps, size)
    capture = dataclasses.replace(capture, seconds=seconds or capture.seconds)
    if seed is not None:
        capture = dataclasses.replace(capture, seed=seed)
    settings = dataclasses.replace(settings, capture=capture)
    from realtime.calibration import open_calibration
    from realtime.recorded import PHANTOMS, phantom_script
    from realtime.supervisor import Session
    from realtime.terminal import LiveView

    console = plain()
    view = LiveView(console, verbose, open_calibration(settings.spot))
    console.print(f"mellm live {source}: starting (Ctrl-C stops)", style="bold")
    try:
        with Session(settings) as session:
            if verbose:
                console.print(f"listen at {session.public_address} and {session.events_address}", style="dim")
            for message in session:
                view.show(message)
    except KeyboardInterrupt:
        view.rest()
        console.print("stopped", style="dim")
    finally:
        view.rest()
    if source in PHANTOMS:
        view.against(phantom_script(capture))
    view.closing()
    return 0
