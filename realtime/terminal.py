"""What `mellm live` shows in a terminal: events and words as they come, then a closing table."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec
from rich import box
from rich.console import Console
from rich.live import Live as RichLive
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from calib.phantom import PhantomEvent
from realtime.calibration import Calibration, mismatch, too_small
from realtime.messages import KIND_NAMES, AnyMessage, Frame, Gap, Lost, Motion, Say, Spot, Status
from realtime.nodes import PROCESSES
from realtime.pace import Pace
from realtime.recap import Moment, counted, moment, recap
from realtime.skips import Skips
from realtime.truth import print_truth

_COLOURS = {"negative": "red", "positive": "green", "surprise": "yellow", "none": "white"}

_PATIENCE = 60  # frames without a face before the operator is told
_LONG_START_NS = 10_000_000_000  # so long do the other processes wait for one before the operator is told


@dataclass
class Typed:
    """A text that is being typed.

    Attributes:
        say: its first piece.
        at_apex: whether it is the first sentence about an event, rather than the whole.
        text: so far.
        printed: whether it stands on a line of its own already.
    """

    say: Say
    at_apex: bool
    text: str = ""
    printed: bool = False


@dataclass
class LiveView:
    """Prints a session as it happens and sums it up.

    Attributes:
        console: where to print.
        verbose: also print rising movements and faces coming and going.
        calibration: in use; what does not fit it is said.
    """

    console: Console
    verbose: bool = False
    calibration: Calibration | None = None
    spots: dict[int, Spot] = field(default_factory=dict)
    words: dict[int, Say] = field(default_factory=dict)
    statuses: dict[str, Status] = field(default_factory=dict)
    skips: Skips = field(default_factory=Skips)
    frames: int = 0
    first_word_ms: list[float] = field(default_factory=list)
    _pace: Pace = field(default_factory=Pace)
    _last_ns: int = 0
    _warned: bool = False
    _waits_since_ns: int = -1
    _told_slow: bool = False
    summary: str = ""
    _told: dict[int, Moment] = field(default_factory=dict)
    _spoken: set[int] = field(default_factory=set)
    _apexes: dict[int, int] = field(default_factory=dict)
    _typed: Typed | None = None
    _live: RichLive | None = None
    _faces: set[int] = field(default_factory=set)

    @property
    def opened(self) -> bool:
        """Whether the source has been opened."""
        first = self.statuses.get(PROCESSES[0].name)
        return first is not None and first.state in ("ready", "running", "ended")

    @property
    def began(self) -> bool:
        """Whether anything was measured, or any process has had something to do."""
        return self.frames > 0 or any(status.handled for status in self.statuses.values())

    def show(self, message: AnyMessage) -> None:
        """Take in a message, and print it if it is for people."""
        if isinstance(message, Status):
            self._status(message)
        elif isinstance(message, Frame):
            self._pace.note(message)
        elif isinstance(message, Motion):
            self._motion(message)
        elif isinstance(message, Gap):
            self.skips.note(message)
            self._line(message.t_media_ns, Text(f"gap: {message.cause}", "yellow"))
        elif isinstance(message, Lost):
            self._faces.discard(message.face_id)
            self._line(message.t_media_ns, Text(f"face {message.face_id}: {message.cause}", "dim"))
        elif isinstance(message, Spot):
            self.spots[message.spot_id] = message
            if message.phase == "apex":
                self._apexes[message.spot_id] = message.seq
            if self.verbose and message.phase == "rising":
                self._line(message.t_media_ns, Text(f"#{message.spot_id} rising", "dim"))
        elif isinstance(message, Say):
            self._say(message)

    def _line(self, t_ns: int, text: Text) -> None:
        self.console.print(_stamped(t_ns, text), soft_wrap=True)

    def _status(self, status: Status) -> None:
        before = self.statuses.get(status.process)
        self.statuses[status.process] = status
        if self.verbose and (before is None or before.state != status.state):
            self.console.print(Text(f"           {status.process} {status.state} (pid {status.pid})", "dim"))
        if status.process == PROCESSES[0].name:
            self._starting(status)
        if status.process == "align" and self.frames == 0 and status.handled >= _PATIENCE and not self._warned:
            self._warned = True
            self._line(
                status.t_media_ns, Text(f"no face seen in {status.handled} frames; is it in the picture?", "yellow")
            )

    def _starting(self, first: Status) -> None:
        """Say once whom the first process waits for, if it has waited long."""
        if first.state != "ready":
            self._waits_since_ns = -1
        elif self._waits_since_ns < 0:
            self._waits_since_ns = first.t_capture_ns
        names = [
            spec.name
            for spec in PROCESSES
            if spec.name not in self.statuses or self.statuses[spec.name].state == "crashed"
        ]
        waited_ns = first.t_capture_ns - self._waits_since_ns if self._waits_since_ns >= 0 else 0
        if names and waited_ns > _LONG_START_NS and not self._told_slow:
            self._told_slow = True
            self.console.print(
                f"still starting: {' and '.join(names)}; the first time that a flow engine or language model is used, "
                "preparing it may take a minute or two", style="dim", soft_wrap=True,
            )  # fmt: skip

    def _motion(self, motion: Motion) -> None:
        self.frames += 1
        self._last_ns = motion.t_media_ns
        if motion.face_id not in self._faces:
            self._faces.add(motion.face_id)
            self._line(
                motion.t_media_ns, Text(f"face {motion.face_id}: {motion.iod_px:.0f} px between the eyes", "dim")
            )
            said = mismatch(self.calibration, motion.engine, motion.iod_px) if self.calibration else []
            for text in [*too_small(motion.iod_px), *said]:
                self._line(motion.t_media_ns, Text(f"note: {text}", "yellow"))

    def rest(self) -> None:
        """End what is being typed, so that others can write."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        typed, self._typed = self._typed, None
        if typed is not None and typed.at_apex and not typed.printed:
            self._line(typed.say.t_media_ns, _at_apex(typed))

    def _say(self, say: Say) -> None:
        if say.spot_id < 0:
            if say.final:
                self.summary = say.text
            else:
                self._line(max(say.t_media_ns, 0), Text(f"note: {say.text}", "yellow"))
            return
        spot = self.spots.get(say.spot_id)
        if spot is None:
            return
        if spot.phase == "revoked":
            self.rest()
            if say.final:
                self._line(say.t_media_ns, Text(f"#{say.spot_id} {say.text}", "dim"))
            return
        if say.spot_id not in self._spoken and spot.kind != "speech":
            self._spoken.add(say.spot_id)
            seen_ns = say.t_media_ns - max(spot.apex_ns, 0)  # from the apex to the frame that made it certain
            self.first_word_ms.append((seen_ns + time.monotonic_ns() - say.t_capture_ns) / 1e6)
        if not say.final:
            self._type(say)
            return
        self.rest()
        self.words[say.spot_id], self._told[say.spot_id] = say, moment(spot, say)
        # In an hour what moved in every event, and its picture, would be tens of megabytes.
        self.spots[say.spot_id] = msgspec.structs.replace(spot, regions=(), noise_iod=(), sketch=b"")
        line = Text(f"#{say.spot_id} ")
        line.append(KIND_NAMES[spot.kind] if spot.kind else "", "bold")
        line.append(f"  {_times(spot)}")
        if spot.kind != "speech":  # into which nothing is read
            line.append(f"  {' '.join(say.action_units) or 'no unit'}  ")
            line.append(f"{say.label} {say.confidence:.0%}", _COLOURS[say.label])
        self._line(say.t_media_ns, line)
        self.console.print(Padding(Text(say.text, "italic"), (0, 0, 0, 11)))

    def _type(self, say: Say) -> None:
        """Add a piece to the text that is being typed: letter by letter on a terminal, else a line once it is whole."""
        typed = self._typed
        if typed is None or (typed.say.spot_id, typed.say.seq) != (say.spot_id, say.seq):
            self.rest()
            typed = self._typed = Typed(say, self._apexes.get(say.spot_id) == say.seq)
        typed.text += say.text
        if typed.at_apex and typed.text.rstrip().endswith((".", "!", "?")):
            if self._live is not None:
                self._live.stop()
                self._live = None
            if not typed.printed:
                typed.printed = True
                self._line(say.t_media_ns, _at_apex(typed))
        elif self.console.is_terminal and not self.console.record:
            if self._live is None:
                self._live = RichLive(
                    console=self.console, auto_refresh=False, transient=True, redirect_stdout=False,
                    redirect_stderr=False,
                )  # fmt: skip
                self._live.start()
            words = _at_apex(typed) if typed.at_apex else Text(f"#{say.spot_id} {typed.text.strip()}", "italic")
            self._live.update(_stamped(say.t_media_ns, words), refresh=True)

    def closing(self) -> None:
        """Print the closing table and the summary: what every process did, how late it was, and what was seen."""
        self.rest()
        table = Table(title="Session", title_justify="left", box=box.SIMPLE_HEAD)
        for name in ("process", "nodes", "done", "per s", "drops", "restarts", "p50 ms", "p95 ms"):
            words = name in ("process", "nodes")
            table.add_column(name, justify="left" if words else "right", no_wrap=name != "nodes")
        seconds = self._pace.seconds
        for spec in PROCESSES:
            status = self.statuses.get(spec.name)
            if status is not None:
                rate = f"{status.handled / seconds:.1f}" if seconds > 0 else "–"
                table.add_row(
                    spec.name, " ".join(spec.nodes), str(status.handled), rate, str(status.drops),
                    str(status.restarts), f"{status.p50_ms:.1f}", f"{status.p95_ms:.1f}",
                )  # fmt: skip
        self.console.print(table)
        self.console.print(
            "Latency counts from the frame's capture to the end of that process's work on it.", style="dim"
        )
        skipped = f"{counted(self.skips.frames, 'frame')} skipped in {counted(self.skips.gaps, 'gap')}"
        self.console.print(skipped if self.skips.gaps else "No frame skipped")
        if self._pace.slow and self.statuses:  # without processes it was not to keep up: an analysis, replayed
            slow = f"Ran at {self._pace.speed:.2f} × real time: the machine was too slow or too busy"
            self.console.print(slow, style="yellow")
        if self.first_word_ms:
            ordered = sorted(self.first_word_ms)
            self.console.print(f"First word {ordered[len(ordered) // 2]:.0f} ms after the apex (median)")
        self.console.print(Text("Summary", "bold"))
        self.console.print(Padding(Text(self.summary or self._recap(), "italic"), (0, 0, 0, 2)))

    def _recap(self) -> str:
        """The summary of a session that was stopped before it could give one."""
        revoked = sum(spot.phase == "revoked" for spot in self.spots.values())
        return recap(list(self._told.values()), revoked, self._last_ns / 1e9)

    def against(self, events: Iterable[PhantomEvent]) -> None:
        """Print what was spotted beside what the phantom really did: events in order, even without end."""
        print_truth(self.console, events, self.spots, self.words, self._last_ns / 1e9)


def _stamped(t_ns: int, text: Text) -> Text:
    return Text.assemble((f"{t_ns / 1e9:7.2f} s  ", "cyan"), text)


def _at_apex(typed: Typed) -> Text:
    return Text(f"#{typed.say.spot_id} at its apex: {typed.text.strip()} …")


def _times(spot: Spot) -> str:
    onset, apex, offset = (t / 1e9 for t in (spot.onset_ns, spot.apex_ns, spot.offset_ns))
    length = f"{1000 * (offset - onset):.0f} ms" + ", cut off" * spot.cut_off
    return f"{onset:.2f}–{offset:.2f} s (apex {apex:.2f}, {length})"
