import dataclasses
import multiprocessing
from multiprocessing.context import SpawnProcess
from typing import cast

import pytest

from realtime.child import LATE_S, START_S, STOP_S, Child
from realtime.messages import Face, Gap, Motion, Status
from realtime.nodes import PROCESSES
from realtime.process import FAILED_EXIT
from tests.realtime.messages import face

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
        one.hear(Status(seq=0, t_capture_ns=0, t_media_ns=0, process="align", state=state, detail=detail), now_s)  # type: ignore[arg-type]
    assert (one.state, one.detail, one.heard_s, one.pid) == ("ended", "odd", 12.0, 77)


def test_the_gap_of_a_restart_is_told_once_before_the_first_message() -> None:
    fresh = dataclasses.replace(child(Body()), restarted_for="align was restarted")
    other = Motion(
        seq=6, t_capture_ns=0, t_media_ns=0, u_iod=(), v_iod=(), head=(), epoch=0, iod_px=100.0, noise_iod=0.0,
        magnitude_iod=0.0, eye_opening=(0.3, 0.3), quality=1.0,
    )  # fmt: skip
    assert fresh.gave(other) is None
    assert fresh.last_seq == 4
    gap = fresh.gave(face(seq=9))
    assert isinstance(gap, Gap)
    assert (gap.from_seq, gap.to_seq, gap.cause) == (5, 8, "align was restarted")
    assert fresh.gave(face(seq=10)) is None
    assert fresh.last_seq == 10


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
