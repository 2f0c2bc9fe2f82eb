"""A recording's own video as a source, every frame at the time at which it was captured."""

from collections.abc import Collection
from pathlib import Path

import cv2
import numpy as np

from realtime.recordings.journal import RecordingError
from realtime.recordings.sessions import open_recording
from realtime.source import Grab, SourceError


class FilmedSource:
    """The frames of a recording."""

    live = False

    def __init__(self, path: Path, skip: Collection[int] = ()) -> None:
        """Open a recording's video.

        Args:
            path: the recording's folder.
            skip: numbers of captured frames to leave out, such as those that the session had no time for.

        Raises:
            SourceError: it has none, or cannot be read.
        """
        try:
            recording = open_recording(path)
            video, self._shots = recording.video, {shot.pts_ms: shot for shot in recording.footage()}
            self.fps = recording.info.counts.fps or 30.0
        except RecordingError as error:
            raise SourceError(str(error)) from error
        if video is None or not self._shots:
            raise SourceError(
                f"{path}: recorded without its video, so there are no frames (mellm live … --record-video)"
            )
        self._skip = frozenset(skip)
        self._name = str(video)
        self._capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise SourceError(f"{video}: not a video that can be decoded")
        self.frames = len(self._shots) - len(self._skip & {shot.seq for shot in self._shots.values()})
        self._from_ns = 0
        self._count = 0

    def read(self) -> Grab | None:
        """See `Source.read`."""
        while True:
            ok, image = self._capture.read()
            if not ok:
                if self._count == 0:
                    raise SourceError(f"{self._name}: no frame can be decoded (damaged, or cut short)")
                return None
            self._count += 1
            shot = self._shots.get(round(self._capture.get(cv2.CAP_PROP_POS_MSEC)))
            if shot is not None and shot.seq not in self._skip and shot.t_media_ns >= self._from_ns:
                return Grab(np.asarray(image, dtype=np.uint8), shot.t_media_ns)

    def seek(self, t_media_ns: int) -> None:
        """See `Source.seek`: frames before that time are passed over."""
        self._from_ns = t_media_ns

    def close(self) -> None:
        """Close the file."""
        self._capture.release()
