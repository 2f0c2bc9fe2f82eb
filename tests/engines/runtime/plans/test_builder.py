import os
import signal
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.runtime.interface import EngineError
from engines.runtime.plans.builder import Phases, build, serialised
from engines.runtime.plans.library import Library

NONE = Library("tensorrt", "10.9.0", None)
GRAPHS = {"encoder": b"one", "matcher": b"two"}


def reverse(pipe: Connection, flavour: str, capability: str, graphs: Mapping[str, bytes]) -> None:
    """A builder that turns graphs round."""
    for name, content in graphs.items():
        pipe.send(("at", f"{name} for {capability} by {flavour}", 0.5))
        pipe.send(("plan", name, content[::-1]))


def refuse(pipe: Connection, flavour: str, capability: str, graphs: Mapping[str, bytes]) -> None:
    """A builder that cannot."""
    pipe.send(("error", "tensorrt cannot read the encoder: no importer"))


def crash(pipe: Connection, flavour: str, capability: str, graphs: Mapping[str, bytes]) -> None:
    """A builder that falls over its memory."""
    os.kill(os.getpid(), signal.SIGSEGV)


def hang(pipe: Connection, flavour: str, capability: str, graphs: Mapping[str, bytes]) -> None:
    """A builder that listens to nobody, as TensorRT while it compiles."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pipe.send(("at", str(os.getpid()), 0.1))
    threading.Event().wait()


def silent(what: str, share: float) -> None:
    """Nobody looks."""


def test_plans_come_back_by_name_and_progress_is_told() -> None:
    told: list[tuple[str, float]] = []
    built = build(NONE, "8.6", GRAPHS, lambda what, share: told.append((what, share)), reverse)
    assert built == {"encoder": b"eno", "matcher": b"owt"}
    assert told == [("encoder for 8.6 by tensorrt", 0.5), ("matcher for 8.6 by tensorrt", 0.5)]


def test_a_refusal_is_told_in_tensorrts_words() -> None:
    with pytest.raises(EngineError, match="cannot read the encoder: no importer"):
        build(NONE, "8.6", GRAPHS, silent, refuse)


class Logger:
    """TensorRT's."""

    Severity = SimpleNamespace(INTERNAL_ERROR=0, ERROR=1)


@pytest.mark.parametrize(
    ("logged", "says"),
    [("CUDA initialization failure with error: 35\nstack", "CUDA initialization failure with error: 35"),
     ("", "TypeError: factory function returned nullptr")],
)  # fmt: skip
def test_a_builder_that_does_not_even_start_is_told_in_tensorrts_words_if_there_are_any(logged: str, says: str) -> None:
    def too_old(log: Any) -> None:
        log.log(Logger.Severity.ERROR, logged)
        raise TypeError("factory function returned nullptr")

    old = Library("tensorrt", "11.0.1", SimpleNamespace(ILogger=Logger, Builder=too_old))
    with pytest.raises(EngineError, match=rf"^tensorrt 11\.0\.1 cannot build the encoder: {says}$"):
        serialised(old, "8.6", b"graph", "encoder", silent)


def test_a_builder_that_dies_is_an_error_and_not_our_end() -> None:
    with pytest.raises(EngineError, match=r"process ended while it was building \(status -11\)"):
        build(NONE, "8.6", GRAPHS, silent, crash)


def test_stopping_ends_a_builder_that_listens_to_nobody() -> None:
    pids: list[int] = []

    def show(what: str, share: float) -> None:
        pids.append(int(what))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(NONE, "8.6", GRAPHS, show, hang)
    assert len(pids) == 1
    assert not Path(f"/proc/{pids[0]}").exists()


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5)), min_size=1, max_size=5))
def test_the_share_told_never_falls_and_stays_within_the_whole(shape: list[tuple[int, int]]) -> None:
    shares: list[float] = []
    phases = Phases(lambda what, share: shares.append(share))
    phases.start("all", None, len(shape))
    for number, (children, steps) in enumerate(shape):
        for child in range(children):
            phases.start(f"{number}.{child}", "all", steps)
            for step in range(steps):
                phases.step(f"{number}.{child}", step)
            phases.finish(f"{number}.{child}")
        phases.step("all", number)
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(1.0)


def test_steps_of_a_phase_that_is_over_are_no_error() -> None:
    phases = Phases(silent)
    phases.step("gone", 3)
    phases.finish("gone")
