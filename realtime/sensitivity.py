"""How small a movement this set-up finds: known ones are put into the person's own frames and looked for.

Micro-expressions of `SECONDS`, two-sided, of the action units that are the most common in them, rise and fall as the
phantom's do. Sizes are how far the strongest region moves at the peak. They are put where the person neither blinked
nor moved, since those hide a movement of any size. One counts as found if the spotter closes an event that overlaps it
as the benchmark's scoring asks (intersection over union of half or more, `calib.phantom.scoring`), micro or macro.

Each pass plays the whole recording with about six movements in it. The first tries all sizes; the others those about
the size that is found nine times in ten by then (`calib.detection`).
"""

from contextlib import closing

import numpy as np

from calib.detection import Detection
from calib.face import CROP_IOD
from calib.implant import Implant, crop_fields
from calib.phantom import PhantomEvent
from calib.phantom.scoring import Interval, match
from engines.runtime import FlowEngine
from realtime.calibration import SHARE, Sensitivity
from realtime.config import Config
from realtime.messages import Motion, Spot
from realtime.recording import NoRestError, Progress, Recording
from realtime.rehearsal import rehearse
from realtime.rest import Rest
from realtime.spot import SpotNode

UNITS = ("AU4", "AU12", "AU1", "AU14", "AU10", "AU17")
"""Those with the most annotated micro-expressions (`calib.facs.CLASS_COUNTS`) that move more than eyelids, one each of
brows down and up, mouth corners up and out, upper lip and chin."""

RISE_S, SECONDS = 0.15, 0.4
"""From onset to apex, and to offset."""

SIZES = 12
"""So many sizes are tried, evenly spaced in their logarithm."""

_FIRST_S = 1.0  # the spotter has learned the rest level
_LAST_S = 0.5  # it closes an event so long after the offset
_APART_S = 1.2  # from onset to onset: the face has come to rest in between
_CLEAR_S = 0.1  # free of blinks before and after


def measure_sensitivity(
    recording: Recording, rest: Rest, config: Config, engine: FlowEngine, progress: Progress
) -> Sensitivity:
    """Find the smallest movement that is found nine times in ten.

    Args:
        recording: some seconds at rest.
        rest: what was measured in it; its noise floors are used, as they will be live.
        config: settings of the pipeline, and of the calibration.
        engine: measures the flow.
        progress: told how far it is.

    Raises:
        NoRestError: too little of the recording is still enough to put anything into.
    """
    settings = config.calibrate
    detection = Detection.unused(np.geomspace(settings.smallest_iod, settings.largest_iod, SIZES).tolist())
    fields = crop_fields(UNITS, rest.mesh)
    times_s = [t / 1e9 for t in recording.times_ns]
    count = len(recording.frames) * settings.passes
    for number in range(settings.passes):
        onsets_s = _onsets(times_s, rest.busy, number)
        if not onsets_s:
            raise NoRestError("no second of it without a blink or a movement: rest for longer (--seconds)")
        sizes = detection.next_sizes(len(onsets_s), SHARE)
        # Sizes and units are dealt out anew each time, so that none keeps to one second of the recording.
        order = np.random.default_rng(number).permutation(len(onsets_s))
        events = [_event(onset_s, UNITS[(k + number) % len(UNITS)], detection.sizes[sizes[k]])
                  for onset_s, k in zip(onsets_s, order, strict=True)]  # fmt: skip
        implant = Implant(events, fields, rest.transforms, times_s, rest.noise, number)
        spot = SpotNode(config.spot, baseline=rest.baseline)
        spotted: list[Interval] = []
        with closing(rehearse(recording, config, engine, spot, implant.frame)) as messages:
            for message in messages:
                if isinstance(message, Spot) and message.phase == "closed":
                    spotted.append((message.onset_ns / 1e9, message.offset_ns / 1e9))
                elif isinstance(message, Motion):
                    progress((number * len(recording.frames) + message.seq + 1) / count)
        found = {index for index, _ in match([(event.onset_s, event.offset_s) for event in events], spotted)}
        detection = detection.with_trials([(sizes[k], place in found) for place, k in enumerate(order)])
    size = detection.size_found(SHARE)
    return Sensitivity(
        config.spot.threshold_iod, config.spot.noise_factor, size, size * rest.iod_px, size * CROP_IOD,
        detection.sizes, detection.tried, detection.found,
    )  # fmt: skip


def _event(onset_s: float, unit: str, size_iod: float) -> PhantomEvent:
    return PhantomEvent(onset_s, onset_s + RISE_S, onset_s + SECONDS, ((unit, size_iod),))


def _onsets(times_s: list[float], busy: tuple[Interval, ...], number: int) -> list[float]:
    """When the movements of a pass begin: as many as fit between the blinks, a little later in each pass."""
    # The golden ratio's multiples lie evenly in every number of passes.
    onset_s = times_s[0] + _FIRST_S + 0.3 * (number * 0.618034 % 1)
    onsets: list[float] = []
    while onset_s + SECONDS + _LAST_S <= times_s[-1]:
        within = [end for start, end in busy if start < onset_s + SECONDS + _CLEAR_S and end > onset_s - _CLEAR_S]
        if within:
            onset_s = max(within) + _CLEAR_S + 1e-6
            continue
        onsets.append(onset_s)
        onset_s += _APART_S
    return onsets
