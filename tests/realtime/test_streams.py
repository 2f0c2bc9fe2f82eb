import socket
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bench.mjpeg import MjpegServer, phantom_jpegs
from calib.phantom import PhantomVideo
from realtime.config import CaptureConfig
from realtime.source import SourceError, SourceLostError
from realtime.sources import open_source
from realtime.streams import StreamSource
from tests.conftest import write_video

LONG_S = 20.0
"""For a stream that comes, on the slowest machine."""


def test_a_stream_is_read_and_its_end_noticed(smiling: PhantomVideo) -> None:
    with MjpegServer(phantom_jpegs(smiling, 0.2, 30), 60, drop_after=5) as server:
        source = StreamSource(CaptureConfig(source=server.url, timeout_s=LONG_S))
        with pytest.raises(SourceLostError, match=r"127\.0\.0\.1"):
            for _ in range(10):
                grab = source.read()
                assert grab is not None
                assert grab.image.shape == (480, 640, 3)
                assert grab.t_media_ns is None
        source.close()


def test_a_stream_that_stalls_is_noticed_after_its_time_out(smiling: PhantomVideo) -> None:
    with MjpegServer(phantom_jpegs(smiling, 0.2, 30), 60, stall_after=8) as server:
        source = StreamSource(CaptureConfig(source=server.url, timeout_s=4.0))
        with pytest.raises(SourceLostError):
            for _ in range(10):
                source.read()
        source.close()


def test_a_file_behind_a_url_is_refused_with_what_to_do(tmp_path: Path, smiling: PhantomVideo) -> None:
    write_video(tmp_path / "clip.mkv", [smiling.frame(k / 30) for k in range(5)])

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(SourceError, match=r"/clip\.mkv: a file behind a URL.*download it"):
            open_source(CaptureConfig(source=f"http://127.0.0.1:{server.server_port}/clip.mkv", timeout_s=LONG_S))
        server.shutdown()


def test_a_url_that_refuses_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(SourceError, match=rf"http://127\.0\.0\.1:{port}/v: refused") as told:
            open_source(CaptureConfig(source=f"http://me:secret@127.0.0.1:{port}/v?key=secret"))
    assert "secret" not in str(told.value)


def test_a_url_that_never_answers_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(SourceError, match=r"no answer for \d+ s"):
            open_source(CaptureConfig(source=f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout_s=1.0))
