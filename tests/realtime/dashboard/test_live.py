"""The page's server before a live session, over real WebSockets: what belongs together, and who does no harm."""

import io
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import cv2
import numpy as np
import pytest
from rich.console import Console
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from calib.phantom import PhantomVideo
from realtime.bus import Wiring
from realtime.commands.page import announce
from realtime.config import Config, DashboardConfig
from realtime.dashboard.door import Dashboard, DashboardError, address_outside
from realtime.dashboard.orders import MOST_RUBBISH
from realtime.dashboard.place import Stage
from realtime.nodes import RingSize
from tests.conftest import Command, Image, write_video
from tests.realtime.dashboard.test_wire import apart
from tests.realtime.served import Served

WAIT_S = 80.0
SHIFT_PX = 4
"""How far the face in the moving video goes from one frame to the next."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A phantom that performs without end."""
    with Served("phantom", tmp_path_factory.mktemp("sessions"), DashboardConfig()) as served:
        yield served
    assert served.error is None


def join(page: Dashboard, **more: Any) -> ClientConnection:
    socket: ClientConnection = connect(page.url.replace("http", "ws").replace("/?", "/live?"), proxy=None, **more)
    return socket


def order(socket: ClientConnection, **what: object) -> None:
    socket.send(json.dumps(what))


def until(socket: ClientConnection, wanted: Callable[[Any], bool]) -> Any:
    """The first message that is wanted: text as what it says, a picture as bytes."""
    limit_s = time.monotonic() + WAIT_S
    heard: dict[object, Any] = {}
    while time.monotonic() < limit_s:
        data = socket.recv(timeout=WAIT_S)
        message = json.loads(data) if isinstance(data, str) else data
        if wanted(message):
            return message
        if not isinstance(message, bytes):
            heard[message["type"], message.get("process")] = message
    raise AssertionError(f"nothing of the kind came; last of each kind: {list(heard.values())}")


def kind(name: str) -> Callable[[Any], bool]:
    return lambda message: not isinstance(message, bytes) and message["type"] == name


def is_picture(message: Any) -> bool:
    return isinstance(message, bytes)


def moving(smiling: PhantomVideo) -> list[Image]:
    """The portrait at rest, shifted by `SHIFT_PX` from frame to frame, to and fro."""
    still = smiling.frame(0.0)
    place = [abs((k + 10) % 40 - 20) - 10 for k in range(120)]
    return [
        np.asarray(cv2.warpAffine(still, np.array([[1.0, 0, SHIFT_PX * p], [0, 1, 0]]), (640, 480),
                                  borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)
        for p in place
    ]  # fmt: skip


def test_picture_and_overlay_are_of_the_same_frame(smiling: PhantomVideo, tmp_path: Path) -> None:
    frames = moving(smiling)
    video = write_video(tmp_path / "moving.mp4", frames * 3)  # long enough for a machine that skips most of it
    seen: list[tuple[dict[str, Any], Any, Any]] = []
    with Served(str(video), tmp_path / "sessions", DashboardConfig()) as served, join(served.page) as socket:
        order(socket, do="consent")
        while len(seen) < 25:
            message = until(socket, lambda m: is_picture(m) or kind("end")(m))
            if not is_picture(message):
                break
            head, meshes, jpeg = apart(message)
            if meshes:
                seen.append((head, meshes[0], cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)))
    assert served.error is None
    assert len(seen) >= 3
    origins = []
    for head, mesh, image in seen:
        seq = int(head["seq"])
        apart_px = [float(cv2.absdiff(image, frames[k % len(frames)]).mean()) for k in (seq - 1, seq, seq + 1)]
        assert np.argmin(apart_px) == 1, f"the picture of frame {seq} is another's"
        origins.append(mesh[:, 0].mean() - SHIFT_PX * (abs((seq + 10) % 40 - 20) - 10))
    # Were an overlay that of a neighbour, its place would be off by a whole step.
    assert np.ptp(origins) < SHIFT_PX
    assert len({head["seq"] for head, _, _ in seen}) == len(seen)


def test_an_event_reaches_the_page_with_its_words_and_flow(served: Served) -> None:
    told: dict[int, list[Any]] = {}
    measured: list[float] = []

    def whole(message: Any) -> bool:
        """Whether it is the end of an event that was heard of since its apex, and was not taken back."""
        if kind("motion")(message):
            measured.append(message["t"])
        if not (kind("spot")(message) or kind("say")(message)):
            return False
        told.setdefault(message["id"], []).append(message)
        phases = {one.get("phase") for one in told[message["id"]]}
        return kind("say")(message) and message["final"] and phases >= {"apex", "closed"}

    with join(served.page) as socket:
        said = until(socket, whole)
    news = told[said["id"]]
    apex, closed = (next(one for one in news if one.get("phase") == phase) for phase in ("apex", "closed"))
    word = next(filter(kind("say"), news))
    for one in (apex, word):  # so long it takes to be certain, in frames: a slow machine skips some
        assert sum(apex["apex"] < t_s <= one["t"] for t_s in measured) < 30
    assert not word["final"]
    assert closed["onset"] < closed["apex"] < closed["offset"]
    assert closed["sketch"].startswith("iVBOR")  # a PNG
    assert said["units"]


