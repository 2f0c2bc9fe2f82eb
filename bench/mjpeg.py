"""A camera on the loopback: JPEG frames over HTTP at a steady rate, as network cameras send them."""

import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

import cv2

from calib.phantom import PhantomVideo


class MjpegServer:
    """Serves frames in a loop to every client, on 127.0.0.1. A context manager."""

    def __init__(self, frames: Sequence[bytes], fps: float, drop_after: int = 0, stall_after: int = 0) -> None:
        """Prepare the server.

        Args:
            frames: JPEG images.
            fps: frames per second.
            drop_after: hang up on each client after so many frames; 0 never does.
            stall_after: fall silent after so many frames, the connection open; 0 never does.
        """
        self.sent = 0
        self.clients = 0
        self._frames, self._fps = frames, fps
        self._drop_after, self._stall_after = drop_after, stall_after
        self._stop = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner._serve(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "MjpegServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        self.clients += 1
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        request.end_headers()
        began_s = time.monotonic()
        count = 0
        while not self._stop.wait(max(0.0, began_s + count / self._fps - time.monotonic())):
            if self._drop_after and count >= self._drop_after:
                return
            if self._stall_after and count >= self._stall_after:
                self._stop.wait()
                return
            image = self._frames[count % len(self._frames)]
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(image)}\r\n\r\n"
            try:
                request.wfile.write(head.encode() + image + b"\r\n")
            except OSError:
                return  # the client hung up
            count += 1
            self.sent += 1


def phantom_jpegs(video: PhantomVideo, seconds: float, fps: float) -> list[bytes]:
    """A phantom's frames as JPEG images of quality 90."""
    times = [k / fps for k in range(round(seconds * fps))]
    return [cv2.imencode(".jpg", video.frame(t), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes() for t in times]
