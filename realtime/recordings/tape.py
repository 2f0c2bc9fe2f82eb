"""A recorder that can be switched on and off while a session runs."""

from pathlib import Path
from types import TracebackType
from typing import Any

from realtime.messages import AnyMessage
from realtime.recordings.journal import RecordingError
from realtime.recordings.record import Recorder
from realtime.supervisor import Session


class Tape:
    """See the module. A context manager; leaving it ends what is being recorded.

    Attributes:
        finished: the recordings that have ended and hold something, or have failed.
    """

    def __init__(self, session: Session, base: Path) -> None:
        """Record nothing yet.

        Args:
            session: whose messages will be handed in.
            base: the folder of recordings.
        """
        self._session, self._base = session, base
        self._recorder: Recorder | None = None
        self._ended: Recorder | None = None  # the one before, unless nothing was left of it
        self._video = False
        self.finished: list[Recorder] = []

    def __enter__(self) -> "Tape":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, video: bool = False) -> None:
        """Begin a recording, if there is none; with the picture if told so.

        Raises:
            RecordingError: the folder cannot be used, or this machine cannot encode video.
        """
        if self._recorder is None:
            self._recorder = Recorder(self._base, self._session.config, self._session.frames if video else None)
            self._video = video

    def stop(self) -> None:
        """End the recording, if there is one; nothing is left of one to which no frame came."""
        if self._recorder is None:
            return
        self._recorder.close()
        if self._recorder.counts.frames or self._recorder.problem:
            self._ended = self._recorder
            self.finished.append(self._recorder)
        else:
            self._ended = None
            self._recorder.discard()
        self._recorder = None

    def take(self, message: AnyMessage) -> str:
        """Record a message, if a recording runs.

        Returns:
            Why the recording has just ended by itself (a full disk); nothing while all is well.
        """
        if self._recorder is None:
            return ""
        self._recorder.take(message)
        problem = self._recorder.problem
        if problem:
            self.stop()
        return problem

    @property
    def folder(self) -> Path:
        """Of the recording that runs.

        Raises:
            RecordingError: none runs.
        """
        if self._recorder is None:
            raise RecordingError("nothing is being recorded")
        return self._recorder.folder

    @property
    def state(self) -> dict[str, Any]:
        """Whether a recording runs and where, and what became of the one before, for the page.

        `last` is that one's name, empty if no frame came and nothing was recorded; `problem` why it stopped early.
        """
        last = self._ended.folder.name if self._ended is not None else ""
        if self._recorder is None:
            problem = self._ended.problem if self._ended is not None else ""
            return {"on": False, "video": False, "path": "", "name": "", "last": last, "problem": problem}
        folder = self._recorder.folder
        return {"on": True, "video": self._video, "path": str(folder), "name": folder.name, "last": last, "problem": ""}
