"""Live sessions with real processes: each is killed in turn, and nothing may stay behind."""

import dataclasses
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psutil
import pytest
import zmq

from realtime import bus, supervisor
from realtime.child import LATE_S, Child
from realtime.config import CaptureConfig, Config, NarrateConfig
from realtime.messages import Annotation, AnyMessage, End, Frame, Gap, Motion, Say, Spot, Status, unpack
from realtime.nodes import PROCESSES, ProcessSpec
from realtime.process import GO
from realtime.supervisor import Session, SessionError
from tests.engines.mellm.servers import Request, models, serving
from tests.realtime.messages import spot

LONG_S = 60.0
"""For what takes a moment, on the slowest machine."""


@pytest.fixture(autouse=True)
def _heeded() -> Iterator[None]:
    """Commands heed what these tests send them, though the tests themselves may be run under nohup."""
    before = {polite: signal.signal(polite, signal.SIG_DFL) for polite in (signal.SIGHUP, signal.SIGTERM)}
    yield
    for polite, handler in before.items():
        signal.signal(polite, handler)


def phantom(seconds: float = 60.0) -> Config:
    return Config(capture=CaptureConfig("phantom", seconds=seconds))


def leftovers(pid: int) -> list[str]:
    """Sockets and shared memory of the sessions of a process."""
    folders = [Path("/dev/shm"), Path("/tmp")]
    if "XDG_RUNTIME_DIR" in os.environ:
        folders.append(Path(os.environ["XDG_RUNTIME_DIR"]))
    return [str(path) for folder in folders for path in folder.glob(f"mellm-*-{pid}-*")]


def test_a_session_finds_says_and_leaves_nothing_behind() -> None:
    with Session(phantom(4.0)) as session:
        pids = list(session.pids.values())
        messages = list(session)
    assert isinstance(messages[-1], End)
    assert any(isinstance(m, Say) and m.final and m.action_units for m in messages)
    (summary,) = (m for m in messages if isinstance(m, Say) and m.final and m.spot_id == -1)
    assert summary.text.startswith("Watched 0:04: ")
    motions = [m for m in messages if isinstance(m, Motion)]
    gaps = [m for m in messages if isinstance(m, Gap)]
    skipped = sum(gap.to_seq - gap.from_seq + 1 for gap in gaps)
    assert len(motions) + skipped == 120  # every frame was measured, or its loss announced
    last = {m.process: m for m in messages if isinstance(m, Status)}
    assert set(last) == {spec.name for spec in PROCESSES}
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert leftovers(os.getpid()) == []


@pytest.mark.parametrize("victim", [spec.name for spec in PROCESSES])
def test_a_killed_process_is_restarted_and_the_session_goes_on(victim: str) -> None:
    killed_ns = -1
    gaps: list[Gap] = []
    after: list[Motion] = []
    back = False
    with Session(phantom()) as session:
        for message in session:
            if isinstance(message, Motion) and killed_ns < 0 and message.seq >= 10:
                os.kill(session.pids[victim], signal.SIGKILL)
                killed_ns = message.t_media_ns
            if isinstance(message, Gap) and "was behind" not in message.cause:  # a busy machine may skip some before
                gaps.append(message)
            if gaps and isinstance(message, Status) and message.process == victim and message.restarts:
                back = True
            if gaps and isinstance(message, Motion):
                after.append(message)
                if back and len(after) >= 20:
                    break
    assert victim in gaps[0].cause
    assert "signal 9" in gaps[0].cause
    times = [m.t_media_ns for m in after]
    assert times == sorted(times)
    assert times[0] >= killed_ns
    assert leftovers(os.getpid()) == []


@pytest.mark.parametrize("victim", [spec.name for spec in PROCESSES[1:]])
def test_a_death_at_the_end_of_the_stream_does_not_hang_the_session(victim: str, clip: Path) -> None:
    killed = False
    with Session(Config(capture=CaptureConfig(str(clip)))) as session:
        for message in session:
            if isinstance(message, Frame) and message.seq >= 71 and not killed:  # every one is captured
                os.kill(session.pids[victim], signal.SIGKILL)
                killed = True
    assert killed
    assert isinstance(message, End)


