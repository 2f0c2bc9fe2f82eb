"""Every flow engine alone: how long a pair takes, how many a second, and how near the reference answer it is."""

import statistics
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.pace.alone import a_second, timed
from bench.pace.results import Pace, Spread
from engines.runtime import ENGINES, PRECISIONS, EngineError, FlowEngine, FollowingEngine, WeightsError
from engines.runtime.reference import Reference
from engines.runtime.weights import Weights

_TURNS, _LEAST = 3, 5


def measure_engines(
    names: Sequence[str], batches: Sequence[int], threads: Sequence[int], weights: Path | None, seconds: float,
    missing: dict[str, str], progress: Callable[[str], None] = lambda _: None,
) -> Iterator[Pace]:  # fmt: skip
    """Measure engines, setting by setting; in each they take turns, so that what else happens hits all alike.

    Those that can go on from a guess are measured so as well.

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
        rows: dict[str, tuple[str, bool]] = {}
        for name in working:
            rows[name] = name, False
            if isinstance(opened[name][0], FollowingEngine):
                rows[f"{name}, followed"] = name, True
        for count in threads:
            for batch in batches:
                times: dict[str, list[float]] = {row: [] for row in rows}
                rates: dict[str, list[float]] = {row: [] for row in rows}
                for turn in range(_TURNS):
                    for row, (name, follows) in rows.items():
                        progress(f"{row}, batch {batch}, {count} side by side, turn {turn + 1} of {_TURNS}")
                        engines = opened[name][:count]
                        calls = _side_by_side(engines, reference, batch, seconds / _TURNS, follows)
                        times[row] += [ms for own in calls for ms in own]
                        rates[row].append(sum(a_second(own, batch) for own in calls))
                for row, (name, _) in rows.items():
                    yield Pace(
                        row, "encoding and flow", Spread.of(times[row]), round(statistics.fmean(rates[row]), 2),
                        PRECISIONS.get(name, "–"), batch, count, apart_px[name],
                    )  # fmt: skip
    finally:
        for engine in (engine for engines in opened.values() for engine in engines):
            engine.close()


def _side_by_side(
    engines: Sequence[FlowEngine], reference: Reference, batch: int, seconds: float, follows: bool
) -> list[list[float]]:
    """What each call took, ms, engine by engine."""
    together = threading.Barrier(len(engines))

    def one(engine: FlowEngine) -> list[float]:
        first, second = reference.crops
        anchor = engine.encode(first)

        def call(_: int) -> None:
            for _ in range(batch):
                if follows:
                    reference.live(engine, anchor)
                else:
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
