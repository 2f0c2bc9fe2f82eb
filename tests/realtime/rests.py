"""Recordings of a phantom, at rest or not, without a source."""

from calib.phantom import Nuisance, PhantomEvent, PhantomScript, PhantomVideo, portrait
from realtime.recording import Recording


def recording(
    seconds: float = 3.2,
    noise: float = 2.0,
    events: tuple[PhantomEvent, ...] = (),
    blinks_s: tuple[float, ...] = (),
    gain: float = 1.0,
) -> Recording:
    """A face of 70 px between the eyes, 30 frames a second from 5 s on; `gain` darkens it."""
    video = PhantomVideo(portrait(), PhantomScript(events, blinks_s, Nuisance(noise=noise), 3), 320, 290, 70.0)
    times_s = [5 + k / 30 for k in range(round(30 * seconds) + 1)]
    frames = tuple((video.frame(t_s - 5) * gain).astype("uint8") for t_s in times_s)
    return Recording(frames, tuple(round(t_s * 1e9) for t_s in times_s), 640, 480)
