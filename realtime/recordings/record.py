"""The recorder: writes a session's messages, and its video if that is asked for, into a folder of its own.

It is fed with what the session hands out, every message in order, and works in a thread behind a queue without end. As
a subscriber of its own it would miss what is said before it has connected, and a slow disk would cost it messages;
here neither can happen, and nothing upstream ever waits for it. The price, a moment of Python's lock for each message,
is a hundredth of a core.
"""

import dataclasses
import datetime
import json
import queue
import shutil
import threading
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType

import msgspec

from realtime.changes import without_secrets
from realtime.config import Config
from realtime.messages import AnyMessage, Frame
from realtime.recordings.footage import FootageWriter, check_encoder
from realtime.recordings.journal import JOURNAL, VIDEO, Footage, JournalWriter, RecordingError
from realtime.recordings.scope import Scope
from realtime.recordings.tally import Counts, Tally
from realtime.ring import Ring
from realtime.sources import source_kind, source_title
from realtime.streams import place_of

PACKAGES = ("mellm-live", "numpy", "opencv-contrib-python", "mediapipe", "openvino", "mcap", "msgspec")
"""Whose versions a recording names."""

_WAKE_S = 0.25


class Recorder:
    """Records one session. A context manager; closing it finishes the files.

    Attributes:
        folder: the session's own folder.
        problem: why the recording stopped early, such as a full disk; empty while all is well.
        unfilmed: frames since the beginning of the video that are not in it, since it could not be encoded fast enough.
        misfits: frames that are not in it, since they have another size than its first.
    """

    def __init__(self, base: Path, config: Config, frames: Ring | None = None) -> None:
        """Begin a recording in `base/<time of day>/`, which no other recording uses.

        Args:
            base: the folder of recordings; it is made if need be.
            config: the session's settings, kept with it.
            frames: the session's frame ring, to record the video too: that shows the face. Without it no pixel of a
                frame can get into the recording.

        Raises:
            RecordingError: the folder cannot be used, or this machine cannot encode video.
        """
        self.problem = ""
        self.unfilmed = self.misfits = 0
        self._frames = frames
        self._film: FootageWriter | None = None
        started = datetime.datetime.now().astimezone()
        head = {"started": started.isoformat(), **_circumstances(config)}
        if frames is not None:
            check_encoder()
        self.folder = _make_folder(base, started)
        try:
            self._journal = JournalWriter(self.folder / JOURNAL, head)
        except OSError as error:
            raise RecordingError(f"{self.folder}: cannot record there: {error.strerror or error}") from error
        if frames is not None:
            self._film = FootageWriter(self.folder / VIDEO)
        self._scope, self._tally = Scope(), Tally()
        self._queue: queue.SimpleQueue[AnyMessage | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="record", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def take(self, message: AnyMessage) -> None:
        """Record a message; returns at once. After a `problem` nothing is kept."""
        if not self.problem:
            self._queue.put(message)

    @property
    def counts(self) -> Counts:
        """What has been recorded so far."""
        return self._tally.counts

    def close(self) -> None:
        """Write what is still waiting and finish the files. May be called twice."""
        if self._thread.is_alive():
            self._queue.put(None)
        self._thread.join()

    def discard(self) -> None:
        """Take a closed recording away, whatever is in it."""
        shutil.rmtree(self.folder)

    def _work(self) -> None:
        # Whatever a file or an encoder does to this thread, the session goes on and is told.
        try:
            self._write_all()
        except Exception as error:
            where = getattr(error, "filename", None) or self.folder
            self.problem = f"{where}: the recording stopped: {getattr(error, 'strerror', None) or error}"
        films = [] if self._film is None else [self._film.close]
        for finish in (*films, self._close_journal):
            try:
                finish()
            except Exception as error:
                self.problem = self.problem or f"{self.folder}: the recording could not be finished: {error}"

    def _close_journal(self) -> None:
        self._journal.close({"counts": msgspec.json.encode(self.counts).decode()})

    def _write_all(self) -> None:
        while True:
            try:
                message = self._queue.get(timeout=_WAKE_S)
            except queue.Empty:
                self._journal.flush()
                continue
            if message is None:
                return
            shot = None
            if isinstance(message, Frame) and self._film is not None:
                shot = self._shoot(message, self._film)
                if not self._film.begun:
                    continue  # so that the recording begins where its video does
            if not self._scope.holds(message):
                continue
            self._tally.note(message)
            self._journal.write(message)
            if shot is not None:
                self._journal.write(shot)
            self._journal.flush()

    def _shoot(self, frame: Frame, film: FootageWriter) -> Footage | None:
        """Add a frame's pixels to the video, if they still lie in the ring and have its size."""
        image = self._frames.copy(frame.seq) if self._frames is not None else None
        if image is None:
            self.unfilmed += film.begun
            return None
        shot = film.write(frame, image)
        self.misfits += shot is None
        return shot


def _circumstances(config: Config) -> dict[str, str]:
    """What belongs to a recording beside its messages: settings, calibration, versions, clocks."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = ""
    source = config.capture.source
    if source_kind(source) == "stream":  # in whose URL a password may stand, too
        source = place_of(source)
    kept = dataclasses.replace(without_secrets(config), capture=dataclasses.replace(config.capture, source=source))
    calibration = Path(config.spot.calibration).read_text(encoding="utf-8") if config.spot.calibration else ""
    return {
        "source": source, "title": source_title(source), "config": json.dumps(dataclasses.asdict(kept)),
        "calibration": calibration,
        "versions": json.dumps(versions), "monotonic_ns": str(time.monotonic_ns()), "wall_ns": str(time.time_ns()),
    }  # fmt: skip


def _make_folder(base: Path, started: datetime.datetime) -> Path:
    """A folder that this recording alone has; two that begin in the same second get a number.

    Raises:
        RecordingError: it cannot be made.
    """
    if (base / JOURNAL).exists():
        raise RecordingError(f"{base}: is itself a recording; give the folder around it, {base.resolve().parent}")
    name = started.strftime("%Y-%m-%dT%H-%M-%S")
    try:
        base.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            folder = base / (name if number == 1 else f"{name}-{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    except (FileExistsError, NotADirectoryError) as error:
        raise RecordingError(f"{base}: is a file; recordings go into a folder, choose another --record") from error
    except OSError as error:
        raise RecordingError(f"{base}: cannot make a folder there: {error.strerror}") from error
    raise RecordingError(f"{base}: too many recordings begin at {name}")
