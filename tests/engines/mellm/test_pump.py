import threading
from collections.abc import Callable, Iterator

import pytest

from engines.mellm.pump import Pump

LONG_S = 20.0


def test_pieces_come_in_order_and_then_none() -> None:
    pump = Pump(lambda stopped: iter("abc"))
    assert [pump.take(LONG_S) for _ in range(4)] == ["a", "b", "c", None]


def test_whoever_waits_gets_an_empty_piece() -> None:
    go = threading.Event()

    def slow(stopped: Callable[[], bool]) -> Iterator[str]:
        go.wait(LONG_S)
        yield "x"

    pump = Pump(slow)
    assert pump.take(0.001) == ""
    go.set()
    assert pump.take(LONG_S) == "x"


def test_what_goes_wrong_reaches_whoever_waits() -> None:
    def bad(stopped: Callable[[], bool]) -> Iterator[str]:
        yield "x"
        raise OSError("gone")

    pump = Pump(bad)
    assert pump.take(LONG_S) == "x"
    with pytest.raises(OSError, match="gone"):
        pump.take(LONG_S)


def test_it_stops_when_asked_to() -> None:
    ended = threading.Event()

    def endless(stopped: Callable[[], bool]) -> Iterator[str]:
        try:
            while True:
                yield "x"
        finally:
            ended.set()

    pump = Pump(endless)
    assert pump.take(LONG_S) == "x"
    pump.join(LONG_S)
    assert ended.wait(LONG_S)
