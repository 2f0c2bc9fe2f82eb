"""What an event did, region by region: measured between its two frames.

That takes longer than a frame may wait. At an apex it is done at once all the same, for words are wanted; at a close,
where a large expression takes several times as long, nobody waits for it, so it is done in a thread of its own.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import msgspec

from calib.face import Floats
from engines.picture import flow_sketch
from engines.refine import CropPair
from engines.regions import RegionMeter, RegionMotion
from engines.runtime import BatchEngine, CropError, FlowEngine, encode_all
from realtime.config import SpotConfig
from realtime.curve import Shot
from realtime.messages import AnyMessage, End, Lost, Motion, Spot

LAG = 16
"""Motions after which an event is told in a lossless run: enough to measure it, and the same in every run."""

STILL_IOD = 0.001
"""What moved no region so far did not happen: curves add up what many flows are wrong by, and this is one flow.

It tells less of 19 in 20 faces that only sway, at any noise of the camera, and 0.004 of a movement of 0.005."""

Shots = Callable[[int, int, int], tuple[Shot, Shot] | None]
"""(face_id, onset_ns, apex_ns) → the two frames, if they are still at hand."""


@dataclass(frozen=True)
class Measured:
    """What one flow from onset to apex told.

    Attributes:
        regions: statistics of every region; none if there was nothing to measure.
        expression: the expression flow (256, 256, 2), px of the crop.
        landmarks: the onset's mesh points (478, 3), px of the crop.
    """

    regions: tuple[RegionMotion, ...] = ()
    expression: Floats | None = None
    landmarks: Floats | None = None

    @property
    def sketch(self) -> bytes:
        """The flow as a small picture (PNG) without a pixel of the face; nothing if nothing was measured."""
        if self.expression is None or self.landmarks is None:
            return b""
        return flow_sketch(self.expression, self.landmarks)


@dataclass
class _Job:
    """An event that is being measured.

    Attributes:
        told: the event, once it is measured.
        motions: that have passed meanwhile.
    """

    told: "Future[tuple[Spot, ...]]"
    motions: int = 0


class EventNode:
    """Takes `Spot` as the spotter gives it, and gives it measured; passes everything else on.

    An apex is measured in one pass, a close refined (`engines.refine`). An engine that takes one call at a time
    measures everything at once, and a run that is not live everything aside, to tell it `LAG` motions later.
    """

    def __init__(self, config: SpotConfig, shots: Shots, engine: FlowEngine, live: bool) -> None:
        """Start the thread.

        Args:
            config: settings.
            shots: finds an event's frames (`FlowNode.shots`).
            engine: measures; the caller keeps it open until this node is closed.
            live: tell an event as soon as it is measured, and not `LAG` motions later.
        """
        self._config, self._shots, self._engine, self._live = config, shots, engine, live
        aside = not isinstance(engine, BatchEngine)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="event") if aside else None
        self._jobs: deque[_Job] = deque()
        self._known: dict[int, Measured] = {}  # of events that have not ended
        self._last: tuple[Shot, Shot, CropPair] | None = None

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)

    @property
    def working(self) -> bool:
        """See `realtime.nodes.Aside`."""
        return bool(self._jobs)

    def ready(self) -> Iterator[AnyMessage]:
        """See `realtime.nodes.Aside`."""
        yield from self._told(lambda job: job.told.done())

    def step(self, message: AnyMessage) -> Iterator[AnyMessage]:
        """See the class."""
        if isinstance(message, Spot) and message.phase != "rising":
            wanted = message.phase != "revoked" and message.apex_ns >= 0
            shots = self._shots(message.face_id, message.onset_ns, message.apex_ns) if wanted else None
            if self._thread is None or (self._live and message.phase == "apex"):
                yield from self._tell(message, shots)
            else:
                self._jobs.append(_Job(self._thread.submit(self._tell, message, shots)))
            return
        if isinstance(message, Motion):
            yield from self.ready() if self._live else self._due()
        elif isinstance(message, (Lost, End)):
            yield from self._told(lambda job: True)
        yield message

    def _due(self) -> Iterator[AnyMessage]:
        for job in self._jobs:
            job.motions += 1
        yield from self._told(lambda job: job.motions >= LAG)

    def _told(self, wanted: Callable[[_Job], bool]) -> Iterator[Spot]:
        """The oldest events in work, for as long as they are wanted."""
        while self._jobs and wanted(self._jobs[0]):
            yield from self._jobs.popleft().told.result()

    def _tell(self, spot: Spot, shots: tuple[Shot, Shot] | None) -> tuple[Spot, ...]:
        """An event as it was measured. Where nothing moved its apex is not told, and its close takes it back."""
        known = self._known.pop(spot.spot_id, Measured())
        if spot.phase == "revoked":
            return (spot,)
        measured = self._measure(*shots, refined=spot.phase == "closed") if shots is not None else Measured()
        # Of a face that is gone there is nothing more to measure.
        measured = measured if measured.regions else known
        if spot.phase == "apex":
            self._known[spot.spot_id] = measured
        largest_iod = max((r.mean_iod for r in measured.regions), default=0.0)
        if measured.regions and largest_iod < STILL_IOD:
            taken_back = msgspec.structs.replace(spot, phase="revoked", kind=None, offset_ns=-1)
            return (taken_back,) if spot.phase == "closed" else ()
        told = msgspec.structs.replace(
            spot,
            magnitude_iod=round(largest_iod, 6),
            regions=measured.regions,
            noise_iod=(min(self._config.told_iod, largest_iod / 2),) * len(measured.regions),
            sketch=measured.sketch if spot.phase == "closed" else b"",
        )
        return (told,)

    def _measure(self, onset: Shot, apex: Shot, refined: bool) -> Measured:
        """What the face did from one frame to another; nothing if one of them cannot be measured."""
        # The crops may be cut by different transforms: those differ rigidly, so the head fit takes that out as well.
        try:
            pair = self._pair(onset, apex)
            expression = (pair.refined() if refined else pair.flow).expression
        except CropError:
            return Measured()
        return Measured(tuple(RegionMeter(onset.landmarks).measure(expression)), expression, onset.landmarks)

    def _pair(self, onset: Shot, apex: Shot) -> CropPair:
        """Two frames, measured once: what is asked at an event's apex is asked again at its close.

        Raises:
            CropError: one of them cannot be measured.
        """
        last = self._last  # the other thread may put another in its place
        if last is None or last[0] is not onset or last[1] is not apex:
            crops = onset.crop, apex.crop
            first, second = encode_all(self._engine, crops)
            last = onset, apex, CropPair(self._engine, crops, (first, second), onset.landmarks, apex.since(onset))
            self._last = last
        return last[2]
