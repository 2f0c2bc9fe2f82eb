"""The page before a server that a test acts: the files are the page's own, and the server says what the test says."""

import json
import time
from collections.abc import Callable
from importlib import resources
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from calib.face import REGIONS
from realtime.config import Config
from realtime.dashboard import wire
from realtime.dashboard.moments import Moment
from realtime.messages import End, Gap, Lost
from tests.realtime.messages import spot
from tests.realtime.served import STEP_NS, motion

ORIGIN = "http://127.0.0.1:8737"
WAIT_S = 30.0
_FILES = resources.files("realtime") / "page"

Answer = Callable[[Any], None]
"""Answers a request: it is given Playwright's route."""


def point(seq: int, *faces: int, u_iod: float = 0.0) -> dict[str, Any]:
    """The curves at a frame: these faces, every region moved so far to the right."""
    moved = np.tile((u_iod, 0.0), (len(REGIONS), 1))
    return wire.motion(seq, seq * STEP_NS, {face: motion(seq, face) for face in faces}, dict.fromkeys(faces, moved))


def event(spot_id: int, onset_s: float, offset_s: float, **changes: object) -> dict[str, Any]:
    """A closed micro-expression of face 0."""
    return wire.spot(spot(spot_id, onset_s, offset_s, **{"sketch": b"", **changes}))


class Acted:
    """A live session as the page hears it.

    Attributes:
        page: of the browser.
        past: what whoever comes is told.
        heard: the orders that the page has sent.
        answers: to requests, by path.
        away: whether nobody is let in.
        silent: whether no ping is answered.
    """

    def __init__(self, page: Any, session: str = "first", video: bool = True, live: bool = True) -> None:
        self.page, self.session, self._video, self._live = page, session, video, live
        self.past: list[dict[str, Any]] = []
        self.heard: list[dict[str, Any]] = []
        self.answers: dict[str, Answer] = {}
        self.away = self.silent = False
        page.route("**/*", self._answer)
        page.route_web_socket("**/live", self._enter)

    def open(self, place: str = "", button: str | None = "video") -> None:
        """Load the page, wait until it is connected, and answer its notice, if there is one to be answered."""
        self.page.goto(f"{ORIGIN}/{place}")
        self.page.get_by_text("connected", exact=True).wait_for()
        if button is not None:
            self.page.click(f"dialog.consent [value={button}]")

    def say(self, *messages: dict[str, Any] | Lost | Gap | End) -> None:
        """Tell the page, and wait until it has heard: a key that is pressed next could overtake the words."""
        self._tell(*messages)
        self.page.evaluate("0")  # the words are told by such calls, too, and these keep their order

    def show(self, moment: Moment, jpeg: bytes) -> None:
        """Send the page a picture."""
        away = {face_id: np.zeros((len(REGIONS), 2)) for face_id in moment.faces}
        self._socket.send(wire.picture(moment, jpeg, moment.frame.width, moment.frame.height, away))

    def hang_up(self) -> None:
        """Break the connection."""
        self._socket.close(code=3000)

    def until(self, what: Callable[[], Any]) -> None:
        """Wait until it is so."""
        limit_s = time.monotonic() + WAIT_S
        while not what():
            assert time.monotonic() < limit_s, "it never was"
            self.page.evaluate("new Promise((done) => requestAnimationFrame(done))")  # lets the browser work

    def _tell(self, *messages: dict[str, Any] | Lost | Gap | End) -> None:
        for message in messages:
            self._socket.send(wire.text(message if isinstance(message, dict) else wire.news(message)))

    def _enter(self, socket: Any) -> None:
        if self.away:
            socket.close(code=3000)
            return
        self._socket = socket
        socket.on_message(self._hear)
        self._tell({**wire.hello(Config(), None, self.session, self._video), "live": self._live}, *self.past)

    def _hear(self, text: str) -> None:
        order = json.loads(text)
        self.heard.append(order)
        if order["do"] == "ping" and not self.silent:
            self._tell({"type": "pong"})

    def _answer(self, route: Any) -> None:
        path = unquote(urlsplit(route.request.url).path)
        if path in self.answers:
            self.answers[path](route)
        elif path == "/" or path.startswith("/page/"):
            route.fulfill(path=str(_FILES / (path.removeprefix("/page/").lstrip("/") or "index.html")))
        else:
            route.fulfill(status=404)
