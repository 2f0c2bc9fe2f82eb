"""Recordings without pictures: motions of movements known exactly, as the flow node would give them."""

from collections.abc import Sequence

import numpy as np

from bench.spotting.recording import Recording, respot
from bench.spotting.truth import Span, Truth, truth_of
from calib.phantom import PhantomEvent, PhantomScript
from realtime.messages import AnyMessage, End
from tests.realtime.curves import perform

MICRO = PhantomEvent(3.0, 3.18, 3.42, (("AU12", 0.022),))
MACRO = PhantomEvent(5.5, 5.9, 7.5, (("AU4", 0.05),), hold_s=0.9)
TINY = PhantomEvent(9.0, 9.2, 9.4, (("AU15", 0.006),))
SECONDS = 12.0


def recording(
    events: Sequence[PhantomEvent] = (MICRO, MACRO, TINY), fps: float = 30.0, distractors: tuple[Span, ...] = (),
    engine: str = "dis", noise_iod: float = 0.0006,
) -> Recording:  # fmt: skip
    """A recording of some events, with the spotter's spots."""
    heard: tuple[AnyMessage, ...] = (*perform(events, np.arange(0, SECONDS, 1 / fps).tolist(), noise_iod), end(fps))
    truth = truth_of(PhantomScript(tuple(events)), SECONDS)
    own = Recording("key", engine, fps, Truth(SECONDS, truth.events, distractors), heard, ())
    return Recording(own.key, own.engine, own.fps, own.truth, own.messages, tuple(respot(own)))


def end(fps: float) -> End:
    """The end of the stream."""
    return End(seq=round(SECONDS * fps), t_capture_ns=0, t_media_ns=round(SECONDS * 1e9))
