"""Who may come in: requests that carry the session's key, to the name the server goes by, from its own pages.

The page shows faces, and any web page that the operator opens meanwhile can reach 127.0.0.1. So every request must
carry the key that is in the printed address (afterwards in a cookie); its Host must be this machine and not a name that
somebody else's DNS points here (DNS rebinding); and a browser's WebSocket or order must come from a page of this very
server.
"""

import hmac
import ipaddress
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page loads nothing from elsewhere, talks to nobody else, and stands in no other page."""

KEY_NEEDED = "key needed"
"""The reason told to a WebSocket without the key."""

_OPEN = ("/page/",)  # files that hold nothing of the session

_REFUSED = """<!doctype html><html lang="en"><meta charset="utf-8"><title>mellm-live</title>
<body><h1>This address needs its key</h1><p>{why}</p>
<p>Open the address that <code>mellm</code> has printed in its terminal, with <code>?key=…</code> at its end.</p>"""


class Guard:
    """ASGI middleware; see the module."""

    def __init__(self, app: ASGIApp, key: str, names: frozenset[str]) -> None:
        """Stand before an app.

        Args:
            app: what is guarded.
            key: the session's.
            names: host names it goes by besides addresses; lower case.
        """
        self._app, self._key, self._names = app, key, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through or refuse it in words."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("key", [""])[0]
        why = self._objection(scope, headers, asked)
        if why:
            await self._refuse(scope, receive, send, why)
            return
        fresh = hmac.compare_digest(asked.encode(), self._key.encode())

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._dress(MutableHeaders(scope=message), headers.get("host", ""), fresh)
            await send(message)

        await self._app(scope, receive, answer)

    def _objection(self, scope: Scope, headers: Headers, asked: str) -> str:
        """Why a request is refused; nothing if it is not."""
        host = headers.get("host", "")
        if not self._is_own(host):
            return f"The name {host[:80]!r} is not this server's."
        origin = headers.get("origin")
        safe = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if origin is not None and not safe and urlsplit(origin).netloc.lower() != host.lower():
            return "The request comes from another site's page."
        if scope["path"].startswith(_OPEN):
            return ""
        keys = (asked, self._cookie(headers))
        if any(hmac.compare_digest(key.encode(), self._key.encode()) for key in keys):
            return ""
        return "The key is missing, or it is that of a session that is over."

    def _is_own(self, host: str) -> bool:
        """Whether a Host header names this server: by an address, behind which no DNS stands, or by its own name.

        Any port will do: behind a tunnel (ssh -L) the browser names the tunnel's.
        """
        try:
            parts = urlsplit(f"//{host}")
            name, _ = parts.hostname or "", parts.port
        except ValueError:
            return False
        if parts.netloc != host or "@" in host:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        return True

    def _cookie(self, headers: Headers) -> str:
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(_cookie_name(headers.get("host", "")))
        except CookieError:
            return ""
        return morsel.value if morsel is not None else ""

    def _dress(self, headers: MutableHeaders, host: str, fresh: bool) -> None:
        """What every answer carries."""
        headers.setdefault("Content-Security-Policy", POLICY.format(sockets=f"ws://{host}"))
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers.setdefault("Cache-Control", "no-store")
        if fresh:
            headers.append("Set-Cookie", f"{_cookie_name(host)}={self._key}; Path=/; HttpOnly; SameSite=Strict")

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, why: str) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4403, "reason": f"{KEY_NEEDED}: {why}"})
            return
        await HTMLResponse(_REFUSED.format(why=_escaped(why)), 403)(scope, receive, send)


def _cookie_name(host: str) -> str:
    """The cookie's name for an own Host; cookies are the same for all ports of a host, so the port is in it.

    It is the port that the browser names: those of two tunnels differ, though they may lead to the same one.
    """
    return f"mellm-{urlsplit(f'//{host}').port or 80}"


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
