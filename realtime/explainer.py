"""Words about a measured pair. Only who wants them opens a narrator: measuring needs none."""

from collections.abc import Callable, Sequence
from types import TracebackType

from engines.mellm import Answer, Facts
from realtime.config import Config
from realtime.narrator import configured_narrator
from realtime.pair import PairFlow


class Explainer:
    """Has a narrator speak of pairs; it is opened once. A context manager."""

    def __init__(self, config: Config) -> None:
        """Open the narrator.

        Raises:
            NarratorError: it cannot be had.
        """
        self._told_iod = config.spot.told_iod
        self._narrator = configured_narrator(config.narrate, live=False)

    def __enter__(self) -> "Explainer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._narrator.close()

    def explain(self, flow: PairFlow, hear: Callable[[str], None] = lambda text: None) -> Answer:
        """What the narrator says of a pair.

        Args:
            flow: what was measured (`realtime.pair.PairMeter`).
            hear: is told the words so far, again and again while they are being made.
        """
        floor = (self._told_iod,) * len(flow.regions)
        said = ""
        answers: list[Answer] = []
        for piece in self._narrator.narrate(Facts(flow.regions, floor, flow.iod_px)):
            if isinstance(piece, Answer):
                answers.append(piece)
            else:
                said += piece
                hear(said)
        return answers[-1]

    def notes(self) -> Sequence[str]:
        """What people should know of the narrator and have not been told."""
        return self._narrator.notes()
