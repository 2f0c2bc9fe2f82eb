"""What `mellm live` shows in a terminal: events and words as they come, then a closing table."""

import time
from dataclasses import dataclass, field

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from calib.phantom import PhantomScript
from calib.phantom.scoring import match
from realtime.calibration import Calibration, mismatch
from realtime.messages import AnyMessage, Gap, Lost, Motion, Say, Spot, Status
from realtime.nodes import PROCESSES

_COLOURS = {"negative": "red", "positive": "green", "surprise": "yellow", "none": "white"}

_PATIENCE = 60  # frames without a face before the operator is told


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
    gaps: int = 0
    skipped: int = 0
    frames: int = 0
    first_word_ms: list[float] = field(default_factory=list)
    _first_ns: int = -1
    _last_ns: int = 0
    _warned: bool = False
    _spoken: set[int] = field(default_factory=set)
    _faces: set[int] = field(default_factory=set)

    def show(self, message: AnyMessage) -> None:
        """Take in a message, and print it if it is for people."""
        if isinstance(message, Status):
            self._status(message)
        elif isinstance(message, Motion):
            self._motion(message)
        elif isinstance(message, Gap):
            self.gaps += 1
            self.skipped += max(0, message.to_seq - message.from_seq + 1)
            self._line(message.t_media_ns, Text(f"gap: {message.cause}", "yellow"))
        elif isinstance(message, Lost):
            self._faces.discard(message.face_id)
            self._line(message.t_media_ns, Text(f"face {message.face_id}: {message.cause}", "dim"))
        elif isinstance(message, Spot):
            self.spots[message.spot_id] = message
            if self.verbose and message.phase == "rising":
                self._line(message.t_media_ns, Text(f"#{message.spot_id} rising", "dim"))
        elif isinstance(message, Say):
            self._say(message)

    def _line(self, t_ns: int, text: Text) -> None:
        self.console.print(Text.assemble((f"{t_ns / 1e9:7.2f} s  ", "cyan"), text), soft_wrap=True)

    def _status(self, status: Status) -> None:
        before = self.statuses.get(status.process)
        self.statuses[status.process] = status
        if self.verbose and (before is None or before.state != status.state):
            self.console.print(Text(f"           {status.process} {status.state} (pid {status.pid})", "dim"))
        if status.process == "align" and self.frames == 0 and status.handled >= _PATIENCE and not self._warned:
            self._warned = True
            self._line(
                status.t_media_ns, Text(f"no face seen in {status.handled} frames; is it in the picture?", "yellow")
            )

    def _motion(self, motion: Motion) -> None:
        self.frames += 1
        if self._first_ns < 0:
            self._first_ns = motion.t_media_ns
        self._last_ns = motion.t_media_ns
        if motion.face_id not in self._faces:
            self._faces.add(motion.face_id)
            self._line(
                motion.t_media_ns, Text(f"face {motion.face_id}: {motion.iod_px:.0f} px between the eyes", "dim")
            )
            for text in mismatch(self.calibration, motion.engine, motion.iod_px) if self.calibration else ():
                self._line(motion.t_media_ns, Text(f"note: {text}", "yellow"))

    def _say(self, say: Say) -> None:
        spot = self.spots.get(say.spot_id)
        if spot is None:
            return
        if spot.phase == "revoked":
            if say.final:
                self._line(say.t_media_ns, Text(f"#{say.spot_id} {say.text}", "dim"))
            return
        if say.spot_id not in self._spoken:
            self._spoken.add(say.spot_id)
            seen_ns = say.t_media_ns - max(spot.apex_ns, 0)  # from the apex to the frame that made it certain
            self.first_word_ms.append((seen_ns + time.monotonic_ns() - say.t_capture_ns) / 1e6)
            self._line(say.t_media_ns, Text(f"#{say.spot_id} at its apex: {say.text.strip()} …"))
        if not say.final:
            return
        self.words[say.spot_id] = say
        line = Text(f"#{say.spot_id} ")
        line.append("speech" if spot.movements > 1 else f"{spot.kind}-expression", "bold")
        line.append(f"  {_times(spot)}  {' '.join(say.action_units) or 'no unit'}  ")
        line.append(f"{say.label} {say.confidence:.0%}", _COLOURS[say.label])
        self._line(say.t_media_ns, line)
        self.console.print(Padding(Text(say.text, "italic"), (0, 0, 0, 11)))

    def closing(self) -> None:
        """Print the closing table: what every process did, and how late it was."""
        table = Table(title="Session", title_justify="left", box=box.SIMPLE_HEAD)
        for name in ("process", "nodes", "done", "per s", "drops", "restarts", "p50 ms", "p95 ms"):
            table.add_column(name, justify="left" if name in ("process", "nodes") else "right", no_wrap=True)
        # n frames span n - 1 intervals.
        seconds = max((self._last_ns - self._first_ns) / 1e9, 1e-9) * self.frames / max(self.frames - 1, 1)
        for spec in PROCESSES:
            status = self.statuses.get(spec.name)
            if status is not None:
                rate = f"{status.handled / seconds:.1f}" if self._first_ns >= 0 else "–"
                table.add_row(
                    spec.name, " → ".join(spec.nodes), str(status.handled), rate, str(status.drops),
                    str(status.restarts), f"{status.p50_ms:.1f}", f"{status.p95_ms:.1f}",
                )  # fmt: skip
        self.console.print(table)
        self.console.print(
            "Latency counts from the frame's capture to the end of that process's work on it.", style="dim"
        )
        closed = [s for s in self.spots.values() if s.phase == "closed"]
        micro = sum(s.kind == "micro" and s.movements == 1 for s in closed)
        speech = sum(s.movements > 1 for s in closed)
        talked = f", {speech} stretches of speech" if speech else ""
        self.console.print(
            f"{micro} micro- and {len(closed) - micro - speech} macro-expressions{talked}; "
            f"{self.skipped} frames skipped in {self.gaps} gaps"
        )
        if self.first_word_ms:
            ordered = sorted(self.first_word_ms)
            self.console.print(f"First word {ordered[len(ordered) // 2]:.0f} ms after the apex (median)")

    def against(self, script: PhantomScript) -> None:
        """Print what was spotted beside what the phantom really did."""
        true = [e for e in script.events if e.offset_s < self._last_ns / 1e9]
        closed = sorted((s for s in self.spots.values() if s.phase == "closed"), key=lambda s: s.onset_ns)
        pairs = dict(
            match([(e.onset_s, e.offset_s) for e in true], [(s.onset_ns / 1e9, s.offset_ns / 1e9) for s in closed])
        )
        table = Table(
            title="The phantom's truth, and what was spotted (s)",
            title_justify="left",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
        )
        for name in ("true", "onset–apex–offset", "units", "", "spotted at", "units"):
            table.add_column(name)
        found = 0
        for index, event in enumerate(true):
            row: list[str | Text] = [event.kind, f"{event.onset_s:.2f}–{event.apex_s:.2f}–{event.offset_s:.2f}"]
            row.append(" ".join(code for code, _ in event.units))
            if index in pairs:
                spot = closed[pairs[index]]
                right = spot.kind == event.kind
                found += right
                row += [Text("✓", "green") if right else Text(str(spot.kind), "yellow"), *self._spotted(spot)]
            else:
                row += [Text("missed", "red"), "", ""]
            table.add_row(*row)
        for index, spot in enumerate(closed):
            if index not in pairs.values():
                table.add_row("", "", "", Text(f"extra {spot.kind}", "red"), *self._spotted(spot))
        self.console.print(table)
        extra = len(closed) - len(pairs)
        self.console.print(f"Found {found} of {len(true)} with the right kind (overlap of half or more); {extra} extra")

    def _spotted(self, spot: Spot) -> tuple[str, str]:
        say = self.words.get(spot.spot_id)
        times = "–".join(f"{t / 1e9:.2f}" for t in (spot.onset_ns, spot.apex_ns, spot.offset_ns))
        return times, " ".join(say.action_units) if say else ""


def _times(spot: Spot) -> str:
    onset, apex, offset = (t / 1e9 for t in (spot.onset_ns, spot.apex_ns, spot.offset_ns))
    return f"{onset:.2f}–{offset:.2f} s (apex {apex:.2f}, {1000 * (offset - onset):.0f} ms)"