def test_no_picture_is_sent_before_consent_or_when_none_is_wanted(served: Served) -> None:
    with join(served.page) as socket:
        for _ in range(15):
            until(socket, lambda m: not is_picture(m) or pytest.fail("a picture without consent"))
        order(socket, do="consent")
        until(socket, is_picture)
        order(socket, do="video", on=False)
        order(socket, do="ping", n=7)
        until(socket, kind("pong"))
        for _ in range(10):
            until(socket, lambda m: kind("motion")(m) or (is_picture(m) and pytest.fail("a picture, switched off")))


def test_a_viewer_that_stalls_holds_up_nobody_and_misses_no_news(served: Served) -> None:
    with join(served.page, max_queue=1) as stalled, join(served.page) as other:
        for socket in (stalled, other):
            order(socket, do="consent")
        first = until(other, kind("motion"))["seq"]
        while until(other, kind("motion"))["seq"] < first + 45:  # meanwhile the other one reads nothing
            pass
        order(other, do="annotate", t=1.0, text="was here")
        until(other, kind("annotation"))
        note = until(stalled, kind("annotation"))
        assert note["text"] == "was here"


def test_ten_thousand_messages_that_mean_nothing_end_one_viewer_and_no_other(served: Served) -> None:
    with join(served.page) as good, join(served.page) as bad:
        with suppress(ConnectionClosed):
            for k in range(10_000):
                bad.send(f"rubbish {k}")
        with pytest.raises(ConnectionClosed) as ended:
            while True:
                bad.recv(timeout=WAIT_S)
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1008
        assert str(MOST_RUBBISH) in ended.value.rcvd.reason
        order(good, do="annotate", t=2.0, text="still here")
        assert until(good, kind("annotation"))["t"] == 2.0


def test_ten_thousand_orders_are_not_all_heeded_and_this_is_said(served: Served) -> None:
    with join(served.page) as socket:
        for k in range(10_000):
            order(socket, do="ping", n=k)
        assert "too many" in until(socket, kind("notice"))["text"]
        until(socket, kind("motion"))  # and it goes on


def test_a_message_without_end_is_cut_off(served: Served) -> None:
    with join(served.page) as socket, pytest.raises(ConnectionClosed):
        with suppress(ConnectionClosed):
            socket.send("x" * 1_000_000)
        while True:
            socket.recv(timeout=WAIT_S)


@pytest.mark.parametrize(
    ("change", "headers"),
    [
        (("key=", "key=x"), {}),
        (("127.0.0.1", "127.0.0.1"), {"Origin": "http://evil.example"}),
    ],
)
def test_strangers_are_kept_out(served: Served, change: tuple[str, str], headers: dict[str, str]) -> None:
    url = served.page.url.replace("http", "ws").replace("/?", "/live?").replace(*change)
    with pytest.raises(InvalidStatus, match="403"), connect(url, proxy=None, additional_headers=headers):
        pass


def test_a_note_and_a_recording_asked_for_on_the_page_are_kept(served: Served) -> None:
    from realtime.recordings.sessions import list_sessions, open_recording

    with join(served.page) as socket:
        order(socket, do="record", on=True)
        state = until(socket, lambda m: kind("recording")(m) and m["on"])
        t_s = until(socket, kind("motion"))["t"]
        order(socket, do="annotate", t=t_s, until=t_s + 0.5, text="the answer")
        until(socket, kind("annotation"))
        order(socket, do="record", on=False)
        until(socket, lambda m: kind("recording")(m) and not m["on"])
    (info,) = [i for i in list_sessions(Path(state["path"]).parent) if i.path.name == state["name"]]
    assert info.complete
    assert not info.has_video
    (note,) = open_recording(info.path).notes
    assert (note.text, note.until_ns - note.t_media_ns) == ("the answer", 500_000_000)


def test_a_busy_port_is_said_with_what_to_do(served: Served) -> None:
    with pytest.raises(DashboardError, match=f"port {served.page.port} is taken.*--port"):
        Dashboard(Config(dashboard=DashboardConfig(port=served.page.port)))