def test_after_a_restart_no_number_is_given_twice_and_every_event_is_told() -> None:
    told: list[Say] = []
    spots: list[Spot] = []
    restarted = False
    with Session(phantom()) as session:
        for message in session:
            if isinstance(message, Spot):
                spots.append(message)
                if message.phase == "rising" and len({s.spot_id for s in spots}) == 2 and not restarted:
                    os.kill(session.pids["perceive"], signal.SIGKILL)
                    restarted = True
            if isinstance(message, Say) and message.final:
                told.append(message)
                if len(told) == 3:
                    break
    first, taken_back, third = (say.spot_id for say in told)
    assert first < taken_back < third
    begun, *_, gone = (s.phase for s in spots if s.spot_id == taken_back)  # it may have come to its apex
    assert (begun, gone) == ("rising", "revoked")
    assert "Taken back" in told[1].text


def test_a_narrator_that_dies_over_an_answer_loses_no_event() -> None:
    """Its model never answers, and when the event has closed, the process is killed."""

    def silent(request: Request) -> None:
        if not models(request):
            request.server.release.wait(60)  # type: ignore[attr-defined]

    finals: dict[int, int] = {}
    killed = False
    with serving(silent) as server:
        config = dataclasses.replace(phantom(7.0), narrate=NarrateConfig(server.address, first_word_s=1.5))
        with Session(config) as session:
            messages = []
            for message in session:
                messages.append(message)
                if isinstance(message, Spot) and message.phase == "closed" and not killed:
                    os.kill(session.pids["narrate"], signal.SIGKILL)
                    killed = True
                if isinstance(message, Say) and message.final:
                    finals[message.spot_id] = finals.get(message.spot_id, 0) + 1
    closed = {m.spot_id for m in messages if isinstance(m, Spot) and m.phase in ("closed", "revoked")}
    assert killed
    assert finals == dict.fromkeys([*closed, -1], 1)
    assert any(isinstance(m, Say) and m.spot_id == -1 and "had no first word" in m.text for m in messages)
    summary = next(m for m in messages if isinstance(m, Say) and m.spot_id == -1 and m.final)
    micro = sum(m.phase == "closed" and m.kind == "micro" for m in messages if isinstance(m, Spot))
    assert f"{micro} micro" in summary.text


def test_a_hung_process_is_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of this one alone: the others may be silent for as long on a busy machine.
    limits = {"align": 2.0}
    impatient = (dataclasses.replace(s, heartbeat_s=limits.get(s.name, s.heartbeat_s)) for s in PROCESSES)
    monkeypatch.setattr(supervisor, "PROCESSES", tuple(impatient))
    stopped = False
    with Session(phantom()) as session:
        for message in session:
            if isinstance(message, Motion) and not stopped:
                os.kill(session.pids["align"], signal.SIGSTOP)
                stopped = True
            if isinstance(message, Gap) and message.cause == "align was restarted":
                break
    assert isinstance(message, Gap)
    assert message.to_seq >= message.from_seq


def test_over_its_budget_the_session_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "PROCESSES", tuple(dataclasses.replace(spec, restarts=0) for spec in PROCESSES))
    with Session(phantom()) as session:
        pids = list(session.pids.values())
        killed = False
        with pytest.raises(SessionError, match=r"perceive was killed by signal 9.*giving up"):
            for message in session:
                if isinstance(message, Motion) and not killed:
                    os.kill(session.pids["perceive"], signal.SIGKILL)
                    killed = True
        assert isinstance(message, End)  # so that a page and a recording know
        assert "giving up" in message.error
        assert not any(psutil.pid_exists(pid) for pid in pids)  # the camera is not on while others still look at a page
    assert leftovers(os.getpid()) == []


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (Config(capture=CaptureConfig("nothing.mp4")), "nothing.mp4"),
        (Config(capture=CaptureConfig("phantom"), narrate=NarrateConfig("homer")), "homer"),
    ],
)
def test_what_cannot_start_says_why(config: Config, says: str) -> None:
    with Session(config) as session, pytest.raises(SessionError, match=says):
        list(session)
    assert leftovers(os.getpid()) == []


def test_other_programs_can_listen() -> None:
    context = zmq.Context[zmq.Socket[bytes]]()
    listener = context.socket(zmq.SUB)
    heard: AnyMessage | None = None
    with Session(phantom()) as session:
        listener.connect(session.public_address)
        listener.subscribe(b"Motion")
        for _ in session:
            if listener.poll(0):
                topic, data = listener.recv_multipart()
                heard = unpack(data)
                break
        listener.close(linger=0)
    context.term()
    assert topic == b"Motion"
    assert isinstance(heard, Motion)


