"""Who is let in."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from realtime.dashboard.guard import Guard

KEY = "the key"
GOOD = {"host": "127.0.0.1:8737"}


async def _inside(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inside"})


def ask(
    headers: dict[str, str], query: str = "", path: str = "/", kind: str = "http", method: str = "GET", key: str = KEY
) -> Any:
    """The messages that a request brings."""
    said: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    scope = {
        "type": kind, "method": method, "path": path, "query_string": query.encode(),
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
    }  # fmt: skip
    asyncio.run(Guard(_inside, key, frozenset({"localhost"}))(scope, receive, send))
    return said


def status(*args: Any, **more: Any) -> int:
    return int(ask(*args, **more)[0]["status"])


def test_with_the_key_one_is_let_in_and_given_it_as_a_cookie() -> None:
    start = ask(GOOD, "key=the%20key")[0]
    headers = {k.decode(): v.decode() for k, v in start["headers"]}
    assert start["status"] == 200
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=Strict" in headers["set-cookie"]
    assert "http:" not in headers["content-security-policy"].replace("ws:", "")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_the_cookie_of_this_port_will_do_and_no_other() -> None:
    assert status({**GOOD, "cookie": 'mellm-8737="the key"'}) == 200
    assert status({**GOOD, "cookie": 'mellm-8738="the key"'}) == 403
    assert status({**GOOD, "cookie": "mellm-8737=another"}) == 403


@pytest.mark.parametrize("query", ["", "key=", "key=another", "key=\xff", "kay=the key"])
def test_without_the_key_nobody_is(query: str) -> None:
    assert status(GOOD, query) == 403
    assert status(GOOD, query, path="/recordings") == 403
    assert status(GOOD, query, path="/page/main.js") == 200  # holds nothing of the session


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8737",
        "evil.example",
        "localhost.evil.example:8737",
        "",
        "[::1",
        "127.0.0.1:x",
        "127.0.0.1:99999",
        "evil@127.0.0.1:8737",
        "127.0.0.1/;script-src *",
    ],
)
def test_another_name_is_not_this_server(host: str) -> None:
    assert status({"host": host}, "key=the key") == 403


@pytest.mark.parametrize("host", ["127.0.0.1:8737", "localhost:8737", "LOCALHOST:8737", "[::1]:8737"])
def test_its_own_names_are(host: str) -> None:
    assert status({"host": host}, "key=the key") == 200


def given(host: str, key: str) -> str:
    """The cookie that whoever comes with the key by some name is given, as a browser sends it back."""
    headers = ask({"host": host}, f"key={key}", key=key)[0]["headers"]
    (cookie,) = (value.decode() for name, value in headers if name == b"set-cookie")
    return str(cookie.partition(";")[0])


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "localhost:9000", "127.0.0.1", "[::1]:9000"])
def test_so_are_they_behind_a_tunnel_with_another_port(host: str) -> None:
    own = {"host": host, "origin": f"http://{host}", "cookie": given(host, "key")}
    assert ask(own, kind="websocket", key="key")[0]["type"] == "websocket.accept"
    assert status(own, method="POST", key="key") == 200


def test_two_tunnels_to_the_same_port_of_two_machines_do_not_put_each_other_out() -> None:
    here, there = {"host": "localhost:9001"}, {"host": "localhost:9002"}
    # As a browser keeps them: for the host, whatever the port, one of a name.
    kept = dict(cookie.split("=") for cookie in (given(here["host"], "one"), given(there["host"], "other")))
    jar = "; ".join("=".join(cookie) for cookie in kept.items())
    assert status({**here, "cookie": jar}, key="one") == 200
    assert status({**there, "cookie": jar}, key="other") == 200


def test_a_page_of_another_program_on_this_machine_is_another_sites() -> None:
    other = {**GOOD, "origin": "http://127.0.0.1:3000", "cookie": 'mellm-8737="the key"'}
    assert ask(other, kind="websocket")[0]["type"] == "websocket.close"
    assert status(other, method="POST") == 403


def test_another_sites_page_may_neither_listen_nor_order() -> None:
    foreign = {**GOOD, "origin": "http://evil.example", "cookie": 'mellm-8737="the key"'}
    own = {**foreign, "origin": "http://127.0.0.1:8737"}
    assert ask(foreign, kind="websocket")[0]["type"] == "websocket.close"
    assert ask(own, kind="websocket")[0]["type"] == "websocket.accept"
    assert status(foreign, method="POST") == 403
    assert status(own, method="POST") == 200


def test_what_is_refused_does_not_come_back_as_markup() -> None:
    body = ask({"host": "<script>alert(1)</script>:8737"})[1]["body"]
    assert b"<script>" not in body
