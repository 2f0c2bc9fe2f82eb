"""The videos of the benchmark: long phantom performances of some people, each at every frame rate."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench.spotting.truth import Truth, truth_of
from calib.phantom import PhantomFace, PhantomScript, PhantomVideo, long_script

WIDTH, HEIGHT = 640, 480
IOD_PX = (85.0, 115.0)
"""Distances between the eyes, px of the frame."""


@dataclass(frozen=True)
class Video:
    """One performance at one frame rate.

    Attributes:
        name: short, the same for the same place in a run; a file name.
        face: who performs.
        script: what.
        fps: frames a second.
        seconds: its length.
        iod_px: distance between the eyes, px.
    """

    name: str
    face: PhantomFace
    script: PhantomScript
    fps: float
    seconds: float
    iod_px: float

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return int(self.seconds * self.fps)

    @property
    def truth(self) -> Truth:
        """What happens in it."""
        return truth_of(self.script, self.seconds)

    @property
    def key(self) -> str:
        """A digest of all that its frames depend on but the photo's pixels."""
        facts = repr((self.script, self.fps, self.seconds, round(self.iod_px, 3)))
        return hashlib.sha256(facts.encode() + self.face.landmarks.tobytes()).hexdigest()[:16]

    def open(self) -> PhantomVideo:
        """The phantom that renders it."""
        return PhantomVideo(self.face, self.script, WIDTH, HEIGHT, self.iod_px)


def make_videos(
    faces: Sequence[PhantomFace], rates: Sequence[float], seconds: float, count: int, seed: int
) -> Iterator[Video]:
    """The same `count` performances at every rate, the faces taken in turn."""
    for fps in rates:
        for number in range(count):
            rng = np.random.default_rng([seed, number, 31])
            script = long_script(seconds, int(rng.integers(2**31)))
            yield Video(
                f"{fps:g}fps-{seconds:g}s-seed{seed}-{number:02d}",
                faces[number % len(faces)], script, fps, seconds, float(rng.uniform(*IOD_PX)),
            )  # fmt: skip
