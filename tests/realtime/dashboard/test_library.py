"""Recordings over HTTP: what stands in their answers."""

import json
from http.client import HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from realtime.config import Config, DashboardConfig
from realtime.dashboard.door import Dashboard
from realtime.recordings.journal import VIDEO
from realtime.recordings.record import Recorder
from tests.realtime.messages import one_of_each
from tests.realtime.served import frame, motion

WAIT_S = 60.0


def serve(folder: Path, *, video: bool = True) -> Dashboard:
    return Dashboard(Config(dashboard=DashboardConfig(port=0, video=video)), folder)


def get(page: Dashboard, path: str) -> HTTPResponse:
    answer: HTTPResponse = urlopen(page.url.replace("/?", f"{path}?"), timeout=WAIT_S)
    return answer


def record(folder: Path, name: str) -> Path:
    with Recorder(folder, Config()) as recorder:
        for message in one_of_each():
            recorder.take(message)
    return recorder.folder.rename(folder / name)


def test_a_recording_with_any_name_is_exported(tmp_path: Path) -> None:
    record(tmp_path, "Sitzung – März 会议")
    name = quote("Sitzung – März 会议")
    with serve(tmp_path) as page, get(page, f"/recordings/{name}/export/html") as answer:
        assert f"{name}-report.html" in (answer.getheader("Content-Disposition") or "")
        assert b"Session report" in answer.read()


@pytest.mark.parametrize("body", [b'{"t": 0.1, "text": ' + b"[" * 16_000, b'{"t": 0.1, "text": ""}', b"[]", b"\xff"])
def test_a_note_that_is_none_is_refused_in_words(tmp_path: Path, body: bytes) -> None:
    record(tmp_path, "one")
    with serve(tmp_path) as page:
        url = page.url.replace("/?", "/recordings/one/notes?")
        with urlopen(Request(url, b'{"t": 0.1, "text": "so"}'), timeout=WAIT_S) as answer:
            assert answer.status == 201
        with pytest.raises(HTTPError, match="400") as refused:
            urlopen(Request(url, body), timeout=WAIT_S)
        refused.value.close()


@pytest.mark.parametrize("name", ["none", "%", "..", "a b"])
def test_one_that_is_not_there_is_refused_by_its_name_alone(tmp_path: Path, name: str) -> None:
    with serve(tmp_path) as page, pytest.raises(HTTPError, match="404") as refused:
        get(page, f"/recordings/{quote(name, safe='')}")
    told = refused.value.read().decode()
    assert told in (f"{name}: no such recording", "no such recording")
    refused.value.close()


def test_a_recording_is_sent_as_lines_in_few_pieces(tmp_path: Path) -> None:
    with Recorder(tmp_path, Config()) as recorder:
        for seq in range(2000):
            recorder.take(frame(seq))
            recorder.take(motion(seq, 1))
    with serve(tmp_path) as page, get(page, f"/recordings/{recorder.folder.name}/script") as answer:
        pieces = list(iter(answer.read1, b""))
    told = [json.loads(line) for line in b"".join(pieces).splitlines()]
    assert [message["seq"] for message in told if message["type"] == "motion"] == list(range(2000))
    assert told[-1]["type"] == "say"
    assert len(pieces) < 200


def test_a_page_without_pictures_shows_no_video_either(tmp_path: Path) -> None:
    (record(tmp_path, "one") / VIDEO).write_bytes(b"a film")
    with (
        Dashboard(Config(dashboard=DashboardConfig(port=0)), tmp_path) as page,
        get(page, "/recordings/one/video") as film,
    ):
        assert film.read() == b"a film"
    with serve(tmp_path, video=False) as page:
        with pytest.raises(HTTPError, match="404"):
            get(page, "/recordings/one/video")
        with get(page, "/recordings/one") as answer:
            assert b'"video":false' in answer.read().replace(b" ", b"")
