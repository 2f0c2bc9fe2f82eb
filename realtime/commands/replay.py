"""`mellm replay`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from realtime.commands.options import (
    ERRORS,
    Dashboard,
    Engine,
    Host,
    NarratorName,
    OpenPage,
    Port,
    UsageError,
    note,
    plain,
    refuse,
)
from realtime.commands.page import serve_recordings
from realtime.environment import one_thread

if TYPE_CHECKING:
    from realtime.exports.tables import Event
    from realtime.recordings.difference import Difference
    from realtime.recordings.sessions import Recording

TOLERANCE_MS = 50.0
"""The video is encoded with loss: onset and offset move by some ms, the apex by a frame at 30 fps."""

SHORT_NS = 500_000_000
"""A video that ends so much before its recording has lost something."""

SessionFolder = Annotated[Path, Parameter(help="A recording's folder, as mellm live … --record made it.")]


def replay(
    session: SessionFolder,
    *,
    headless: Annotated[bool, Parameter(negative="", help="Do not wait: as fast as it goes.")] = False,
    speed: Annotated[float | None, Parameter(help="So many times as fast as it happened [default: 1].")] = None,
    messages: Annotated[
        bool,
        Parameter(negative="", help="With --headless: do not measure the video anew."),
    ] = False,
    tolerance: Annotated[
        float | None,
        Parameter(
            help=f"With --headless: an event that moved by more than this differs, ms [default: {TOLERANCE_MS:g}]."
        ),
    ] = None,
    engine: Engine = "",
    narrator: NarratorName = "",
    dashboard: Dashboard = False,
    port: Port = None,
    host: Host = "",
    open_page: OpenPage = None,
) -> int:
    """Play a recording: its events and words at their time.

    With --headless, one that has its video goes through the pipeline as it is now, and the events are held against
    those that were recorded: the exit status is 1 if they differ. One without is shown without waiting.

    With --dashboard it is opened in the browser, to be scrubbed, annotated and exported beside all others of its
    folder; a folder of recordings will do as well.

    For example:
      mellm replay sessions/2026-11-25T17-30-00
      mellm replay sessions --dashboard
      mellm replay sessions/2026-11-25T17-30-00 --headless
    """
    if speed is not None and not speed > 0:
        raise UsageError(f"--speed {speed:g}: it must be more than 0 (as fast as it goes: --headless)")
    if tolerance is not None and not tolerance >= 0:
        raise UsageError(f"--tolerance {tolerance:g}: it must be 0 or more")
    anew: dict[str, object] = {"--engine": engine, "--narrator": narrator, "--tolerance": tolerance}
    for ignored, given, why in (
        (not headless, {**anew, "--messages": messages}, "only with --headless"),
        (messages, anew, "nothing is measured with --messages"),
        (headless, {"--speed": speed}, "not with --headless"),
        (not dashboard, {"--port": port, "--host": host, "--open": open_page}, "only with --dashboard"),
        (dashboard, {"--headless": headless, "--speed": speed}, "not with --dashboard"),
    ):
        if ignored:
            refuse(given, why)
    if dashboard:
        return serve_recordings(session, host, port, open_page, plain())
    from realtime.recordings.sessions import open_recording

    recording = open_recording(session)
    console = plain()
    if not recording.info.complete:
        reached_s = recording.info.duration_s
        note(console, f"{session} was cut off or is still being recorded: it goes up to {reached_s:.1f} s")
    if headless and recording.video is not None and not messages:
        tolerance_ms = TOLERANCE_MS if tolerance is None else tolerance
        return _measure_anew(recording, console, engine, narrator, tolerance_ms)
    refuse(anew, f"{session} was recorded without its video, so nothing can be measured anew")
    if headless and not messages:
        note(console, f"{session} was recorded without its video: shown as it was, nothing is measured anew")
    return _show(recording, console, 0.0 if headless else speed or 1.0)


def _show(recording: "Recording", console: Console, speed: float) -> int:
    """The messages as they came."""
    from realtime.messages import Annotation
    from realtime.recordings.answers import Answers
    from realtime.recordings.replay import Replay
    from realtime.terminal import LiveView

    view, answers = LiveView(console), Answers()
    with Replay(recording, speed) as played:
        for message in played:
            answers.take(message)
            if not isinstance(message, Annotation):
                view.show(message)
    for noted in recording.notes:
        console.print(
            Text.assemble((f"{noted.t_media_ns / 1e9:7.2f} s  ", "cyan"), "note: ", noted.text), soft_wrap=True
        )
    view.first_word_ms.clear()  # today's clock says nothing about that day
    view.summary = answers.summary(recording.info.duration_s)  # the session's may tell of more
    view.closing()
    return 0


def _measure_anew(recording: "Recording", console: Console, engine: str, narrator: str, tolerance_ms: float) -> int:
    """The video through the nodes, and what differs."""
    from realtime.messages import AnyMessage, Motion
    from realtime.recordings.difference import compare
    from realtime.recordings.replay import through_nodes
    from realtime.recordings.sessions import collect_events

    said: list[AnyMessage] = []
    reached_ns, filmed = 0, recording.footage()
    length_s = recording.info.duration_s
    columns = TextColumn("measuring anew"), BarColumn(), TextColumn("{task.completed:.1f} s"), TimeRemainingColumn()
    with one_thread(), Progress(*columns, console=ERRORS, transient=True, disable=not ERRORS.is_terminal) as bar:
        task = bar.add_task("", total=length_s)
        for message in through_nodes(recording, engine, narrator):
            reached_ns = max(reached_ns, message.t_media_ns)
            if isinstance(message, Motion):
                bar.update(task, completed=message.t_media_ns / 1e9)
            else:
                said.append(message)
    found = compare(recording.events(), collect_events(said, recording.path.name))
    if filmed and filmed[-1].t_media_ns - reached_ns > SHORT_NS:
        note(console, f"{recording.video}: damaged or cut short, it ends {reached_ns / 1e9:.1f} s after "
                      f"its beginning instead of {filmed[-1].t_media_ns / 1e9:.1f} s")  # fmt: skip
    console.print(_table(found, tolerance_ms))
    differs = found.differs(tolerance_ms)
    late = max((max(map(abs, pair.moved_ms)) for pair in found.pairs), default=0)
    console.print(
        f"{len(found.pairs)} events in both, moved by {late} ms at most; {len(found.missing)} missing, "
        f"{len(found.new)} new: {'they differ' if differs else 'the same'} (tolerance {tolerance_ms:g} ms)",
        soft_wrap=True,
    )
    return 1 if differs else 0


def _table(found: "Difference", tolerance_ms: float) -> Table:
    """Every event, and what became of it."""
    table = Table(title="Recorded events, and the same video measured now", title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("", "face", "onset–apex–offset s", "units", "moved ms", "changed"):
        table.add_column(heading)
    rows: list[tuple[float, list[str | Text]]] = []
    for pair in found.pairs:
        moved = " ".join(f"{ms:+d}" for ms in pair.moved_ms)
        far = max(map(abs, pair.moved_ms)) > tolerance_ms
        changed = Text("; ".join(pair.changes) or "–", "yellow" if pair.changes else "dim")
        rows.append((pair.before.onset_s, [*_cells(pair.before), Text(moved, "yellow" if far else ""), changed]))
    rows += [(event.onset_s, [*_cells(event), "", Text("missing now", "red")]) for event in found.missing]
    rows += [(event.onset_s, [*_cells(event), "", Text("new", "red")]) for event in found.new]
    for _, cells in sorted(rows, key=lambda row: row[0]):
        table.add_row(*cells)
    return table


def _cells(event: "Event") -> list[str | Text]:
    times = f"{event.onset_s:.2f}–{event.apex_s:.2f}–{event.offset_s:.2f}"
    return [event.kind, str(event.face_id), times, " ".join(event.action_units) or "–"]
