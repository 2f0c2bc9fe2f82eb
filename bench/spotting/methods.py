"""What is compared: the causal spotter, and methods that wait for the whole video, on the same motions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.spotting.curves import Curves, curves_of
from bench.spotting.found import Found, spotted
from bench.spotting.local_rise import LEVELS as RISES
from bench.spotting.local_rise import local_rise
from bench.spotting.plain_flow import LEVELS as SHARES
from bench.spotting.plain_flow import plain_flow
from bench.spotting.recording import Recording
from bench.spotting.scores import FLOOR_IOD, Judged, judge, pool

SPOTTER = "spotter"


@dataclass(frozen=True)
class WholeVideo:
    """A method that sees the whole video before it says anything.

    Attributes:
        label: its name in the tables.
        find: its events in the stretches of one video, with a threshold.
        levels: thresholds to try; the best one on the very videos is taken.
    """

    label: str
    find: Callable[[Sequence[Curves], float], list[Found]]
    levels: tuple[float, ...]


WHOLE_VIDEO = (
    WholeVideo("plain flow", plain_flow, SHARES),
    WholeVideo("local rise", local_rise, RISES),
)
METHODS = (SPOTTER, *(method.label for method in WHOLE_VIDEO))


@dataclass(frozen=True)
class Result:
    """One method on all videos of one frame rate, measured by one engine.

    Attributes:
        engine, method: names.
        fps: frames a second.
        counted: events of at least `FLOOR_IOD` alone.
        all: every event.
        level: threshold that the method was given; None for the spotter, which has settings of its own.
        found: video by video, what was taken back among it.
    """

    engine: str
    method: str
    fps: float
    counted: Judged
    all: Judged
    level: float | None
    found: tuple[tuple[Found, ...], ...]

    @property
    def label(self) -> str:
        """Its name in the tables."""
        return f"{self.method}, {self.engine}"


def compare(recordings: Sequence[Recording]) -> list[Result]:
    """The spotter and every whole-video method on recordings of one engine and one frame rate."""
    heard = [spotted(recording.spots) for recording in recordings]
    results = [_result(recordings, SPOTTER, heard, None)]
    stretches = [list(curves_of(recording.messages, recording.fps)) for recording in recordings]
    for method in WHOLE_VIDEO:
        tried = {level: [method.find(curves, level) for curves in stretches] for level in method.levels}
        level = max(method.levels, key=lambda value: _overall(recordings, tried[value]))
        results.append(_result(recordings, method.label, tried[level], level))
    return results


def _judge(recordings: Sequence[Recording], found: Sequence[Sequence[Found]], floor_iod: float) -> Judged:
    return pool(judge(r.truth, own, floor_iod) for r, own in zip(recordings, found, strict=True))


def _overall(recordings: Sequence[Recording], found: Sequence[Sequence[Found]]) -> float:
    """Overall F1 of the events that count; 0 where nothing was found and there was nothing."""
    tp, fp, fn = _judge(recordings, found, FLOOR_IOD).count()
    return 2 * tp / max(2 * tp + fp + fn, 1)


def _result(
    recordings: Sequence[Recording], method: str, found: Sequence[Sequence[Found]], level: float | None
) -> Result:
    return Result(
        recordings[0].engine, method, recordings[0].fps, _judge(recordings, found, FLOOR_IOD),
        _judge(recordings, found, 0.0), level, tuple(tuple(own) for own in found),
    )  # fmt: skip