def test_to_others_it_opens_with_a_warning_and_to_those_with_the_key_alone(tmp_path: Path) -> None:
    settings = Config(dashboard=DashboardConfig(host="0.0.0.0", port=0))
    with Dashboard(settings, tmp_path) as page:
        said = io.StringIO()
        announce(page, Console(file=said, width=200), open_it=False)
        assert f"the page is at {page.url}" in said.getvalue()
        assert "not encrypted" in said.getvalue()
        assert page.url_at(address_outside()) in said.getvalue()
        key = page.url.partition("?")[2]

        def status(host: str, query: str = "", **headers: str) -> int:
            # What a machine elsewhere would send.
            with closing(HTTPConnection("127.0.0.1", page.port, timeout=WAIT_S)) as asked:
                asked.request("GET", f"/recordings?{query}", headers={"Host": f"{host}:{page.port}", **headers})
                return asked.getresponse().status

        for host in ("192.0.2.50", socket.gethostname(), f"{socket.gethostname()}.local", "localhost", "[fd00::2]"):
            assert (status(host, key), status(host)) == (200, 403)
        assert status("evil.example", key) == 403  # a name that somebody else's DNS points here
        url, greeted = f"ws://192.0.2.50:{page.port}/live?{key}", []
        for origin in ("http://evil.example", f"http://192.0.2.50:{page.port}"):
            with (
                socket.create_connection(("127.0.0.1", page.port)) as line,
                suppress(InvalidStatus),
                connect(url, proxy=None, origin=Origin(origin), sock=line) as viewer,
            ):
                assert json.loads(viewer.recv(timeout=WAIT_S))["type"] == "hello"
                greeted.append(origin)
        assert greeted == [f"http://192.0.2.50:{page.port}"]


def test_only_this_machine_is_let_in_without_being_asked() -> None:
    page = Dashboard(Config(dashboard=DashboardConfig(port=0)))
    said = io.StringIO()
    announce(page, Console(file=said, width=200), open_it=False)
    page.close()
    assert "127.0.0.1" in said.getvalue()
    assert "not encrypted" not in said.getvalue()


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(DashboardError, match="--host"):
        Dashboard(Config(dashboard=DashboardConfig(host="203.0.113.7", port=0)))


def test_without_video_there_is_none_and_a_page_that_dies_takes_nothing_with_it(tmp_path: Path) -> None:
    with Served("phantom", tmp_path, DashboardConfig(video=False)) as served:
        with join(served.page) as socket:
            assert until(socket, kind("hello"))["video"] is False
            order(socket, do="consent")
            order(socket, do="video", on=True)
            for _ in range(20):
                until(socket, lambda m: kind("motion")(m) or (is_picture(m) and pytest.fail("a picture")))
            order(socket, do="record", on=True, video=True)
            assert "--no-video" in until(socket, kind("notice"))["text"]
            assert not list(tmp_path.iterdir())
        served.page._process.kill()
        served.page._process.join()
        before, limit_s = served.last_seq, time.monotonic() + WAIT_S
        while served.last_seq < before + 10:
            assert time.monotonic() < limit_s, "the session stands still"
            served._stop.wait(0.01)
    assert served.error is None


def test_the_listener_in_the_documentation_hears_the_session(served: Served) -> None:
    page = (Path(__file__).parents[3] / "realtime" / "README.md").read_text(encoding="utf-8")
    (script,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "websockets" in block]
    command = [sys.executable, "-c", script, served.page.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout is not None
        heard = ""
        while "frame" not in heard or "micro" not in heard:
            line = listener.stdout.readline()
            assert line, "it has ended"
            heard += line
        listener.kill()


def test_a_page_whose_session_was_stopped_while_it_started_ends_in_silence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    page = Dashboard(Config(dashboard=DashboardConfig(port=0)), tmp_path)
    page.show(Stage(Wiring(str(tmp_path)), ("mellm-gone-frames", RingSize(2, 64))))
    with pytest.raises(DashboardError), page:
        pass
    assert capfd.readouterr().err == ""


def test_the_command_says_that_a_port_is_busy_before_it_starts_anything(served: Served, mellm: Command) -> None:
    status, out, err = mellm("live", "phantom", "--dashboard", "--port", served.page.port)
    assert status == 1
    assert "taken" in err
    assert "--port" in err
    assert "the page is at" not in out


def test_an_address_of_another_machine_is_refused_in_words(tmp_path: Path) -> None:
    elsewhere = DashboardConfig(host="192.0.2.1", port=0)  # kept for documentation (RFC 5737)
    with pytest.raises(DashboardError, match=r"at 192\.0\.2\.1 port 0: Cannot assign requested address; see"):
        Dashboard(Config(dashboard=elsewhere), tmp_path)


def test_it_goes_by_the_name_that_it_was_told_to_listen_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.dashboard.door._LOCAL", frozenset())
    with (
        Dashboard(Config(dashboard=DashboardConfig(host="localhost", port=0)), tmp_path) as page,
        urlopen(page.url, timeout=WAIT_S) as answer,
    ):
        assert answer.status == 200