def start_command(*options: str) -> psutil.Popen:
    """`mellm live phantom`, with its first face already seen."""
    command = [sys.executable, "-u", "-m", "realtime.cli", "live", "phantom", *options]
    process = psutil.Popen(command, stdout=-1, stderr=-1, start_new_session=True)
    for line in process.stdout:
        if b"between the eyes" in line:
            break
    return process


@pytest.mark.parametrize("signal_sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_stops_everything_cleanly(signal_sent: signal.Signals) -> None:
    process = start_command()
    children = process.children(recursive=True)
    os.killpg(process.pid, signal_sent) if signal_sent == signal.SIGINT else process.send_signal(signal_sent)
    out, err = process.communicate(timeout=LONG_S)
    assert process.returncode == 0
    assert b"Session" in out
    assert b"Traceback" not in err
    _, alive = psutil.wait_procs(children, timeout=LONG_S)
    assert alive == []
    assert leftovers(process.pid) == []


def test_ctrl_c_while_starting_is_as_clean() -> None:
    command = [sys.executable, "-u", "-m", "realtime.cli", "live", "phantom"]
    process = psutil.Popen(command, stdout=-1, stderr=-1, start_new_session=True)
    assert b"starting" in process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=LONG_S)
    assert process.returncode == 0
    assert b"Summary" not in out  # nothing was seen
    assert b"Traceback" not in err
    assert leftovers(process.pid) == []


def test_a_page_whose_process_is_killed_is_told_and_the_session_goes_on() -> None:
    process = start_command("--dashboard", "--port", "0", "--no-open")
    (page,) = (child for child in process.children() if child.net_connections("tcp"))
    page.kill()
    assert any(b"the page's process has ended; the session goes on" in line for line in process.stdout)
    assert len(process.children()) >= len(PROCESSES)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LONG_S)
    assert process.returncode == 0


def test_a_killed_supervisor_leaves_nothing_behind() -> None:
    process = start_command()
    children = process.children(recursive=True)
    assert len(children) >= len(PROCESSES)
    process.kill()
    process.communicate(timeout=LONG_S)
    _, alive = psutil.wait_procs(children, timeout=LONG_S)
    assert alive == []
    assert leftovers(process.pid) == []


def test_a_note_comes_out_among_the_messages_and_to_listeners() -> None:
    with Session(phantom()) as session:
        for message in session:
            if isinstance(message, Motion):
                session.annotate("so")
                break
        for message in session:
            if isinstance(message, Annotation):
                break
        with pytest.raises(ValueError, match="1 to"):
            session.annotate("  ")
    assert isinstance(message, Annotation)
    assert (message.text, message.until_ns) == ("so", -1)
    assert message.t_media_ns >= 0


def test_a_note_made_over_the_last_message_comes_out_too() -> None:
    with Session(phantom(0.5)) as session:
        messages: list[AnyMessage] = []
        for message in session:
            messages.append(message)
            if isinstance(message, End):
                session.annotate("at the end")
    assert isinstance(messages[-1], Annotation)


