"""A reel sent as a network camera sends it: JPEG over HTTP on the loopback, by a process of its own."""

import multiprocessing
import signal
from multiprocessing.connection import Connection
from types import TracebackType

from bench.pace.reel import Reel


class Camera:
    """Serves a reel back and forth until it is closed. A context manager."""

    def __init__(self, reel: Reel, fps: float) -> None:
        """Prepare it.

        Args:
            reel: what to send.
            fps: how many frames a second.
        """
        self._reel, self._fps = reel, fps
        self.url = ""

    def __enter__(self) -> "Camera":
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._reel, self._fps, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.url = self._pipe.recv()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        self._process.join()


def _serve(reel: Reel, fps: float, pipe: Connection) -> None:
    """The camera's process: pack the frames, then serve them until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; only the benchmark heeds it
    import cv2

    from bench.mjpeg import MjpegServer
    from realtime.stack import StackSource

    source = StackSource(reel.path, fps, reel.fps)
    frames = []
    for _ in range(max(round((2 * reel.frames - 2) / reel.fps * fps), 1)):
        grab = source.read()
        assert grab is not None
        frames.append(cv2.imencode(".jpg", grab.image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    source.close()
    with MjpegServer(frames, fps) as server:
        pipe.send(server.url)
        try:
            pipe.recv()
        except EOFError:
            return
