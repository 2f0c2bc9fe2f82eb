"""Every flow engine alone: how long a pair takes, how many a second, and how near the reference answer it is."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.pace.alone import a_second, timed
from bench.pace.results import Pace, Spread
from calib.int8 import Crop
from engines.runtime import ENGINES, EngineError, FlowEngine, WeightsError
from engines.runtime.reference import Reference
from engines.runtime.weights import Weights

_PRECISIONS = ("bf16", "int8", "fp16", "fp32")


def precision(name: str) -> str:
    """What an engine computes in, by its name."""
    if name == "dis":
        return "–"
    return next((part for part in _PRECISIONS if name.endswith(part)), "f32")


def measure_engines(
    names: list[str], batches: list[int], threads: list[int], weights: Path | None, seconds: float,
    missing: dict[str, str], progress: Callable[[str], None] = lambda _: None,
) -> Iterator[Pace]:  # fmt: skip
    """Measure engines, one setting after the other.

    Args:
        names: of the engines.
        batches: pairs a call: faces in a frame.
        threads: how many engines run side by side, each in a thread of its own.
        weights: folder of weights; None for the shipped ones.
        seconds: how long each setting is timed.
        missing: takes in the engines that do not work here, and why.
        progress: hears what is being measured.

    Raises:
        WeightsError: the weights are missing, corrupt or of another network.
    """
    reference = Reference(Weights(weights))
    for name in names:
        opened: list[FlowEngine] = []
        try:
            for count in threads:
                while len(opened) < count:
                    opened.append(ENGINES[name](weights))
                away_px = reference.apart_px(opened[0])
                for batch in batches:
                    progress(f"{name}, batch {batch}, {count} side by side")
                    times, fps = _side_by_side(opened[:count], reference.crops, batch, seconds)
                    yield Pace(
                        name, "encoding and flow", Spread.of(times), fps, precision(name), batch, count,
                        round(away_px, 4),
                    )  # fmt: skip
        except WeightsError:
            raise
        except EngineError as error:
            missing[name] = str(error)
        finally:
            for engine in opened:
                engine.close()


def _side_by_side(
    engines: list[FlowEngine], crops: tuple[Crop, Crop], batch: int, seconds: float
) -> tuple[list[float], float]:
    """What each call took, ms, and the pairs a second of all engines together."""
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
            return timed(call, seconds, warm=2)
        except BaseException:
            together.abort()
            raise

    with ThreadPoolExecutor(len(engines)) as pool:
        found = list(pool.map(one, engines))
    return [ms for times in found for ms in times], round(sum(a_second(times, batch) for times in found), 2)
