"""The first node: reads a source, puts the pixels into the frame ring and says so.

This is the pipeline's clock: every other node only looks at the times in its messages.
"""

import time
from collections.abc import Iterator
from contextlib import suppress

from calib.halved import halved
from engines.landmarks import MIN_SIDE
from realtime.config import CaptureConfig
from realtime.messages import BREAK_NS, AnyMessage, End, Frame, Gap, Say
from realtime.recap import counted
from realtime.ring import Ring
from realtime.source import Grab, Source, SourceError, SourceLostError
from realtime.sources import is_live, open_source, source_title

_NS = 1_000_000_000
_NAP_S = 0.5  # waits no longer at a time, so that its process shows that it is alive
_JUMP = 3  # a source that gives no picture for so many of its usual intervals has a hole
_SHORT_S, _SHORT_SHARE = 0.5, 0.05  # a source that lacks so much time, and such a share of it, has broken off


class CaptureNode:
    """Takes nothing, gives `Frame`; `End` when the source is over, `Gap` when a stream was away or a file has a hole.

    A `Say` before the end notes that a file broke off.
    """

    def __init__(self, config: CaptureConfig, ring: Ring, start_ns: int = -1, source: Source | None = None) -> None:
        """Open the source.

        Args:
            config: settings.
            ring: where the frames go.
            start_ns: when the stream began, on the monotonic clock, to go on with it after a restart; -1 begins it.
            source: to read instead of the configured one; closed with the node.

        Raises:
            SourceError: it cannot be opened; a camera or URL that is only away at a restart is tried again later.
        """
        self._config, self._ring = config, ring
        self._live = is_live(config.source) if source is None else source.live
        self._start_ns = start_ns
        self._last_ns = max(time.monotonic_ns() - start_ns, 0) if start_ns >= 0 else 0
        self._pending: Grab | None = None
        self._due_ns = 0
        self._failures = 0
        self._source = source
        if source is None:
            try:
                self._source = open_source(config)
            except SourceError:
                if start_ns < 0 or not self._live:
                    raise
                self._failures = 1  # it was there before: it is tried again like any that went away
        if self._source is not None and start_ns >= 0:
            self._source.seek(time.monotonic_ns() - start_ns)

    def step(self, message: AnyMessage | None) -> Iterator[AnyMessage]:
        """Give the next frame when it is due; waits at most the source's time-out, and half a second for the clock."""
        if self._waits():
            return
        if self._pending is None:
            yield from self._fetch()
        if self._pending is not None and not self._waits():
            due, self._pending = self._pending, None
            yield self._frame(due)

    def _fetch(self) -> Iterator[AnyMessage]:
        """Read the next frame and set when it is due; what is to be said instead if there is none."""
        try:
            if self._source is None:
                self._source = open_source(self._config)
            grab = self._source.read()
        except SourceLostError as error:
            yield from self._retry(str(error))
            return
        except SourceError as error:
            if self._live and self._failures:
                yield from self._retry(str(error))
            else:
                yield self._end(str(error))
            return
        if grab is None:
            yield from self._short(self._source)
            yield self._end()
            return
        self._failures = 0
        now_ns = time.monotonic_ns()
        begun = self._start_ns >= 0
        if not begun:
            self._start_ns = now_ns - (grab.t_media_ns or 0)
        media_ns = now_ns - self._start_ns if grab.t_media_ns is None else grab.t_media_ns
        if self._config.seconds and media_ns >= self._config.seconds * _NS:
            yield self._end()
            return
        if begun and not self._live:
            yield from self._hole(self._source, media_ns)
        self._pending = Grab(grab.image, media_ns)
        if self._config.paced and grab.t_media_ns is not None:
            self._due_ns = self._start_ns + media_ns

    def idle(self) -> None:
        """Before the start: let a camera or stream run, so that no old frames pile up in it."""
        if self._live and self._source is not None:
            with suppress(SourceLostError, SourceError):  # the first step will notice
                self._source.read()
        else:
            time.sleep(0.02)

    def close(self) -> None:
        """Let go of the source."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def _waits(self) -> bool:
        """Wait for what comes next, a while; whether that was not long enough."""
        left_s = (self._due_ns - time.monotonic_ns()) / _NS
        if left_s > 0:
            time.sleep(min(left_s, _NAP_S))
        return left_s > _NAP_S

    def _frame(self, grab: Grab) -> AnyMessage:
        """Put a frame into the ring."""
        now_ns = time.monotonic_ns()  # before any work on it: latency counts from here
        self._last_ns = grab.t_media_ns or 0
        image = halved(grab.image, self._config.max_side)
        height, width = image.shape[:2]
        if min(height, width) < MIN_SIDE:
            return self._end(
                f"{source_title(self._config.source)}: frames reduced to {width}×{height} px cannot hold a face"
            )
        seq = self._ring.put(image)
        return Frame(seq=seq, t_capture_ns=now_ns, t_media_ns=self._last_ns, width=width, height=height)

    def _retry(self, why: str) -> Iterator[AnyMessage]:
        """Announce that the stream is away and wait, twice as long each time; end when it never comes back."""
        self.close()
        self._failures += 1
        if self._failures > self._config.reconnects:
            yield self._end(f"{why}; gave up after {counted(self._config.reconnects, 'attempt')}")
            return
        wait_s = min(0.25 * 2**self._failures, 8.0)
        seq = self._ring.next_ticket
        cause = f"{why}; trying again in {wait_s:g} s ({self._failures} of {self._config.reconnects})"
        yield Gap(
            seq=seq,
            t_capture_ns=time.monotonic_ns(),
            t_media_ns=self._last_ns,
            from_seq=seq,
            to_seq=seq - 1,
            cause=cause,
        )
        self._due_ns = time.monotonic_ns() + round(wait_s * _NS)

    def _hole(self, source: Source, next_ns: int) -> Iterator[AnyMessage]:
        """Announce that a file's times jump, by more than a low frame rate accounts for."""
        usual_ns = _NS / source.fps if source.fps > 0 else 0.0
        if next_ns - self._last_ns <= max(BREAK_NS, _JUMP * usual_ns):
            return
        seq, span = self._ring.next_ticket, f"from {self._last_ns / _NS:.2f} to {next_ns / _NS:.2f} s"
        yield Gap(
            seq=seq, t_capture_ns=time.monotonic_ns(), t_media_ns=self._last_ns, from_seq=seq, to_seq=seq - 1,
            until_ns=next_ns, cause=f"nothing to see {span}: the video has no picture there",
        )  # fmt: skip

    def _short(self, source: Source) -> Iterator[AnyMessage]:
        """Say that a source gave clearly less than it says it holds; only that, for it may have estimated it."""
        if not (source.frames > 0 and source.fps > 0):
            return
        told_s, given_s = source.frames / source.fps, self._last_ns / _NS + 1 / source.fps
        if told_s - given_s > max(_SHORT_S, _SHORT_SHARE * told_s):
            text = f"it ends after {given_s:.1f} s, although it should be {told_s:.1f} s long: damaged or cut short?"
            yield Say(
                seq=self._ring.next_ticket, t_capture_ns=time.monotonic_ns(), t_media_ns=self._last_ns, spot_id=-1,
                text=text,
            )  # fmt: skip

    def _end(self, error: str = "") -> End:
        seq = self._ring.next_ticket
        return End(seq=seq, t_capture_ns=time.monotonic_ns(), t_media_ns=self._last_ns, error=error)
