"""A language model behind an OpenAI-compatible server: llama-server, vLLM, Ollama and others.

Asked is `/chat/completions` with `stream`, answered in server-sent events, as the API reference has it
(https://platform.openai.com/docs/api-reference/chat).
"""

import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from engines.mellm.answer import ModelError, NarratorError, StreamError

KEYS = ("MELLM_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the server's key, the first one that does counts."""

_CONNECT_S = 5.0
_LONGEST = 1024  # tokens
_LONGEST_BODY = 2**20  # characters
_PATIENT_STATUS = frozenset({408, 429, 500, 502, 503, 504})
_REFUSED_STATUS = frozenset({400, 422})
_EXTRAS: Mapping[str, Any] = {
    "temperature": 0, "seed": 0, "max_tokens": _LONGEST, "chat_template_kwargs": {"enable_thinking": False},
}  # fmt: skip


def base_url(address: str) -> str:
    """Where a server's API begins: an address without a path gets /v1, one of the completions themselves loses that.

    Raises:
        NarratorError: no http or https address.
    """
    try:
        url = httpx.URL(address.strip())
    except httpx.InvalidURL as error:
        raise NarratorError(f"{address!r} is no address ({error}); write it like http://127.0.0.1:8080/v1") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise NarratorError(f"{address!r} is no http or https address; write it like http://127.0.0.1:8080/v1")
    path = url.path.rstrip("/").removesuffix("/chat/completions")
    return str(url.copy_with(path=path or "/v1", query=None, fragment=None)).rstrip("/")


class ChatServer:
    """A model that a server runs."""

    def __init__(
        self, address: str, model: str = "", timeout_s: float = 10.0, retries: int = 2, backoff_s: float = 0.25
    ) -> None:
        """Find the server and its model.

        Args:
            address: http or https URL; see `base_url`.
            model: name of the model; empty takes the first that the server lists.
            timeout_s: longest silence of the server.
            retries: how often a request is tried again when there is no connection or the server is busy or ill.
            backoff_s: wait before the first retry, twice as long before each further one.

        Raises:
            ModelError: there is no such server, or it lets nobody in, or it has no model.
            NarratorError: the address is none.
        """
        self._url = base_url(address)
        url = httpx.URL(self._url)
        self.name = f"http:{url.netloc.decode()}"
        self._place = str(url.copy_with(username=None, password=None))  # what may be said of it
        self._retries, self._backoff_s = retries, backoff_s
        key = next((os.environ[name] for name in KEYS if os.environ.get(name)), "")
        self._client = httpx.Client(
            timeout=httpx.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s)), follow_redirects=True,
            headers={"Authorization": f"Bearer {key}"} if key.isascii() and key.isprintable() and key else {},
        )  # fmt: skip
        self._extras = dict(_EXTRAS)
        try:
            self._model = self._find(model)
        except ModelError:
            self.close()
            raise

    @property
    def prompt_style(self) -> str:
        """Nothing is known of what it was trained with."""
        return ""

    def fits(self, content: str) -> bool:
        """Yes: only the server knows."""
        return True

    def prime(self, contents: object) -> None:
        """Nothing to do: servers keep prompts by themselves."""

    def stream(self, content: str, stopped: Callable[[], bool]) -> Iterator[str]:
        """Answer a message: pieces of text as they come.

        Args:
            content: of the message.
            stopped: asked often; once it says yes, the answer ends.

        Raises:
            StreamError: there is no answer, or it is none.
        """
        waiting = threading.Event()
        tries = 0
        while not stopped():
            begun = False
            try:
                for piece in self._ask(content, stopped):
                    begun = True
                    yield piece
                    if stopped():
                        return
                return
            except _BusyError as error:
                if begun or tries == self._retries:
                    raise StreamError(str(error)) from error
                waiting.wait(self._backoff_s * 2**tries)
                tries += 1
            except _RefusedError as error:
                if not self._extras:
                    raise StreamError(str(error)) from error
                self._extras = {}  # some servers refuse what they do not know

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _find(self, model: str) -> str:
        try:
            with self._client.stream("GET", f"{self._url}/models") as answer:
                text = "".join(_lines(answer, lambda: False))
        except httpx.HTTPError as error:
            raise ModelError(f"{self._place}: {_cause(error)}; is a server running there?") from error
        except StreamError as error:
            raise ModelError(f"{self._place}: {error}; is it an OpenAI-compatible server?") from error
        if answer.status_code in (401, 403):
            raise ModelError(f"{self._place}: lets nobody in without the right key; set {KEYS[0]} in the environment")
        if model:
            return model
        try:
            listed = json.loads(text)["data"]
            return str(listed[0]["id"])
        except (ValueError, KeyError, IndexError, TypeError) as error:
            detail = f"status {answer.status_code}" if answer.status_code != 200 else f"{text[:60]!r}"
            raise ModelError(f"{self._place}/models: lists no model ({detail}); is it an OpenAI-compatible server? "
                             "If it is, name the model in the setting narrate.model") from error  # fmt: skip

    def _ask(self, content: str, stopped: Callable[[], bool]) -> Iterator[str]:
        body = {"model": self._model, "messages": [{"role": "user", "content": content}], "stream": True}
        try:
            with self._client.stream("POST", f"{self._url}/chat/completions", json={**body, **self._extras}) as answer:
                if answer.status_code != 200:
                    text = f"the server answers {answer.status_code}: {_complaint(''.join(_lines(answer, stopped)))}"
                    if answer.status_code in _PATIENT_STATUS:
                        raise _BusyError(text)
                    if answer.status_code in _REFUSED_STATUS:
                        raise _RefusedError(text)
                    raise StreamError(text)
                yield from _events(_lines(answer, stopped))
        except httpx.TimeoutException as error:
            raise StreamError("the server is silent") from error
        except httpx.HTTPError as error:
            raise _BusyError(f"no connection to the server: {_cause(error)}") from error
        except RuntimeError as error:  # closed meanwhile
            raise StreamError(str(error)) from error


