"""Every flow engine alone: how long a pair takes, how many a second, and how near the reference answer it is."""

import statistics
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.pace.alone import a_second, timed
from bench.pace.results import Pace, Spread
from calib.int8 import Crop
from engines.runtime import ENGINES, PRECISIONS, EngineError, FlowEngine, WeightsError
from engines.runtime.reference import Reference
from engines.runtime.weights import Weights

_TURNS, _LEAST = 3, 5


def measure_engines(
    names: Sequence[str], batches: Sequence[int], threads: Sequence[int], weights: Path | None, seconds: float,
    missing: dict[str, str], progress: Callable[[str], None] = lambda _: None,
) -> Iterator[Pace]:  # fmt: skip
    """Measure engines, setting by setting; in each they take turns, so that what else happens hits all alike.

    Args:
        names: of the engines.
        batches: pairs a call: faces in a frame.
        threads: how many engines run side by side, each in a thread of its own.
        weights: folder of weights; None for the shipped ones.
        seconds: how long each engine is timed in each setting.
        missing: takes in the engines that do not work here, and why.
        progress: hears what is being measured.

    Raises:
        WeightsError: the weights are missing, corrupt or of another network.
    """
    reference = Reference(Weights(weights))
    opened: dict[str, list[FlowEngine]] = {}
    try:
        for name in names:
            progress(f"opening {name}")
            opened[name] = []
            try:
                for _ in range(max(threads)):
                    opened[name].append(ENGINES[name](weights))
            except WeightsError:
                raise
            except EngineError as error:
                missing[name] = str(error)
        working = [name for name in names if name not in missing]
        apart_px = {name: round(reference.apart_px(opened[name][0]), 4) for name in working}
        for count in threads:
            for batch in batches:
                times: dict[str, list[float]] = {name: [] for name in working}
                rates: dict[str, list[float]] = {name: [] for name in working}
                for turn in range(_TURNS):
                    for name in working:
                        progress(f"{name}, batch {batch}, {count} side by side, turn {turn + 1} of {_TURNS}")
                        calls = _side_by_side(opened[name][:count], reference.crops, batch, seconds / _TURNS)
                        times[name] += [ms for own in calls for ms in own]
                        rates[name].append(sum(a_second(own, batch) for own in calls))
                for name in working:
                    yield Pace(
                        name, "encoding and flow", Spread.of(times[name]), round(statistics.fmean(rates[name]), 2),
                        PRECISIONS.get(name, "–"), batch, count, apart_px[name],
                    )  # fmt: skip
    finally:
        for engine in (engine for engines in opened.values() for engine in engines):
            engine.close()


def _side_by_side(
    engines: Sequence[FlowEngine], crops: tuple[Crop, Crop], batch: int, seconds: float
) -> list[list[float]]:
    """What each call took, ms, engine by engine."""
    together = threading.Barrier(len(engines))

    def one(engine: FlowEngine) -> list[float]:
        first, second = crops
        anchor = engine.encode(first)

        def call(_: int) -> None:
            for _ in range(batch):
                engine.flow(anchor, engine.encode(second))

        try:
            call(0)
            together.wait()
            return timed(call, seconds, warm=1, least=_LEAST)
        except BaseException:
            together.abort()
            raise

    with ThreadPoolExecutor(len(engines)) as pool:
        return list(pool.map(one, engines))
