"""`mellm live`."""

import dataclasses
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console

from realtime.commands.options import (
    ERRORS,
    CalibrationFile,
    ConfigFile,
    Dashboard,
    Engine,
    Faces,
    Fps,
    Host,
    NarratorName,
    OpenPage,
    Port,
    Size,
    Source,
    UsageError,
    capture_from,
    complain,
    note,
    plain,
    refuse,
    settings_from,
    within,
)
from realtime.commands.page import GONE, announce, dashboard_from, heed, linger

if TYPE_CHECKING:
    from realtime.recordings.record import Recorder


def live(
    source: Source,
    *,
    fps: Fps = 0.0,
    seconds: Annotated[
        float,
        Parameter(
            validator=within("capture.seconds"), help="Stop after so many seconds; 0 runs until the end or Ctrl-C."
        ),
    ] = 0.0,
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
    seed: Annotated[
        int | None, Parameter(validator=within("capture.seed"), help="Of the phantom's performance.")
    ] = None,
    dashboard: Dashboard = False,
    port: Port = None,
    host: Host = "",
    no_video: Annotated[bool, Parameter(negative="", help="The page shows curves and words only, no picture.")] = False,
    open_page: OpenPage = None,
    view: Annotated[bool, Parameter(negative="", help="A panel in the terminal: curves, rates, latencies.")] = False,
    verbose: Annotated[bool, Parameter(negative="", help="Also show processes starting and movements rising.")] = False,
) -> int:
    """Watch a face live: events and words as they happen, a closing table and a summary at the end. Ctrl-C stops.

    A language model that cannot be used, is too slow, or says what was not measured stops nothing: the template
    narrator speaks instead, and a note says so.

    For example:
      mellm live 0                         the first webcam
      mellm live interview.mp4             a file, at its own speed
      mellm live http://127.0.0.1:8080/    an MJPEG stream
      mellm live phantom --seconds 20      the built-in face, its truth beside it
      mellm live 0 --dashboard             in the browser: picture, curves, words
      mellm live 0 --view                  curves in the terminal, over ssh too
      mellm live 0 --narrator gguf:models/qwen3-0.6b-q8_0.gguf
      mellm live 0 --calibration me.toml   with what mellm calibrate has measured
      mellm live 0 --record sessions       keeps it, for mellm replay and export
    """
    if record_video and record is None:
        raise UsageError("--record-video: say where, with --record FOLDER")
    if not dashboard:
        refuse({"--port": port, "--host": host, "--no-video": no_video, "--open": open_page}, "only with --dashboard")
    settings = settings_from(config, faces, engine, narrator, calibration)
    capture = capture_from(settings.capture, source, fps, size)
    capture = dataclasses.replace(capture, seconds=seconds or capture.seconds)
    if seed is not None:
        capture = dataclasses.replace(capture, seed=seed)
    served = dashboard_from(settings.dashboard, host, port, no_video)
    settings = dataclasses.replace(settings, capture=capture, dashboard=served)
    folder = record or Path(settings.dashboard.folder)
    from realtime.calibration import open_calibration
    from realtime.dashboard.door import Dashboard as Page
    from realtime.dashboard.place import Stage
    from realtime.panel import Panel
    from realtime.recorded import PHANTOMS, phantom_events
    from realtime.recordings.tape import Tape
    from realtime.sources import assumed_rate, source_title
    from realtime.supervisor import Session, SessionError
    from realtime.terminal import LiveView

    console = plain()
    told = LiveView(console, verbose, open_calibration(settings.spot))
    for text in assumed_rate(capture):
        note(ERRORS, f"{source}: {text}")
    if view and not console.is_terminal:
        note(ERRORS, "--view needs a terminal; events and words are printed without the panel")
    console.print(f"mellm live {source_title(source)}: starting (Ctrl-C stops)", style="bold")
    tape: Tape | None = None
    complained: list[str] = []
    broken_off = False
    try:
        with ExitStack() as stack:
            page = Page(settings, folder.resolve()) if dashboard else None
            session = stack.enter_context(Session(settings))
            tape = stack.enter_context(Tape(session, folder))
            if record is not None:
                tape.start(record_video)
                what = "with the video, which shows the face" if record_video else "no pixels"
                console.print(f"recording to {tape.folder} ({what})", style="bold", soft_wrap=True)
            if verbose:
                where = f"listen at {session.public_address} and {session.events_address}"
                console.print(where, style="dim", soft_wrap=True)
            if page is not None:
                page.show(Stage(session.wiring, session.frame_ring))
                page.say_first("recording", tape.state)
                stack.enter_context(page)
            unsaid = page  # a source that cannot be opened needs no page
            panel = stack.enter_context(Panel(console)) if view and console.is_terminal else None
            try:
                for message in session:
                    if problem := tape.take(message):
                        complained.append(problem)
                        complain(problem)
                    told.show(message)
                    if panel is not None:
                        panel.take(message)
                    if unsaid is not None and told.opened:
                        announce(unsaid, console, open_page)
                        unsaid = None
                    if page is not None:
                        heed(page, session, tape)
                        if page.gone:
                            note(console, f"{GONE}; the session goes on without it")
                            page = None
            except SessionError as error:
                if not told.began:
                    raise
                broken_off = True
                told.rest()
                complain(str(error))
            tape.stop()
            if page is not None:
                linger(page, tape, console)
    except KeyboardInterrupt:
        told.rest()
        console.print("stopped", style="dim")
    finally:
        told.rest()
    if told.began:
        if source in PHANTOMS:
            told.against(phantom_events(capture))
        told.closing()
        if not told.frames:
            note(console, "no face was seen, so nothing was measured")
    finished = tape.finished if tape is not None else []
    kept = [_recorded(console, recorder, recorder.problem in complained) for recorder in finished]
    return max(kept, default=0) or int(broken_off)


def _recorded(console: Console, recorder: "Recorder", failed: bool) -> int:
    """Say what became of a recording, that it `failed` only if that has not been said; the exit status."""
    from realtime.recap import counted

    if recorder.unfilmed:
        lacks = counted(recorder.unfilmed, "frame")
        note(console, f"the video lacks {lacks}: it could not be encoded as fast as frames came")
    if recorder.misfits:
        note(console, f"the video lacks {counted(recorder.misfits, 'frame')}: of another size than its first")
    if recorder.problem:
        if not failed:
            complain(recorder.problem)
        return 1
    size = sum(file.stat().st_size for file in recorder.folder.iterdir()) / 1e6
    console.print(f"recorded {size:.1f} MB in {recorder.folder}: see mellm replay, mellm export", soft_wrap=True)
    return 0
