"""One run of the whole pipeline on a reel, measured."""

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Mapping

from bench.pace.reel import Reel
from bench.pace.results import PAGE, SUPERVISOR, Case, Outcome, Seen, Window
from bench.pace.tally import Tally
from bench.pace.usage import Meter
from bench.pace.viewers import Viewers
from realtime.config import Config
from realtime.dashboard.door import Dashboard, DashboardError
from realtime.dashboard.place import Stage
from realtime.supervisor import Session, SessionError

WARM_S = 2.0
"""Stream time at the beginning of a run that is not counted."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """How every run is done.

    Attributes:
        config: settings of the pipeline; source, rate, faces and engine are the case's.
        seconds: stream time that is counted, after the warm-up.
        warm_s: stream time before it.
        window_s: length of a window.
        look_s: time between two looks at CPU and memory.
    """

    config: Config
    seconds: float
    warm_s: float = WARM_S
    window_s: float = 1.0
    look_s: float = 0.5


def settings_of(case: Case, source: str, loop_fps: float, plan: Plan) -> Config:
    """The settings of a run; at least the faces in the picture are followed."""
    capture = dataclasses.replace(
        plan.config.capture, source=source, fps=case.fps, width=case.width, height=case.height, paced=True,
        seconds=plan.warm_s + plan.seconds, loop_fps=loop_fps,
    )  # fmt: skip
    align = dataclasses.replace(plan.config.align, faces=max(plan.config.align.faces, case.faces))
    flow = dataclasses.replace(plan.config.flow, engine=case.engine)
    dashboard = dataclasses.replace(plan.config.dashboard, host="127.0.0.1", port=0)
    return dataclasses.replace(plan.config, capture=capture, align=align, flow=flow, dashboard=dashboard)


class Trial:
    """A run that can be stopped: what was measured until then is there."""

    def __init__(self, case: Case, reel: Reel, plan: Plan, source: str = "") -> None:
        """Prepare it.

        Args:
            case: what to run.
            reel: its frames.
            plan: how.
            source: another source than the reel, which gives the same frames.
        """
        self.case, self.reel, self.plan, self._source = case, reel, plan, source
        self.tally = Tally(plan.warm_s, plan.window_s)
        self._meter: Meter | None = None
        self._warm_at_s = 0.0
        self._seen: tuple[Seen, ...] = ()

    def run(self, progress: Callable[[float], None] = lambda _: None) -> Outcome:
        """Run it to its end.

        Args:
            progress: hears how many seconds of the stream are over.

        Raises:
            SessionError: the pipeline gave up; the message says why.
        """
        case, plan = self.case, self.plan
        loop_fps = 0.0 if self._source else self.reel.fps
        settings = settings_of(case, self._source or str(self.reel.path), loop_fps, plan)
        heard_s = 0.0
        with contextlib.ExitStack() as stack:
            session = stack.enter_context(Session(settings))
            page, viewers = self._look_on(session, settings, stack) if case.pages else (None, None)
            meter = self._meter = stack.enter_context(Meter(lambda: _pids(session, page), plan.look_s))
            for message in session:
                self.tally.take(message)
                if self.tally.warm and not self._warm_at_s:
                    self._warm_at_s = time.monotonic()
                    meter.start()
                    if viewers is not None:
                        viewers.start()
                t_s = message.t_media_ns / 1e9
                if t_s >= heard_s + 0.25:
                    heard_s = t_s
                    progress(t_s)
            if viewers is not None:
                self._seen = viewers.seen()
        return self.outcome()

    def _look_on(self, session: Session, settings: Config, stack: contextlib.ExitStack) -> tuple[Dashboard, Viewers]:
        """Serve the page and open it as often as asked.

        Raises:
            SessionError: it cannot be served.
        """
        try:
            page = Dashboard(settings)
            page.show(Stage(session.wiring, session.frame_ring))
            stack.enter_context(page)
        except DashboardError as error:
            raise SessionError(str(error)) from None
        return page, stack.enter_context(Viewers(page.url, self.case.pages))

    def outcome(self) -> Outcome:
        """What was measured so far."""
        meter, tally = self._meter, self.tally
        return Outcome(
            self.case, tally.engine or self.case.engine, tally.counts(), tally.late, tally.latency, tally.own,
            tally.first_word, meter.usage() if meter else {}, meter.others_percent() if meter else 0.0,
            self.reel.read_ms, tuple(self._with_memory(window) for window in tally.windows()), self._seen,
        )  # fmt: skip

    def _with_memory(self, window: Window) -> Window:
        """A window with the memory that the processes had of their own in it."""
        if self._meter is None or not self._meter.looks:
            return window
        since_s = self._warm_at_s + window.t_s
        names: Mapping[str, float] = self._meter.looks[0].cpu_s
        seen = {name: self._meter.own_mb(name, since_s, since_s + self.plan.window_s) for name in names}
        return dataclasses.replace(window, memory_mb={name: round(mb, 1) for name, mb in seen.items() if mb})


def _pids(session: Session, page: Dashboard | None) -> dict[str, int]:
    """The processes of a session, that of its page, and this one, which supervises them."""
    always = {SUPERVISOR: os.getpid()} | ({PAGE: page.pid} if page is not None else {})
    try:
        return {**session.pids, **always}
    except ValueError:  # one is just being restarted
        return always
