"""`mellm live`."""

import dataclasses
from contextlib import ExitStack
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
from realtime.commands.page import announce, dashboard_from, heed, linger


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
    dashboard: Annotated[
        bool, Parameter(negative="", help="Serve the live page at an address of this machine.")
    ] = False,
    port: Annotated[int | None, Parameter(help="Of the live page; 0 takes any that is free [default: 8737].")] = None,
    host: Annotated[str, Parameter(help="Address to serve the page at; any but this machine's lets others in.")] = "",
    no_video: Annotated[bool, Parameter(negative="", help="The page shows curves and words only, no picture.")] = False,
    open_page: Annotated[
        bool | None,
        Parameter(name="--open", negative="--no-open", help="Open the page in the browser [default: if there is one]."),
    ] = None,
    verbose: Annotated[bool, Parameter(negative="", help="Also show processes starting and movements rising.")] = False,
) -> int:
    """Watch a face live: events and words as they happen, a closing table at the end. Ctrl-C stops.

    Examples:
      mellm live 0                         the first webcam
      mellm live interview.mp4             a file, at its own speed
      mellm live http://127.0.0.1:8080/    an MJPEG stream
      mellm live phantom --seconds 20      the built-in face, whose every movement is known
      mellm live 0 --dashboard             in the browser: picture, curves, events, words
      mellm live 0 --calibration me.toml   with what mellm calibrate 0 --out me.toml has measured
    """
    settings = settings_from(config, faces, engine, narrator, calibration)
    capture = capture_from(settings.capture, source, fps, size)
    capture = dataclasses.replace(capture, seconds=seconds or capture.seconds)
    if seed is not None:
        capture = dataclasses.replace(capture, seed=seed)
    page = dashboard_from(settings.dashboard, host, port, no_video)
    settings = dataclasses.replace(settings, capture=capture, dashboard=page)
    from realtime.calibration import open_calibration
    from realtime.dashboard.door import Dashboard
    from realtime.dashboard.place import Stage
    from realtime.recorded import PHANTOMS, phantom_script
    from realtime.supervisor import Session
    from realtime.terminal import LiveView

    console = plain()
    view = LiveView(console, verbose, open_calibration(settings.spot))
    console.print(f"mellm live {source}: starting (Ctrl-C stops)", style="bold")
    try:
        with ExitStack() as stack:
            shown = Dashboard(settings) if dashboard else None
            session = stack.enter_context(Session(settings))
            if verbose:
                console.print(f"listen at {session.public_address} and {session.events_address}", style="dim")
            if shown is not None:
                shown.show(Stage(session.wiring, session.frames))
                announce(stack.enter_context(shown), console, open_page)
            for message in session:
                view.show(message)
                if shown is not None:
                    heed(shown, session)
            if shown is not None:
                linger(shown, console)
    except KeyboardInterrupt:
        console.print("stopped", style="dim")
    if source in PHANTOMS:
        view.against(phantom_script(capture))
    view.closing()
    return 0
