"""What a narrator is told, and what it must answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from calib.facs import Label
from engines.regions import RegionMotion


class NarratorError(Exception):
    """A narrator cannot be had; the message says why and what to do."""


class ModelError(NarratorError):
    """A narrator's model or server cannot be used; another narrator can speak instead."""


class StreamError(Exception):
    """A model or server broke off, or could not begin; one line."""


@dataclass(frozen=True)
class Facts:
    """The measurement a narrator speaks about, and the only thing it may speak about.

    Attributes:
        regions: the movement of every region from onset to apex.
        noise_iod: magnitude below which a region counts as still, in the order of `regions`.
        iod_px: inter-ocular distance in the picture the operator sees, px.
        kind: "micro", "macro", or "pair" for two photos.
    """

    regions: tuple[RegionMotion, ...]
    noise_iod: tuple[float, ...]
    iod_px: float
    kind: str = "pair"

    def __post_init__(self) -> None:
        if len(self.noise_iod) != len(self.regions):
            raise ValueError(f"{len(self.regions)} regions but {len(self.noise_iod)} noise floors")

    @property
    def moving(self) -> list[RegionMotion]:
        """Regions above their noise floor with a clear direction, the strongest first."""
        pairs = zip(self.regions, self.noise_iod, strict=True)
        kept = [r for r, noise in pairs if r.mean_iod > noise and r.direction != "unclear"]
        return sorted(kept, key=lambda r: -r.mean_iod)


@dataclass(frozen=True)
class Answer:
    """A narrator's closing facts.

    Attributes:
        action_units: codes in the order of their numbers (`calib.facs.in_order`), e.g. ("AU4", "LAU12").
        label: negative, positive, surprise, or none when nothing was recognised.
        confidence: probability of the label if something happened, 0–1.
        narration: the whole text; it replaces the pieces that came before it.
        narrator: name of who gave it, which is another than was asked where that one failed.
    """

    action_units: tuple[str, ...]
    label: Label
    confidence: float
    narration: str
    narrator: str = ""


class Narrator(Protocol):
    """Speaks about one measurement at a time."""

    name: str

    def narrate(self, facts: Facts) -> Iterator[str | Answer]:
        """Yield pieces of the text as they are made, and the `Answer` last.

        An empty piece says that the next is not there yet. It gives an answer whatever happens; closing the iterator
        ends the work early.
        """
        ...

    def notes(self) -> Sequence[str]:
        """What people should know of the narrator itself and have not been told: one line each, handed out once."""
        ...

    def close(self) -> None:
        """Release what the narrator holds."""
        ...
