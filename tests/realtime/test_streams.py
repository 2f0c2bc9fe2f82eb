import socket

import pytest

from bench.mjpeg import MjpegServer, phantom_jpegs
from calib.phantom import PhantomVideo
from realtime.config import CaptureConfig
from realtime.source import SourceError, SourceLostError
from realtime.sources import open_source
from realtime.streams import StreamSource


def test_a_stream_is_read_and_its_end_noticed(smiling: PhantomVideo) -> None:
    with MjpegServer(phantom_jpegs(smiling, 0.2, 30), 60, drop_after=5) as server:
        source = StreamSource(CaptureConfig(source=server.url, timeout_s=2.0))
        with pytest.raises(SourceLostError, match=r"127\.0\.0\.1"):
            for _ in range(10):
                grab = source.read()
                assert grab is not None
                assert grab.image.shape == (480, 640, 3)
                assert grab.t_media_ns is None
        source.close()


def test_a_stream_that_stalls_is_noticed_after_its_time_out(smiling: PhantomVideo) -> None:
    with MjpegServer(phantom_jpegs(smiling, 0.2, 30), 60, stall_after=8) as server:
        source = StreamSource(CaptureConfig(source=server.url, timeout_s=1.0))
        with pytest.raises(SourceLostError):
            for _ in range(10):
                source.read()
        source.close()


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
        with pytest.raises(SourceError, match="no answer for 1 s"):
            open_source(CaptureConfig(source=f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout_s=1.0))
