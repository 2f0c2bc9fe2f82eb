import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.pace.engines import measure_engines
from calib.int8 import Crop
from engines.runtime import ENGINES, PRECISIONS, EngineError, FlowEngine, FlowFields, WeightsError
from engines.runtime.reference import Reference
from engines.runtime.weights import Weights


class Still:
    """Says that nothing moves; notes which threads asked, and that it was closed."""

    name = "still"

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.encoded = self.flows = 0
        self.closed = False

    def encode(self, crop: Crop) -> int:
        self.threads.add(threading.get_ident())
        self.encoded += 1
        return self.encoded

    def flow(self, first: int, second: int) -> FlowFields:
        self.flows += 1
        return FlowFields(np.zeros((256, 256, 2), np.float32), None)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Still]]:
    """The engines that were opened."""
    engines: list[Still] = []

    def still(_: Path | None) -> FlowEngine:
        engines.append(Still())
        return engines[-1]

    def old(_: Path | None) -> FlowEngine:
        raise EngineError("the driver is too old")

    monkeypatch.setitem(ENGINES, "still-int8", still)
    monkeypatch.setitem(PRECISIONS, "still-int8", "int8")
    monkeypatch.setitem(ENGINES, "old", old)
    yield engines
    assert all(engine.closed for engine in engines)


def test_every_engine_is_measured_in_every_setting(made: list[Still]) -> None:
    missing: dict[str, str] = {}
    said: list[str] = []
    paces = list(measure_engines(["still-int8", "old", "dis"], [1, 3], [1, 2], None, 0.02, missing, said.append))
    assert missing == {"old": "the driver is too old"}
    assert [(pace.name, pace.batch, pace.threads) for pace in paces] == [
        (name, batch, threads) for threads in (1, 2) for batch in (1, 3) for name in ("still-int8", "dis")
    ]
    assert {(pace.name, pace.note) for pace in paces} == {("still-int8", "int8"), ("dis", "–")}
    assert len(made) == 2
    assert made[0].threads.isdisjoint(made[1].threads) or len(made[0].threads) > 1
    assert all(pace.ms.n >= 15 for pace in paces)
    assert "dis, batch 3, 2 side by side, turn 3 of 3" in said


def test_an_engine_that_goes_on_from_a_guess_is_measured_so_too(
    made: list[Still], monkeypatch: pytest.MonkeyPatch
) -> None:
    followed: list[int] = []

    def follow(self: Still, first: int, second: int, guess: object) -> FlowFields:
        followed.append(second)
        return FlowFields(np.zeros((256, 256, 2), np.float32), None)

    monkeypatch.setattr(Still, "follow", follow, raising=False)
    plain, other = measure_engines(["still-int8"], [2], [1], None, 0.02, {})
    assert (plain.name, other.name) == ("still-int8", "still-int8, followed")
    assert plain.note == other.note == "int8"
    assert len(followed) >= 2 * 15
    assert made[0].flows >= 2 * 15


def test_pairs_a_second_follow_from_the_calls(made: list[Still]) -> None:
    for pace in measure_engines(["still-int8"], [1, 4], [1], None, 0.02, {}):
        assert 1000 * pace.batch / pace.ms.most <= pace.fps
    assert made[0].encoded > made[0].flows  # an anchor a turn is kept


def test_how_far_it_is_from_the_reference_is_how_far_the_reference_moves(made: list[Still]) -> None:
    (pace,) = measure_engines(["still-int8"], [1], [1], None, 0.0, {})
    assert pace.apart_px == pytest.approx(Reference(Weights()).apart_px(Still()), abs=1e-4)
    assert pace.apart_px > 0.05


def test_broken_weights_are_no_missing_engine(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is missing"):
        list(measure_engines(["dis"], [1], [1], tmp_path, 0.01, {}))


def test_an_engine_that_breaks_off_does_not_hang_the_others(made: list[Still], monkeypatch: pytest.MonkeyPatch) -> None:
    broken = iter([True])

    def encode(self: Still, crop: Crop) -> int:
        if threading.current_thread() is not threading.main_thread() and next(broken, False):
            raise RuntimeError("out of memory")
        return 0

    monkeypatch.setattr(Still, "encode", encode)
    with pytest.raises((RuntimeError, threading.BrokenBarrierError)):
        list(measure_engines(["still-int8"], [1], [2], None, 0.01, {}))