@pytest.mark.parametrize("broken", [bus.Publisher, bus.Outbox])
def test_what_breaks_off_while_it_is_set_up_leaves_nothing_behind(
    broken: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError("no more sockets")

    monkeypatch.setattr(broken, "__init__", refused)
    with pytest.raises(OSError, match="no more sockets"), Session(phantom()):
        pass
    assert leftovers(os.getpid()) == []


def test_signals_that_a_program_with_python_in_it_handles_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    changed: list[int] = []
    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    monkeypatch.setattr(signal, "signal", lambda number, handler: changed.append(number))
    Session(phantom()).close()
    assert changed == []


@pytest.mark.parametrize("first_is_ready", ["first", "last"])
def test_the_first_process_is_told_to_go_once_everyone_is_ready(first_is_ready: str) -> None:
    session = Session(phantom())
    theirs, told = {}, []
    for number, spec in enumerate(PROCESSES):
        reading, ours = multiprocessing.Pipe(duplex=False)
        theirs[spec.name] = reading
        process = cast(SpawnProcess, SimpleNamespace(pid=number + 1, exitcode=None))
        session._children[spec.name] = Child(spec, process, ours, 0, 0.0)
    first, *others = session._children.values()
    for child in [first, *others] if first_is_ready == "first" else [*others, first]:
        for _ in range(3):  # it says so again and again
            told.append(theirs[first.spec.name].poll(0))
            session._hear(
                Status(seq=-1, t_capture_ns=0, t_media_ns=0, process=child.spec.name, state="ready", pid=child.pid)
            )
    assert not any(told[:-2])
    assert theirs[first.spec.name].recv() == GO
    assert not theirs[first.spec.name].poll(0)
    for child in session._children.values():
        child.lifeline.close()


def test_one_that_has_died_cannot_be_told_to_go_and_that_is_no_error() -> None:
    session = Session(phantom())
    reading, ours = multiprocessing.Pipe(duplex=False)
    reading.close()
    spec = PROCESSES[0]
    process = cast(SpawnProcess, SimpleNamespace(pid=1, exitcode=-9))
    session._children[spec.name] = Child(spec, process, ours, 0, 0.0)
    session._hear(Status(seq=-1, t_capture_ns=0, t_media_ns=0, process=spec.name, state="ready", pid=1))
    assert session._children[spec.name].told_to_go
    ours.close()


def test_nobody_is_blamed_for_silence_while_the_supervisor_itself_was_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    session, blamed = Session(phantom()), list[str]()

    def restart(child: Child, cause: str) -> list[AnyMessage]:
        blamed.append(child.spec.name)
        return []

    monkeypatch.setattr(session, "_restart", restart)
    for spec in PROCESSES:
        reading, ours = multiprocessing.Pipe(duplex=False)
        reading.close()
        process = cast(SpawnProcess, SimpleNamespace(pid=1, exitcode=None))
        session._children[spec.name] = Child(spec, process, ours, 0, clock[0], state="running")
    for later_s in (0.05, 60.0, 0.05, 0.5):
        clock[0] += later_s
        list(session._aside())
    assert blamed == []
    for _ in range(12):  # and now they are silent although it listens
        clock[0] += 0.5
        list(session._aside())
    assert set(blamed) == {spec.name for spec in PROCESSES if spec.heartbeat_s < 6.0}
    for child in session._children.values():
        child.lifeline.close()


def test_what_a_process_said_before_it_died_counts_though_it_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    session, begun, deaf = Session(phantom()), list[int](), SimpleNamespace(publish=lambda _: None, send=lambda _: None)
    session._public, session._inboxes = cast(bus.Publisher, deaf), {"narrate": cast(bus.Outbox, deaf)}
    body = SimpleNamespace(pid=1, exitcode=-9, join=lambda _: None, is_alive=lambda: False, close=lambda: None)
    reading, ours = multiprocessing.Pipe(duplex=False)
    reading.close()
    spec = next(spec for spec in PROCESSES if spec.gives is Motion)
    dead = session._children[spec.name] = Child(spec, cast(SpawnProcess, body), ours, 0, clock[0], state="running")

    def start(spec: ProcessSpec, restarts: int) -> Child:
        begun.append(session._ledger.resume.spot_id)
        return dataclasses.replace(dead, restarts=restarts)

    monkeypatch.setattr(session, "_start", start)
    assert list(session._aside()) == []
    list(session._pass_on(spot(4, 1.0, 1.4, phase="rising")))  # was on its way
    clock[0] += 2 * LATE_S
    gap, gone = session._aside()
    assert isinstance(gap, Gap)
    assert isinstance(gone, Spot)
    assert (gone.spot_id, gone.phase, begun) == (4, "revoked", [5])


@pytest.mark.parametrize(("handed", "missed"), [(19, -1), (25, 20)])
def test_only_what_was_handed_to_a_process_is_lost_with_it(handed: int, missed: int) -> None:
    session = Session(phantom())
    for spec, last_seq in zip(PROCESSES, (900, handed, 19, -1), strict=True):  # nobody is in the picture any more
        _, ours = multiprocessing.Pipe(duplex=False)
        process = cast(SpawnProcess, SimpleNamespace(pid=1, exitcode=-9))
        session._children[spec.name] = Child(spec, process, ours, 0, 0.0, last_seq=last_seq)
    session._children["align"].said_seq = 900
    assert session._lost_with(session._children["perceive"].spec) == missed
    for child in session._children.values():
        child.cut()


def test_a_script_needs_no_guard_around_its_session(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import realtime\n"
        "with realtime.Session('phantom', seconds=1) as session:\n"
        "    print(sum(type(message).__name__ == 'Motion' for message in session.messages()) > 5)\n"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = psutil.Popen([sys.executable, str(script)], stdout=-1, stderr=-1, env=environment)
    out, err = done.communicate(timeout=LONG_S)
    assert (out, err) == (b"True\n", b"")
