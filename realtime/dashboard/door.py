"""The parent's side of the page: binds the port, starts the page's process, and hears what viewers ask for."""

import errno
import multiprocessing
import secrets
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from realtime.config import Config
from realtime.dashboard.orders import Order
from realtime.dashboard.place import Place, Stage, Told, Viewers
from realtime.dashboard.server import main
from realtime.environment import nameless_main, undisturbed

START_S = 90.0
"""Longest the page's process may take to start, on a slow, busy machine."""

_STOP_S = 3.0

_LOCAL = frozenset({"localhost"})


class DashboardError(Exception):
    """The page cannot be served; one line that says why and what to do."""


class Dashboard:
    """A served page. Use as a context manager; leaving it ends the page's process.

    Attributes:
        url: its address.
        viewers: how many watch, as far as `orders` has heard.
        visited: whether anybody ever has.
        gone: whether `orders` has found that the page's process has ended by itself.
    """

    def __init__(self, config: Config, folder: Path | None = None) -> None:
        """Take the port.

        Args:
            config: settings.
            folder: where recordings are.

        Raises:
            DashboardError: the port is taken, or the address is not this machine's.
        """
        settings = config.dashboard
        self._socket = _bind(settings.host, settings.port)
        self.port = int(self._socket.getsockname()[1])
        own = socket.gethostname().lower()
        names = _LOCAL | {own, f"{own}.local", settings.host.lower()} if settings.host != "127.0.0.1" else _LOCAL
        self._place = Place(config, secrets.token_urlsafe(18), frozenset(names), None, folder)
        shown = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
        self.url = self.url_at(shown)
        self.config = config
        self.viewers = 0
        self.visited = False
        self.gone = False

    def url_at(self, host: str) -> str:
        """The page's address by a name or address of this machine."""
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}/?key={self._place.key}"

    def __enter__(self) -> "Dashboard":
        spawn = multiprocessing.get_context("spawn")
        self._line, theirs = spawn.Pipe()
        self._process = spawn.Process(target=main, args=(self._place, self._socket, theirs), name="mellm-dashboard")
        try:
            with undisturbed(), nameless_main():
                self._process.start()
            theirs.close()
            if not self._line.poll(START_S) or self._line.recv() != "ready":
                raise DashboardError(f"the page's process has not started within {START_S:.0f} s")
        except (EOFError, OSError) as error:
            self.close()
            raise DashboardError("the page's process broke off while starting; see what it printed above") from error
        except BaseException:
            self.close()
            raise
        finally:
            self._socket.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Of the page's process."""
        return self._process.pid or -1

    def show(self, stage: Stage) -> None:
        """Before entering: the live session to show. Without one there are recordings only."""
        self._place = replace(self._place, stage=stage)

    def say_first(self, topic: str, value: dict[str, Any]) -> None:
        """Before entering: what holds from the start; see `tell`."""
        self._place = replace(self._place, said={**self._place.said, topic: value})

    def tell(self, topic: str, value: dict[str, Any]) -> None:
        """Tell every page what holds from now on: a message whose `type` is the topic."""
        try:
            self._line.send(Told(topic, value))
        except OSError:  # the page's process is gone; the session goes on without it
            return

    def keep_told(self, topic: str, value: dict[str, Any]) -> None:
        """The same, if it is not what was told last."""
        if self._place.said.get(topic) != value:
            self.say_first(topic, value)
            self.tell(topic, value)

    def orders(self, wait_s: float = 0.0) -> Iterator[Order]:
        """What viewers have asked for since the last time; waits for it a while if told to."""
        try:
            while self._line.poll(wait_s):
                wait_s = 0.0
                said = self._line.recv()
                if isinstance(said, Viewers):
                    self.viewers = said.count
                    self.visited = self.visited or said.count > 0
                else:
                    yield said
        except (EOFError, OSError):
            self.gone = True

    def close(self) -> None:
        """End the page's process. May be called twice."""
        self._socket.close()
        if not hasattr(self, "_process"):
            return
        self._line.close()
        if self._process.pid is None:
            return
        self._process.join(_STOP_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def address_outside() -> str:
    """The address of this machine on the way to others; its name if it has none. Nothing is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address kept for documentation (RFC 5737)
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


def _bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        DashboardError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(128)
    except (OSError, OverflowError) as error:
        bound.close()
        code = getattr(error, "errno", None)
        if code == errno.EADDRINUSE:
            raise DashboardError(
                f"port {port} is taken, perhaps by another session: choose another with --port, or --port 0 for any"
            ) from error
        if code == errno.EACCES:
            raise DashboardError(f"port {port} needs rights you lack: choose one above 1023 with --port") from error
        why = getattr(error, "strerror", None) or error
        raise DashboardError(f"cannot listen at {host} port {port}: {why}; see --host and --port") from error
    return bound
