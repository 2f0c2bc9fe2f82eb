"""What tests of the page share: a live session that is served, and messages to feed it with."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np

from calib.face import LANDMARKS, REGIONS
from realtime.commands.page import heed
from realtime.config import CaptureConfig, Config, DashboardConfig, FlowConfig
from realtime.dashboard.door import Dashboard
from realtime.dashboard.place import Stage
from realtime.messages import Face, Frame, Motion
from realtime.recordings.tape import Tape
from realtime.supervisor import Session

STEP_NS = 33_333_333


def frame(seq: int) -> Frame:
    return Frame(seq=seq, t_capture_ns=seq * STEP_NS, t_media_ns=seq * STEP_NS, width=640, height=480)


def face(seq: int, face_id: int = 0) -> Face:
    mesh = np.full((LANDMARKS, 3), seq, np.float32)
    return Face(
        seq=seq, face_id=face_id, t_capture_ns=seq * STEP_NS, t_media_ns=seq * STEP_NS, crop=0,
        transform=(1.0,) * 6, epoch=0, landmarks=mesh.tobytes(), yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0,
        eye_opening=(0.3, 0.3), quality=1.0,
    )  # fmt: skip


def motion(seq: int, face_id: int = 0, u_iod: float = 0.0) -> Motion:
    return Motion(
        seq=seq, face_id=face_id, t_capture_ns=seq * STEP_NS, t_media_ns=seq * STEP_NS, u_iod=(u_iod,) * len(REGIONS),
        v_iod=(0.0,) * len(REGIONS), head=(0.0,) * 8, epoch=0, iod_px=100.0, noise_iod=0.0005, magnitude_iod=u_iod,
        eye_opening=(0.3, 0.3), quality=1.0, engine="none",
    )  # fmt: skip


class Served:
    """A session whose messages a thread hands on, as `mellm live --dashboard` does."""

    def __init__(self, source: str, folder: Path, dashboard: DashboardConfig, seconds: float = 0.0) -> None:
        self._config = Config(
            capture=CaptureConfig(source, seconds=seconds), dashboard=replace(dashboard, port=0, folder=str(folder))
        )
        self._folder = folder
        self._stack = ExitStack()
        self._stop = threading.Event()
        self.error: Exception | None = None
        self.last_seq = -1

    def __enter__(self) -> "Served":
        self.page = Dashboard(self._config, self._folder)
        self.session = self._stack.enter_context(Session(self._config))
        self.tape = self._stack.enter_context(Tape(self.session, self._folder))
        self.page.show(Stage(self.session.wiring, self.session.frame_ring))
        self.page.say_first("recording", self.tape.state)
        self._stack.enter_context(self.page)
        self._thread = threading.Thread(target=self._pump)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._stack.close()

    def _pump(self) -> None:
        try:
            for message in self.session:
                self.tape.take(message)
                self.last_seq = max(self.last_seq, message.seq)
                heed(self.page, self.session, self.tape)
                if self._stop.is_set():
                    return
        except Exception as error:  # a thread's: the tests look at it
            self.error = error


@contextmanager
def recordings(folder: Path) -> Iterator[Dashboard]:
    """The page without a session; it analyses with the engine that starts at once."""
    settings = Config(dashboard=DashboardConfig(port=0), flow=FlowConfig(engine="dis"))
    with Dashboard(settings, folder) as page:
        yield page
