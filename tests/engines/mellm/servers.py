"""Servers that answer like a language model's, or badly, on this machine."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Request(BaseHTTPRequestHandler):
    """A request under way; what is posted lies in `body`."""

    protocol_version = "HTTP/1.0"  # the answer ends with the connection
    body: dict[str, Any]

    def do_GET(self) -> None:
        """Hand it to the server's answer."""
        self.server.answer(self)  # type: ignore[attr-defined]

    def do_POST(self) -> None:
        """Read the body and hand it to the server's answer."""
        self.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(self.body)  # type: ignore[attr-defined]
        self.server.keys.append(self.headers.get("Authorization"))  # type: ignore[attr-defined]
        self.server.answer(self)  # type: ignore[attr-defined]

    def reply(self, status: int, data: str | bytes, kind: str = "application/json") -> None:
        """Answer, whole or the first part."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.write(data)

    def write(self, data: str | bytes) -> None:
        """The next part of an answer."""
        self.wfile.write(data.encode() if isinstance(data, str) else data)
        self.wfile.flush()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """A server with an answer to everything.

    Attributes:
        asked, keys: bodies posted and keys shown.
        release: set when whoever waits in an answer should give up.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Callable[[Request], None]) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answer = answer
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.release = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked has gone: that is what some tests are about."""


@contextmanager
def serving(answer: Callable[[Request], None]) -> Iterator[Server]:
    """A server for a while."""
    server = Server(answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


def models(request: Request) -> bool:
    """Answer the question for models; whether it was one."""
    if request.path != "/v1/models":
        return False
    request.reply(200, json.dumps({"data": [{"id": "first"}, {"id": "second"}]}))
    return True


def event(text: str) -> str:
    """A piece of an answer as an event."""
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}}]})}\n\n"


def streaming(*pieces: str) -> Callable[[Request], None]:
    """A good server that always says the same."""

    def answer(request: Request) -> None:
        if not models(request):
            request.reply(200, ": hello\n\n" + event(""), "text/event-stream")
            for piece in pieces:
                request.write(event(piece))
            request.write("data: [DONE]\n\n")

    return answer


def replying(status: int, data: str) -> Callable[[Request], None]:
    """A server that answers every question in one way."""

    def answer(request: Request) -> None:
        if not models(request):
            request.reply(status, data)

    return answer
