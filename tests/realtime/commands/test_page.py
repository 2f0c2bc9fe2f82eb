"""How long the page stays when its session is over."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from rich.console import Console

from realtime.bus import Publisher
from realtime.commands.page import AWAY_S, heed, linger
from realtime.config import Config
from realtime.dashboard.door import Dashboard
from realtime.dashboard.orders import Annotate, Order, Record
from realtime.recordings.journal import NOTES
from realtime.recordings.notes import read_notes
from realtime.recordings.record import Recorder
from realtime.recordings.sessions import open_recording
from realtime.recordings.tape import Tape
from realtime.supervisor import Session
from tests.realtime.messages import frame


class Watched:
    """A page that is looked at for a second, again and again after a little less than `AWAY_S`."""

    gone = False

    def __init__(self, times: int, first_s: float = 0.0, before: bool = False) -> None:
        self.now_s, self._times, self._first_s, self._before = 0.0, times, first_s, before

    @property
    def viewers(self) -> int:
        time, into_s = divmod(self.now_s - self._first_s, 0.9 * AWAY_S)
        return int(0 <= time < self._times and into_s < 1.0)

    @property
    def visited(self) -> bool:
        return self._before or (self._times > 0 and self.now_s >= self._first_s)

    def orders(self, wait_s: float = 0.0) -> Iterator[Order]:
        self.now_s += wait_s
        yield from ()

    def keep_told(self, topic: str, value: object) -> None:
        pass


class Asking:
    """A page on which something is asked for over the first message."""

    def __init__(self, *asked: Order) -> None:
        self.asked = list(asked)

    def orders(self) -> Iterator[Order]:
        while self.asked:
            yield self.asked.pop(0)

    def keep_told(self, topic: str, value: object) -> None:
        pass


class Idle:
    state: tuple[()] = ()
    finished: Sequence[Recorder] = ()


@pytest.mark.parametrize("times", [1, 3])
def test_a_page_that_is_reloaded_finds_its_server_again(times: int) -> None:
    page = Watched(times)
    linger(cast(Dashboard, page), cast(Tape, Idle()), Console(file=io.StringIO()), lambda: page.now_s)
    last_seen_s = (times - 1) * 0.9 * AWAY_S + 1.0
    assert page.now_s - last_seen_s == pytest.approx(AWAY_S, abs=0.5)


def test_a_page_that_nobody_has_opened_yet_is_waited_for() -> None:
    page, told = Watched(1, 100 * AWAY_S), io.StringIO()
    linger(cast(Dashboard, page), cast(Tape, Idle()), Console(file=told, width=200), lambda: page.now_s)
    assert page.now_s == pytest.approx(101 * AWAY_S + 1.0, abs=0.5)
    assert "the page stays until it has been opened and closed (Ctrl-C ends it)" in told.getvalue()


def test_a_page_that_nobody_looks_at_any_more_is_not_waited_for() -> None:
    page = Watched(0, before=True)
    linger(cast(Dashboard, page), cast(Tape, Idle()), Console(file=io.StringIO()), lambda: page.now_s)
    assert page.now_s == 0.0


def test_a_note_on_the_last_moment_goes_to_the_recording(tmp_path: Path) -> None:
    with Recorder(tmp_path, Config()) as recorder:
        for k in range(3):
            recorder.take(frame(k / 3, k))

    told: list[str] = []

    class Noting(Watched):
        def orders(self, wait_s: float = 0.0) -> Iterator[Order]:
            yield Annotate(0.666667, "so")  # as the page knows it, in whole µs

        def tell(self, topic: str, value: object) -> None:
            told.append(topic)

    tape = Idle()
    tape.finished = [recorder]
    linger(cast(Dashboard, Noting(0, before=True)), cast(Tape, tape), Console(file=io.StringIO()))
    assert told == ["annotation"]
    assert [note.text for note in read_notes(recorder.folder / NOTES)] == ["so"]


def test_a_note_made_just_before_a_recording_is_ended_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session, page = Session(Config()), Asking(Annotate(0.5, "so"), Record(on=False))
    monkeypatch.setattr(session, "_context", object())  # it runs
    monkeypatch.setattr(session, "_messages", lambda: iter([frame(k / 3, k) for k in range(3)]))
    session._public = cast(Publisher, SimpleNamespace(publish=lambda message: None))
    with Tape(session, tmp_path) as tape:
        tape.start()
        for message in session:
            tape.take(message)
            heed(cast(Dashboard, page), session, tape)
    (recorder,) = tape.finished
    assert [note.text for note in open_recording(recorder.folder).notes] == ["so"]
