import multiprocessing
from multiprocessing.context import SpawnProcess
from typing import Any, cast

import pytest

from realtime.child import LATE_S, START_S, STOP_S, Child
from realtime.messages import Face, Status
from realtime.nodes import PROCESSES
from realtime.process import FAILED_EXIT
from tests.realtime.messages import face, frame

ALIGN = next(spec for spec in PROCESSES if spec.gives is Face)


class Body:
    """A process that is alive until it has an exit code, and ends of itself or must be killed."""

    def __init__(self, exitcode: int | None = None, stubborn: bool = False) -> None:
        self.exitcode, self.stubborn, self.pid = exitcode, stubborn, 77
        self.done: list[str] = []

    def join(self, timeout: float | None = None) -> None:
        self.done.append("join")
        if not self.stubborn and self.exitcode is None:
            self.exitcode = 0

    def is_alive(self) -> bool:
        return self.exitcode is None

    def kill(self) -> None:
        self.done.append("kill")
        self.exitcode = -9

    def close(self) -> None:
        assert self.exitcode is not None
        self.done.append("close")


def child(body: Body, state: str = "running", detail: str = "") -> Child:
    """A child last heard of at 10 s."""
    _, ours = multiprocessing.Pipe(duplex=False)
    return Child(ALIGN, cast(SpawnProcess, body), ours, 1, 10.0, state, detail, last_seq=4)


@pytest.mark.parametrize(
    ("state", "code", "silent_s", "trouble"),
    [
        ("running", None, ALIGN.heartbeat_s, ""),
        ("running", None, ALIGN.heartbeat_s + 1, f"align has been silent for {ALIGN.heartbeat_s + 1:.0f} s"),
        ("starting", None, START_S, ""),
        ("starting", None, START_S + 1, "align has been silent for 241 s"),
        ("ended", 0, 1000.0, ""),
        ("ended", None, 1000.0, ""),
        ("running", 1, 0.0, "align crashed: odd"),
        ("ended", -9, 0.0, "align was killed by signal 9"),
        ("running", -7, 0.0, "align was killed by signal 7; is /dev/shm full? `mellm doctor` tells"),
        ("starting", FAILED_EXIT, 1000.0, ""),
    ],
)
def test_what_died_or_hangs_is_in_trouble(state: str, code: int | None, silent_s: float, trouble: str) -> None:
    one = child(Body(code), state, "odd")
    assert code is None or one.trouble(10.0 + silent_s - 2 * LATE_S) == ""  # what it said last may be on its way
    assert one.trouble(10.0 + silent_s) == trouble


def test_the_word_of_one_that_has_ended_may_still_come() -> None:
    one = child(Body(0), detail="odd")
    assert one.trouble(1000.0) == ""  # however long it was silent before
    assert one.trouble(1000.0 + STOP_S / 2) == ""
    assert one.trouble(1000.1 + STOP_S) == "align crashed: odd"


def test_a_slow_stream_may_keep_the_first_process_silent() -> None:
    one = child(Body())
    one.patience_s = 24.0
    assert one.trouble(10.0 + 24.0) == ""
    assert one.trouble(10.0 + 25.0) != ""


def test_what_cannot_start_may_still_say_why() -> None:
    assert not child(Body(FAILED_EXIT)).failed(10.0 + STOP_S / 2)
    assert child(Body(FAILED_EXIT)).failed(10.1 + STOP_S)
    assert not child(Body(None)).failed(1000.0)
    assert not child(Body(1)).failed(1000.0)


def test_the_last_status_counts_and_a_reason_is_kept() -> None:
    one = child(Body(), "starting")
    for now_s, state, detail in ((11.0, "running", "odd"), (12.0, "ended", "")):
        status: Any = {"process": "align", "state": state, "detail": detail, "handled": 7, "drops": 2}
        one.hear(Status(seq=0, t_capture_ns=0, t_media_ns=0, **status), now_s)
    assert (one.handled, one.drops) == (7, 2)
    assert (one.state, one.detail, one.heard_s, one.pid) == ("ended", "odd", 12.0, 77)


def test_a_frame_is_done_with_when_something_was_given_of_it_or_it_was_said() -> None:
    one = child(Body())
    one.gave(frame(1.0, 9))  # not of its own making
    one.gave(face(seq=6))
    assert (one.last_seq, one.done_seq) == (6, 6)
    one.hear(Status(seq=8, t_capture_ns=0, t_media_ns=0, process="align", state="running"), 11.0)  # no face in these
    assert (one.last_seq, one.done_seq) == (6, 8)


@pytest.mark.parametrize(
    ("body", "done"),
    [
        (Body(), ["join", "close"]),
        (Body(-11), ["join", "close"]),
        (Body(stubborn=True), ["join", "kill", "join", "close"]),
    ],
)
def test_it_ends_by_itself_or_is_killed(body: Body, done: list[str]) -> None:
    one = child(body)
    one.end()
    one.end()
    assert body.done == done
    assert one.lifeline.closed
