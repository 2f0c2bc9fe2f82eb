"""A whole run: every video measured once, or taken from a folder of recordings, and every method on all of them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from bench.spotting.methods import Result, compare
from bench.spotting.recording import Recording, file_name, load, record, respot, save
from bench.spotting.videos import Video, make_videos
from calib.phantom import PhantomFace
from engines.runtime import FlowEngine
from engines.runtime.dis import DisEngine
from engines.runtime.weights import MANIFEST, SHIPPED

Progress = Callable[[int], None]
"""Called with the number of frames that were dealt with."""


@dataclass(frozen=True)
class Plan:
    """What is to be measured.

    Attributes:
        rates: frame rates, 1/s.
        seconds: length of each video.
        videos: so many a frame rate.
        seed: of people and performances.
        motion: folder of recordings, to read and to write; None keeps none. A recording is used only if it is of the
            same performance, face and weights; other changes to alignment and flow it cannot know of.
        weights: folder of MEFlowNet's weights; None for the shipped ones.
    """

    rates: tuple[float, ...] = (30.0,)
    seconds: float = 60.0
    videos: int = 8
    seed: int = 0
    motion: Path | None = None
    weights: Path | None = None

    @property
    def frames(self) -> int:
        """Of all videos together."""
        return sum(self.videos * int(self.seconds * fps) for fps in self.rates)


def measure(
    plan: Plan, faces: Sequence[PhantomFace], engines: Sequence[FlowEngine], progress: Progress = lambda frames: None
) -> tuple[list[Result], list[Recording]]:
    """The results of every method, engine and rate, and for the picture the first recording of every engine.

    Raises:
        BenchError: a recording in the folder is damaged or of another version.
        OSError: the folder cannot be read or written.
    """
    results: list[Result] = []
    examples: list[Recording] = []
    for fps in sorted(plan.rates):
        own: dict[str, list[Recording]] = {engine.name: [] for engine in engines}
        for video in make_videos(faces, (fps,), plan.seconds, plan.videos, plan.seed):
            for recording in _recordings(video, engines, plan, progress):
                own[recording.engine].append(recording)
        examples = examples or [recordings[0] for recordings in own.values()]
        for recordings in own.values():
            results += compare(recordings)
    return results, examples


def _recordings(video: Video, engines: Sequence[FlowEngine], plan: Plan, progress: Progress) -> list[Recording]:
    """A video's recordings, one an engine: kept ones with the spotter run anew, the others made."""
    digests = {engine.name: weights_digest(engine.name, plan.weights) for engine in engines}
    kept = {name: _kept(video, name, digest, plan.motion) for name, digest in digests.items()}
    new = [engine for engine in engines if kept[engine.name] is None]
    for made in record(video, new, lambda: progress(1)) if new else ():
        recording = replace(made, weights=digests[made.engine])
        kept[made.engine] = recording
        if plan.motion is not None:
            save(recording, plan.motion / file_name(video, made.engine))
    if not new:
        progress(video.frames)
    return [recording for recording in kept.values() if recording is not None]


def _kept(video: Video, engine: str, digest: str, folder: Path | None) -> Recording | None:
    """The recording of this very video, if the folder has it; the spots are those of the spotter as it is now."""
    path = folder / file_name(video, engine) if folder is not None else None
    if path is None or not path.exists():
        return None
    recording = load(path)
    if (recording.key, recording.weights) != (video.key, digest):
        return None
    return replace(recording, spots=tuple(respot(recording)))


def weights_digest(engine: str, folder: Path | None) -> str:
    """What tells the weights of one engine from others: a digest of their manifest; empty for DIS, which has none."""
    if engine == DisEngine.name:
        return ""
    return hashlib.sha256(((folder or SHIPPED) / MANIFEST).read_bytes()).hexdigest()[:16]