class _BusyError(Exception):
    """It may work in a moment."""


class _RefusedError(Exception):
    """It may work with fewer settings."""


def _lines(answer: httpx.Response, stopped: Callable[[], bool]) -> Iterator[str]:
    """The lines of an answer, which may be a rubbish of any length."""
    rest, length = "", 0
    for chunk in answer.iter_text():
        length += len(chunk)
        if length > _LONGEST_BODY:
            raise StreamError("the server does not stop talking")
        *lines, rest = (rest + chunk).split("\n")
        yield from lines
        if stopped():
            return
    if rest:
        yield rest


def _events(lines: Iterator[str]) -> Iterator[str]:
    """The pieces of text in a stream of server-sent events, or in an answer that came as a whole."""
    for line in lines:
        if not line.strip() or line.startswith((":", "event:", "id:", "retry:")):
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            return
        try:
            event = json.loads(data)
            if "error" in event:
                raise StreamError(f"the server says {_complaint(data)}")
            choices = event["choices"]
            parts = [choice.get("delta") or choice.get("message") or {} for choice in choices[:1]]
            pieces = [part.get("content") or "" for part in parts]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StreamError(f"the server answers {data[:60]!r}, which is no completion") from error
        for piece in pieces:
            if not isinstance(piece, str):
                raise StreamError(f"the server answers {data[:60]!r}, which is no completion")
            if piece:
                yield piece


def _complaint(text: str) -> str:
    """What an error's body says, on one line."""
    try:
        error = json.loads(text)["error"]
        text = error["message"] if isinstance(error, dict) else str(error)
    except (ValueError, KeyError, TypeError):
        pass
    return " ".join(str(text).split())[:200] or "nothing"


def _cause(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "does not answer"
    text = re.sub(r"^\[Errno -?\d+\] ", "", " ".join(str(error).split()))
    return text or type(error).__name__
