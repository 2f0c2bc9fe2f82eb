"""What the narrators are asked: measurements whose truth is known, from pictures and from the table alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.flow.pairs import HEIGHT, IOD_PX, NOISES, WIDTH, photograph
from calib.crop import cut_crop
from calib.face import REGIONS, Doubles, crop_landmarks, crop_transform, inter_ocular_distance
from calib.facs import pattern
from calib.phantom import Nuisance, PhantomEvent, PhantomFace, PhantomScript, PhantomVideo
from calib.phantom.script import BLINK_S
from engines.landmarks import FaceMesh
from engines.mellm import Facts
from engines.mellm.instruct.annotations import AnnotatedSet
from engines.refine import refined_flow
from engines.regions import RegionMeter, motion_of
from engines.runtime import CropError, FlowEngine

Kind = Literal["true", "units", "still", "head", "blink"]

NOTHING: tuple[Kind, ...] = ("still", "head", "blink")
"""Cases in which no expression happens."""

SIZES_IOD = (0.01, 0.03)
"""Displacement of the strongest region of every unit, log-uniform."""

APART_S = (0.2, 0.6)
"""Time between onset and apex, s, in which the head sways on."""

FLOOR_IOD = 0.003
"""Movements below this count as still, as in `mellm explain`."""

_QUIET = Nuisance(sway_iod=0.0, roll_deg=0.0, zoom=0.0, turn_deg=0.0, light=0.0, noise=0.0)
_SWAYING = Nuisance(light=0.0, noise=0.0)
_TURNING = Nuisance(sway_iod=0.06, roll_deg=1.2, zoom=0.012, turn_deg=2.3, light=0.0, noise=0.0)


@dataclass(frozen=True)
class Case:
    """One measurement.

    Attributes:
        kind: "true" from the table's patterns, the others from pictures.
        facts: what the narrator is told.
        units: the action units that were acted.
        counts: how often these were annotated as negative, positive and surprise; 0 where nothing happened.
    """

    kind: Kind
    facts: Facts
    units: tuple[str, ...] = ()
    counts: tuple[int, int, int] = (0, 0, 0)


def true_cases(sets: Sequence[AnnotatedSet], strength_iod: float = 0.02) -> Iterator[Case]:
    """Every annotated set once, its statistics read off the table without an error."""
    for one in sets:
        if sum(one.counts[:3]):
            moved: Doubles = strength_iod * sum((pattern(code) for code in one.units), np.zeros((len(REGIONS), 2)))
            regions = tuple(
                motion_of(region.name, row[None].astype(np.float32)) for region, row in zip(REGIONS, moved, strict=True)
            )
            yield Case("true", Facts(regions, (FLOOR_IOD,) * len(regions), 100.0), one.units, one.counts[:3])


class Camera:
    """Pictures of people who act, measured as `mellm explain` measures two photos. A context manager."""

    def __init__(self, faces: Sequence[PhantomFace], engine: FlowEngine) -> None:
        """Take the people and the engine, which the caller closes."""
        self._faces, self._engine = faces, engine
        self._mesh = FaceMesh(tracking=False)

    def __enter__(self) -> "Camera":
        return self

    def __exit__(self, *_: object) -> None:
        self._mesh.close()

    def acted(self, sets: Sequence[AnnotatedSet], count: int, seed: int) -> Iterator[Case]:
        """`count` expressions, the people in turn; frequent sets come oftener, but not as much as they are."""
        weights = np.sqrt([sum(one.counts) for one in sets])
        for number in range(count):
            rng = np.random.default_rng([seed, 0, number])
            one = sets[int(rng.choice(len(sets), p=weights / weights.sum()))]
            low, high = np.log(SIZES_IOD)
            units = tuple((code, float(np.exp(rng.uniform(low, high)))) for code in one.units)
            facts = self._facts(number, units, _SWAYING, False, rng)
            if facts is not None:
                yield Case("units", facts, one.units, one.counts[:3])

    def nothing(self, count: int, seed: int) -> Iterator[Case]:
        """`count` still faces, as many that only move their head, and as many that blink."""
        for place, (kind, nuisance) in enumerate((("still", _QUIET), ("head", _TURNING), ("blink", _SWAYING))):
            for number in range(count):
                rng = np.random.default_rng([seed, 1 + place, number])
                facts = self._facts(number, (), nuisance, kind == "blink", rng)
                if facts is not None:
                    yield Case(NOTHING[place], facts)

    def _facts(
        self, number: int, units: tuple[tuple[str, float], ...], nuisance: Nuisance, blink: bool,
        rng: np.random.Generator,
    ) -> Facts | None:  # fmt: skip
        """What is measured; None where no face is found in the picture."""
        before_s = float(rng.uniform(0.5, 20.0))
        after_s = before_s + float(rng.uniform(*APART_S))
        events = (PhantomEvent(before_s, after_s, after_s + 0.2, units),) if units else ()
        blinks = (after_s - float(rng.uniform(0.15, 0.6)) * BLINK_S,) if blink else ()
        script = PhantomScript(events, blinks, nuisance, int(rng.integers(2**31)))
        video = PhantomVideo(self._faces[number % len(self._faces)], script, WIDTH, HEIGHT, float(rng.uniform(*IOD_PX)))
        noise = float(rng.choice(NOISES))
        return self.measured(*(photograph(video.frame(t), noise, rng) for t in (before_s, after_s)))

    def measured(self, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Facts | None:
        """What two pictures (H, W, 3) RGB tell; None if there is no face to measure."""
        found = self._mesh.find(np.ascontiguousarray(before))
        if not found:
            return None
        face = max(found, key=inter_ocular_distance)
        transform = crop_transform(face)
        landmarks = crop_landmarks(transform, face)
        try:
            first, second = (cut_crop(image, transform) for image in (before, after))
            flow = refined_flow(self._engine, (first, second), landmarks)
        except CropError:
            return None
        regions = tuple(RegionMeter(landmarks).measure(flow.expression))
        return Facts(regions, (FLOOR_IOD,) * len(regions), inter_ocular_distance(face))
