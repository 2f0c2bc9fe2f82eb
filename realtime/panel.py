"""`mellm live --view`: a panel at the bottom of the terminal, for machines without a screen of their own.

Curves as sparklines, one a part of the face, with the apexes marked; below, whether it runs well. What happens is
printed above it as ever. It is drawn anew ten times a second at most, and only on a terminal.
"""

import time
from collections import deque
from types import TracebackType

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel as Box
from rich.table import Table
from rich.text import Text

from calib.face import REGIONS
from realtime.messages import AnyMessage, Gap, Lost, Motion, Say, Spot, Status
from realtime.nodes import PROCESSES
from realtime.rests import Rests
from realtime.skips import Skips

WINDOW_S = 12.0
"""Time that a sparkline shows."""

FULL_IOD = 0.012
"""A curve that reaches this, or more if there is more, is drawn to the top, IOD."""

_BARS = " ▁▂▃▄▅▆▇█"
_PARTS = {"brow": ("brows", "yellow"), "nose": ("nose", "magenta"), "mouth": ("mouth", "bright_blue"),
          "chin": ("chin", "green"), "cheek": ("cheeks", "bright_yellow")}  # fmt: skip
_KINDS = {"micro": "bold cyan", "macro": "bold blue", "speech": "dim"}
_REDRAW_S = 0.1
_AROUND = 34  # columns beside a sparkline


class Panel:
    """See the module. A context manager around the time in which it is shown."""

    def __init__(self, console: Console) -> None:
        """A panel on a terminal's console."""
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._drawn_s = 0.0
        self._rests = Rests()
        self._curves: dict[int, deque[tuple[float, tuple[float, ...]]]] = {}
        self._spots: dict[int, Spot] = {}
        self._statuses: dict[str, Status] = {}
        self._skips = Skips()
        self._last_s = 0.0
        self._engine = ""
        self._note = ""

    def __enter__(self) -> "Panel":
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def take(self, message: AnyMessage) -> None:
        """Take in a message; draw if it is time."""
        if isinstance(message, Motion):
            self._motion(message)
        elif isinstance(message, Spot):
            self._rests.note(message)
            self._spots[message.spot_id] = message
        elif isinstance(message, Lost):
            self._rests.note(message)
            self._curves.pop(message.face_id, None)
        elif isinstance(message, Status):
            self._statuses[message.process] = message
        elif isinstance(message, Say) and message.spot_id < 0 and not message.final:
            self._note = message.text  # printed above it too, where it is soon out of sight
        elif isinstance(message, Gap):
            self._skips.note(message)
        if time.monotonic() - self._drawn_s >= _REDRAW_S:
            self._drawn_s = time.monotonic()
            self._live.update(self.drawn(self._console.width), refresh=True)

    def _motion(self, motion: Motion) -> None:
        self._last_s, self._engine = motion.t_media_ns / 1e9, motion.engine
        length = np.hypot(*self._rests.away(motion).T)
        reach = tuple(max(float(length[k]) for k, r in enumerate(REGIONS) if r.part == part) for part in _PARTS)
        curve = self._curves.setdefault(motion.face_id, deque())
        curve.append((self._last_s, reach))
        while self._last_s - curve[0][0] > WINDOW_S:
            curve.popleft()
        self._spots = {n: s for n, s in self._spots.items() if self._last_s - s.t_media_ns / 1e9 < WINDOW_S}

    def drawn(self, width: int) -> RenderableType:
        """The panel on a console of some columns."""
        columns = max(width - _AROUND, 10)
        rows: list[RenderableType] = [self._face(face_id, columns) for face_id in sorted(self._curves)]
        if not rows:
            rows.append(Text("no face in the picture yet", "dim"))
        rows.append(self._health())
        if self._note:
            rows.append(Text(f"note: {self._note}", "yellow"))
        return Box(Group(*rows), title=f"{self._last_s:.1f} s", title_align="left", border_style="dim", padding=(0, 1))

    def _face(self, face_id: int, columns: int) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        curve = self._curves[face_id]
        top = max(FULL_IOD, max(max(reach) for _, reach in curve))
        name = f"face {face_id}" if len(self._curves) > 1 else ""
        table.add_row(Text(name, "bold"), self._marks(face_id, columns), Text(f"of {100 * top:.1f} %", "dim"))
        for k, (part, colour) in enumerate(_PARTS.values()):
            points = [(t_s, reach[k]) for t_s, reach in curve]
            line = sparkline(points, self._last_s, columns, top)
            table.add_row(Text(part), Text(line, colour), Text(f"{100 * points[-1][1]:4.1f} %", "dim"))
        return table

    def _marks(self, face_id: int, columns: int) -> Text:
        """Where the apexes are, and where something is under way."""
        marks = Text(" " * columns)
        for spot in self._spots.values():
            at = column(max(spot.apex_ns, spot.onset_ns) / 1e9, self._last_s, columns)
            if spot.face_id == face_id and spot.phase != "revoked" and 0 <= at < columns:
                shown = "◆" if spot.apex_ns >= 0 else "…"
                style = _KINDS.get(spot.kind or "", "bold")
                marks = Text.assemble(marks[:at], (shown, style), marks[at + 1 :])
        return marks

    def _health(self) -> Text:
        text = Text()
        for name in (spec.name for spec in PROCESSES if spec.name in self._statuses):
            status = self._statuses[name]
            late = "red" if status.p95_ms > 250 else "green"
            text.append(f"{name} ", "bold")
            text.append(f"{status.fps:.0f}/s ", "default" if status.state == "running" else "dim")
            text.append(f"{status.p50_ms:.0f}/{status.p95_ms:.0f} ms   ", late if status.handled else "dim")
        text.append(f"{self._skips.frames} skipped   ", "yellow" if self._skips.frames else "dim")
        text.append(self._engine, "dim")
        return text


def column(t_s: float, last_s: float, columns: int) -> int:
    """Which column of a sparkline a time falls into; the last one ends now."""
    return columns - 1 - int((last_s - t_s) / WINDOW_S * columns)


def sparkline(points: list[tuple[float, float]], last_s: float, columns: int, top: float) -> str:
    """A curve as a row of blocks, the largest value in each column's time; nothing where there was none.

    Args:
        points: (time, value), in order.
        last_s: the time at the right edge.
        columns: how many blocks.
        top: the value of a full block.
    """
    largest = [-1.0] * columns
    for t_s, value in points:
        at = column(t_s, last_s, columns)
        if 0 <= at < columns:
            largest[at] = max(largest[at], value)
    # A column between two frames shows what the one before did.
    for k in range(1, columns):
        if largest[k] < 0 and largest[k - 1] >= 0:
            largest[k] = largest[k - 1]
    steps = len(_BARS) - 2
    return "".join(_BARS[0] if v < 0 else _BARS[1 + min(int(v / top * steps + 0.5), steps)] for v in largest)
