"""Counts what a session says and how late each message comes, in a fixed amount of memory a window."""

import time
from array import array
from collections import defaultdict
from collections.abc import Callable

from bench.pace.results import HOPS, MAKERS, Counts, Spread, Window
from bench.pace.times import Times
from realtime.messages import AnyMessage, Face, Frame, Gap, Motion, Say, Spot, Status

_KEPT = 512
"""Messages whose arrivals are remembered, to tell what followed from what."""

_OPEN_NS = 20_000_000_000
"""How long a window stays open for what comes late: a language model takes its time."""

_Key = tuple[str, int, int]


class _Part:
    """A window in the making."""

    def __init__(self) -> None:
        self.frames = self.skipped = 0
        self.latency: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))

    def closed(self, t_s: float) -> Window:
        """What was measured in it."""
        spreads = {hop: Spread.of(self.latency[hop]) for hop in HOPS if hop in self.latency}
        return Window(t_s, self.frames, self.skipped, spreads)


class Tally:
    """Takes in every message of a session; after the warm-up it counts.

    Latency is from a frame's capture to the arrival of a message here. A spot or an answer counts from the capture of
    the frame that made it certain, an answer up to its first piece.
    """

    def __init__(self, warm_s: float, window_s: float = 1.0, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """Start at zero.

        Args:
            warm_s: stream time that is not counted.
            window_s: length of a window.
            clock: what `t_capture_ns` is read from, ns.
        """
        self._warm_ns, self._window_ns, self._clock = round(warm_s * 1e9), round(window_s * 1e9), clock
        self.engine = ""
        self._first_seq = -1
        self._first_ns = self._last_ns = 0
        self._on_time_ns = 0
        self._captured = self._measured = self._motions = self._spots = self._says = 0
        self._last_measured = -1
        self._skipped: set[int] = set()
        self._early_gaps: list[Gap] = []
        self._restarts: dict[str, int] = {}
        self._arrived: dict[_Key, int] = {}
        self._apexes: dict[int, int] = {}
        self._latency: defaultdict[str, Times] = defaultdict(Times)
        self._own: defaultdict[str, Times] = defaultdict(Times)
        self._first_word, self._late = Times(), Times()
        self._parts: dict[int, _Part] = {}
        self._first_open = 0
        self._windows: list[Window] = []

    @property
    def warm(self) -> bool:
        """Whether the warm-up is over."""
        return self._first_seq >= 0

    def take(self, message: AnyMessage) -> None:
        """Count a message."""
        now_ns = self._clock()
        if isinstance(message, Status):
            self._restarts[message.process] = max(message.restarts, self._restarts.get(message.process, 0))
        elif isinstance(message, Gap):
            self._gap(message)
        elif isinstance(message, (Frame, Face, Motion, Spot, Say)) and message.t_media_ns >= self._warm_ns:
            if isinstance(message, Say) and message.spot_id < 0:
                return  # a note, or the summary
            if isinstance(message, Frame):
                self._frame(message)
            elif isinstance(message, Motion):
                self._motion(message)
            elif isinstance(message, Spot):
                self._spots += message.phase == "closed"
            elif isinstance(message, Say):
                self._says += message.final
            self._time(message, now_ns)

    def counts(self) -> Counts:
        """Of all messages so far."""
        # n frames span n - 1 intervals.
        seconds = (self._last_ns - self._first_ns) / 1e9 * self._captured / max(self._captured - 1, 1)
        return Counts(
            self._captured, self._measured, len(self._skipped), self._motions, self._spots, self._says,
            sum(self._restarts.values()), round(seconds, 4),
        )  # fmt: skip

    @property
    def late(self) -> Spread:
        """How long after it was due a frame was captured, taking the most punctual one so far for on time."""
        return self._late.spread

    @property
    def latency(self) -> dict[str, Spread]:
        """From capture to arrival, by message."""
        return {hop: self._latency[hop].spread for hop in HOPS if hop in self._latency}

    @property
    def own(self) -> dict[str, Spread]:
        """What each process adds, by process."""
        return {name: times.spread for name, times in self._own.items()}

    @property
    def first_word(self) -> Spread:
        """From an event's apex to its first word."""
        return self._first_word.spread

    def windows(self) -> tuple[Window, ...]:
        """The run bit by bit; a last window that is not half as full as the one before is left out."""
        windows = [*self._windows, *(part.closed(self._start_s(k)) for k, part in sorted(self._parts.items()))]
        if len(windows) > 1 and windows[-1].frames < 0.5 * windows[-2].frames:
            windows.pop()
        return tuple(windows)

    def _frame(self, frame: Frame) -> None:
        offset_ns = frame.t_capture_ns - frame.t_media_ns  # grows where frames are late
        if self._first_seq < 0:
            self._first_seq, self._first_ns, self._on_time_ns = frame.seq, frame.t_capture_ns, offset_ns
            for gap in self._early_gaps:
                self._gap(gap)
            self._early_gaps.clear()
        self._last_ns = frame.t_capture_ns
        self._captured += 1
        self._on_time_ns = min(self._on_time_ns, offset_ns)
        self._late.add((offset_ns - self._on_time_ns) / 1e6)
        self._part(frame).frames += 1

    def _motion(self, motion: Motion) -> None:
        self.engine = motion.engine
        self._motions += 1
        # Several faces of a frame come one after another.
        self._measured += motion.seq != self._last_measured
        self._last_measured = motion.seq
        if motion.seq in self._skipped:  # another face of it was
            self._skipped.discard(motion.seq)
            self._part(motion).skipped -= 1

    def _gap(self, gap: Gap) -> None:
        if self._first_seq < 0:
            self._early_gaps.append(gap)
            return
        # Of the frame measured last, some faces may have been skipped; it counts as measured.
        lost = set(range(max(gap.from_seq, self._first_seq), gap.to_seq + 1)) - self._skipped - {self._last_measured}
        self._skipped |= lost
        if lost:
            self._part(gap).skipped += len(lost)

    def _part(self, message: AnyMessage) -> _Part:
        """The window of a message; those that nothing more will come of are closed."""
        number = max((message.t_media_ns - self._warm_ns) // self._window_ns, self._first_open)
        if number not in self._parts:
            self._parts[number] = _Part()
            self._first_open = max(self._first_open, number - max(1, _OPEN_NS // self._window_ns))
            for old in sorted(k for k in self._parts if k < self._first_open):
                self._windows.append(self._parts.pop(old).closed(self._start_s(old)))
        return self._parts[number]

    def _start_s(self, number: int) -> float:
        return round(number * self._window_ns / 1e9, 3)

    def _time(self, message: Frame | Face | Motion | Spot | Say, now_ns: int) -> None:
        """Note how late a message is, and how long its maker had it in hand."""
        hop = type(message).__name__
        who = message.spot_id if isinstance(message, (Spot, Say)) else message.face_id if hop == "Face" else -1
        key = (hop, who, message.seq)
        if isinstance(message, Spot) and message.phase in ("rising", "revoked"):
            return
        if isinstance(message, Say) and key in self._arrived:
            return  # a later piece of a text that has begun
        late_ms = (now_ns - message.t_capture_ns) / 1e6
        self._latency[hop].add(late_ms)
        self._part(message).latency[hop].append(late_ms)
        if isinstance(message, Spot) and message.phase == "apex":
            self._apexes.setdefault(message.spot_id, message.apex_ns)
        if isinstance(message, Say) and message.spot_id in self._apexes:
            seen_ms = (message.t_media_ns - self._apexes.pop(message.spot_id)) / 1e6
            self._first_word.add(seen_ms + late_ms)
        before_ns = self._before(message)
        if before_ns is not None:
            # The hub hears two processes in turn: what was sent later may be read first.
            self._own[MAKERS[hop]].add(max(0.0, (now_ns - before_ns) / 1e6))
        self._arrived[key] = now_ns
        if len(self._arrived) > 2 * _KEPT:
            for old in list(self._arrived)[:_KEPT]:
                del self._arrived[old]

    def _before(self, message: Frame | Face | Motion | Spot | Say) -> int | None:
        """When what a message was made of was there; None where that says nothing."""
        if isinstance(message, Frame):
            return message.t_capture_ns
        if isinstance(message, Face):
            return self._arrived.get(("Frame", -1, message.seq))
        if isinstance(message, Motion):
            return self._arrived.get(("Face", message.face_id, message.seq))
        if isinstance(message, Say):
            return self._arrived.get(("Spot", message.spot_id, message.seq))
        return None
