"""What the commands with a page share: its settings, its address on the terminal, and how long it stays."""

import dataclasses
import math
import os
import time
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from realtime.commands.options import complain, note
from realtime.config import DashboardConfig

if TYPE_CHECKING:
    from realtime.dashboard.door import Dashboard
    from realtime.recordings.record import Recorder
    from realtime.recordings.tape import Tape
    from realtime.supervisor import Session

_LOCAL = ("127.0.0.1", "localhost", "::1")
_EVERY = ("0.0.0.0", "::")
_LOOK_S = 0.25

GONE = "the page's process has ended"
"""What is said of a page that went by itself, as one that was killed."""

AWAY_S = 20.0
"""So long a page may be away after the session: one that is reloaded comes back, and one on a phone that was locked."""


def dashboard_from(settings: DashboardConfig, host: str, port: int | None, no_video: bool) -> DashboardConfig:
    """The page's settings with what the command line changes in them."""
    return dataclasses.replace(
        settings,
        host=host or settings.host,
        port=settings.port if port is None else port,
        video=settings.video and not no_video,
    )


def announce(page: "Dashboard", console: Console, open_it: bool | None) -> None:
    """Say where the page is, warn if others can reach it, and open it in the browser.

    Args:
        page: served already.
        console: where to say it.
        open_it: whether to open it; None opens it if this machine has a display and the terminal a person.
    """
    console.print(f"the page is at {page.url}", soft_wrap=True)
    host = page.config.dashboard.host
    if host not in _LOCAL:
        from realtime.dashboard.door import address_outside

        if host in _EVERY:
            console.print(f"from other machines at {page.url_at(address_outside())}", soft_wrap=True)
        note(console, f"served at {host}: whoever has the address with its key and can reach this machine sees the "
                      "picture, the words and the recordings, and the way there is not encrypted")  # fmt: skip
    has_display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if open_it or (open_it is None and has_display and console.is_terminal):
        webbrowser.open(page.url)


def serve_recordings(path: Path, host: str, port: int | None, open_it: bool | None, console: Console) -> int:
    """Serve the page without a session, for a recording or a folder of them, until Ctrl-C.

    Raises:
        RecordingError: it is neither.
    """
    from realtime.config import Config
    from realtime.dashboard.door import Dashboard
    from realtime.recordings.journal import JOURNAL
    from realtime.recordings.sessions import open_recording

    folder, place = path.resolve(), "#recordings"
    if not (folder.is_dir() and any(folder.glob(f"*/{JOURNAL}"))):
        recording = open_recording(path)  # says what is wrong, if something is
        folder, place = recording.path.resolve().parent, f"#recordings/{recording.path.resolve().name}"
    settings = dataclasses.replace(Config(), dashboard=dashboard_from(DashboardConfig(), host, port, False))
    with Dashboard(settings, folder) as page:
        page.url += place
        announce(page, console, open_it)
        console.print("Ctrl-C ends it", style="dim")
        try:
            while not page.gone:
                list(page.orders(_LOOK_S))
        except KeyboardInterrupt:
            console.print("stopped", style="dim")
            return 0
    complain(GONE)
    return 1


def heed(page: "Dashboard", session: "Session", tape: "Tape") -> None:
    """Carry out what viewers have asked for, and tell them when a recording begins or ends, also by itself."""
    from realtime.dashboard.orders import Annotate, Record
    from realtime.recordings.journal import RecordingError

    for order in page.orders():
        try:
            if isinstance(order, Record):
                if order.video and not page.config.dashboard.video:
                    raise ValueError("no picture can be recorded from this page: it was started without (--no-video)")
                tape.start(order.video) if order.on else tape.stop()
            elif isinstance(order, Annotate):
                until_ns = -1 if order.until is None else round(order.until * 1e9)
                session.annotate(order.text, round(order.t * 1e9), until_ns)
                break  # it comes next: then what was asked for after it, as the end of a recording, finds it in there
        except (RecordingError, ValueError, OSError) as error:
            page.tell("notice", {"level": "error", "text": str(error)})
    page.keep_told("recording", tape.state)


def linger(page: "Dashboard", tape: "Tape", console: Console, clock: Callable[[], float] = time.monotonic) -> None:
    """After the session: stay as long as somebody looks at the page, and `AWAY_S` longer.

    A page that nobody has opened yet, as that of a file of a few seconds, is waited for.
    """
    page.keep_told("recording", tape.state)
    _heed_late(page, tape)
    if page.visited and not page.viewers:
        return
    stays = "while it is open" if page.visited else "until it has been opened and closed"
    console.print(f"the session is over; the page stays {stays} (Ctrl-C ends it)", style="dim")
    seen_s = clock() if page.visited else math.inf
    while not page.gone and clock() - seen_s < AWAY_S:
        _heed_late(page, tape, _LOOK_S)
        if page.viewers:
            seen_s = clock()


def _heed_late(page: "Dashboard", tape: "Tape", wait_s: float = 0.0) -> None:
    """Orders after the session's end: notes still go beside its recording, if there is one."""
    from realtime.dashboard.orders import Annotate
    from realtime.dashboard.wire import annotation
    from realtime.recordings.journal import NOTES
    from realtime.recordings.notes import add_note, make_note

    for order in page.orders(wait_s):
        at_ns = round(order.t * 1e9) if isinstance(order, Annotate) else -1
        recorder = next((r for r in tape.finished if _holds(r, at_ns)), None)
        if not isinstance(order, Annotate) or recorder is None:
            page.tell(
                "notice", {"level": "error", "text": "the session is over; only what was recorded can take notes now"}
            )
            continue
        until_ns = -1 if order.until is None else round(order.until * 1e9)
        try:
            noted = make_note(order.text, at_ns, until_ns)
            add_note(recorder.folder / NOTES, noted)
        except (ValueError, OSError) as error:
            page.tell("notice", {"level": "error", "text": str(error)})
            continue
        page.tell("annotation", annotation(noted))


def _holds(recorder: "Recorder", t_ns: int) -> bool:
    """Whether a time that a page tells, in whole µs, lies in a recording."""
    return recorder.counts.first_ns - 1000 <= t_ns <= recorder.counts.last_ns + 1000
