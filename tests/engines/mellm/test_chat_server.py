import json
import socket

import httpx
import pytest

from engines.mellm.answer import ModelError, NarratorError, StreamError
from engines.mellm.chat_server import KEYS, ChatServer, base_url
from tests.engines.mellm.servers import Request, event, models, replying, serving, streaming


@pytest.fixture(autouse=True)
def _no_keys_or_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*KEYS, "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def opened(address: str, model: str = "", timeout_s: float = 20.0) -> ChatServer:
    return ChatServer(address, model, timeout_s, retries=2, backoff_s=0.001)


def said(server: ChatServer) -> str:
    try:
        return "".join(server.stream("what moved?", lambda: False))
    finally:
        server.close()


@pytest.mark.parametrize(
    ("address", "base"),
    [
        ("http://localhost:11434", "http://localhost:11434/v1"),
        ("http://localhost:8080/v1/", "http://localhost:8080/v1"),
        ("https://host/api/v3/chat/completions", "https://host/api/v3"),
        ("http://[::1]:80/v1?x=1", "http://[::1]/v1"),
    ],
)
def test_an_address_may_be_short(address: str, base: str) -> None:
    assert base_url(address) == base


@pytest.mark.parametrize("address", ["localhost:8080", "ftp://host/v1", "http://", "http://host:port"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(NarratorError, match=r"write it like http://127\.0\.0\.1:8080/v1"):
        base_url(address)


def test_words_come_as_they_are_made_from_the_first_model_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "second choice")
    monkeypatch.setenv("MELLM_API_KEY", "secret")
    with serving(streaming("Chin ", "up – ½", "\nAU17 | none | 0.5")) as server:
        chat = opened(server.address)
        assert list(chat.stream("what moved?", lambda: False)) == ["Chin ", "up – ½", "\nAU17 | none | 0.5"]
        chat.close()
    (body,) = server.asked
    assert body["model"] == "first"
    assert body["stream"] is True
    assert body["temperature"] == 0
    assert body["messages"] == [{"role": "user", "content": "what moved?"}]
    assert server.keys == ["Bearer secret"]
    assert chat.name == f"http:{server.address.removeprefix('http://')}"


def test_a_model_can_be_named_and_no_key_is_none() -> None:
    with serving(streaming("x")) as server:
        said(opened(server.address, "mine"))
    assert server.asked[0]["model"] == "mine"
    assert server.keys == [None]


def test_an_answer_that_comes_as_a_whole_is_understood() -> None:
    with serving(replying(200, json.dumps({"choices": [{"message": {"content": "Chin up"}}]}))) as server:
        assert said(opened(server.address)) == "Chin up"


def test_what_it_does_not_know_is_left_out_the_second_time() -> None:
    def picky(request: Request) -> None:
        if models(request):
            return
        if "chat_template_kwargs" in request.body:
            request.reply(400, json.dumps({"error": {"message": "unknown field"}}))
        else:
            request.reply(200, event("Chin up"), "text/event-stream")

    with serving(picky) as server:
        chat = opened(server.address)
        assert "".join(chat.stream("1", lambda: False)) == "Chin up"
        assert said(chat) == "Chin up"
    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(status: int) -> None:
    def busy(request: Request) -> None:
        if models(request):
            return
        if len(request.server.asked) <= 2:  # type: ignore[attr-defined]
            request.reply(status, "busy")
        else:
            request.reply(200, event("Chin up"), "text/event-stream")

    with serving(busy) as server:
        assert said(opened(server.address)) == "Chin up"


@pytest.mark.parametrize(
    ("status", "data", "says", "asked"),
    [
        (500, '{"error": {"message": "out of memory"}}', "answers 500: out of memory", 3),
        (404, '{"error": "no such model"}', "answers 404: no such model", 1),
        (400, "too long", "answers 400: too long", 2),
        (200, "<html>hello</html>", "answers '<html>hello</html>', which is no completion", 1),
        (200, '{"choices": "x"}', "which is no completion", 1),
        (200, '{"choices": [{"delta": {"content": 7}}]}', "which is no completion", 1),
        (200, "[]", "which is no completion", 1),
        (200, "null", "which is no completion", 1),
        (200, '{"error": {"message": "context exceeded"}}', "says context exceeded", 1),
        (200, "x" * 2**21, "does not stop talking|which is no completion", 1),
    ],
)
def test_rubbish_is_named(status: int, data: str, says: str, asked: int) -> None:
    with serving(replying(status, data)) as server:
        with pytest.raises(StreamError, match=says):
            said(opened(server.address))
        assert len(server.asked) == asked


def test_no_answer_at_all_is_an_empty_one() -> None:
    with serving(replying(200, "")) as server:
        assert said(opened(server.address)) == ""


def test_a_connection_that_breaks_is_tried_again_then_named() -> None:
    def dead(request: Request) -> None:
        if not models(request):
            request.connection.shutdown(socket.SHUT_RDWR)

    with serving(dead) as server:
        with pytest.raises(StreamError, match="no connection to the server"):
            said(opened(server.address))
        assert len(server.asked) == 3


def test_a_server_that_never_answers_is_left() -> None:
    def silent(request: Request) -> None:
        if not models(request):
            request.server.release.wait(20)  # type: ignore[attr-defined]

    with serving(silent) as server:
        chat = opened(server.address)
        chat._client.timeout = httpx.Timeout(0.2, connect=20.0)  # it has told its models, however long that took
        with pytest.raises(StreamError, match="the server is silent"):
            said(chat)


def test_the_answer_ends_when_nobody_wants_it() -> None:
    with serving(streaming(*"abcdef")) as server:
        chat, heard = opened(server.address), list[str]()
        for piece in chat.stream("1", lambda: len(heard) >= 2):
            heard.append(piece)
        chat.close()
    assert heard == ["a", "b"]


@pytest.mark.parametrize(
    ("status", "data", "says"),
    [
        (401, "", "set MELLM_API_KEY in the environment"),
        (404, "nothing here", r"lists no model \(status 404\)"),
        (200, "<html>", r"lists no model \('<html>'\)"),
        (200, '{"data": []}', "lists no model"),
        (200, "x" * 2**21, "does not stop talking"),
    ],
)
def test_what_is_no_such_server_is_refused(status: int, data: str, says: str) -> None:
    with serving(lambda request: request.reply(status, data)) as server, pytest.raises(ModelError, match=says):
        opened(server.address)


def test_nobody_there_is_said() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(ModelError, match=rf"^http://{place}/v1: .*is a server running there\?"):
            opened(f"http://me:secret@{place}")  # which is not repeated
