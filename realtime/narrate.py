"""Turns spots into words: a first clause at the apex, the whole answer when the event has closed."""

from collections.abc import Iterator

from engines.mellm import Answer, Facts, Narrator, open_narrator
from realtime.config import NarrateConfig
from realtime.messages import AnyMessage, Say, Spot


class NarrateNode:
    """Takes `Spot`, gives `Say`; passes everything else on."""

    def __init__(self, config: NarrateConfig, narrator: Narrator | None = None) -> None:
        """Open the narrator.

        Args:
            config: settings.
            narrator: to use instead of the configured one; the caller keeps it.

        Raises:
            NarratorError: the configured narrator cannot be had.
        """
        self._narrator = narrator or open_narrator(config.narrator)
        self._answered: set[int] = set()

    def close(self) -> None:
        """Release the narrator."""
        self._narrator.close()

    def step(self, message: AnyMessage) -> Iterator[AnyMessage]:
        """See the class. A spot handed in again after a restart is answered once."""
        if not isinstance(message, Spot):
            yield message
            return
        if message.spot_id in self._answered:
            return
        if message.phase == "apex":
            yield from self._begin(message)
        elif message.phase == "closed":
            self._answered.add(message.spot_id)
            yield from self._finish(message)
        elif message.phase == "revoked":
            self._answered.add(message.spot_id)
            yield _say(message, "Taken back: the movement did not hold up as an expression.", final=True)

    def _begin(self, spot: Spot) -> Iterator[Say]:
        for piece in self._narrator.narrate(_facts(spot)):
            if isinstance(piece, str):
                yield _say(spot, piece)
            return

    def _finish(self, spot: Spot) -> Iterator[Say]:
        if spot.movements > 1:
            text = (
                f"The mouth moved {spot.movements} times in close order, as in speech: no expression is read into it."
            )
            yield _say(spot, text, final=True)
            return
        for piece in self._narrator.narrate(_facts(spot)):
            if isinstance(piece, Answer):
                yield _say(spot, piece.narration, True, piece)
            else:
                yield _say(spot, piece)


def _facts(spot: Spot) -> Facts:
    return Facts(spot.regions, spot.noise_iod, spot.iod_px, spot.kind or "pair", spot.confidence)


def _say(spot: Spot, text: str, final: bool = False, answer: Answer | None = None) -> Say:
    return Say(
        seq=spot.seq, face_id=spot.face_id, t_capture_ns=spot.t_capture_ns, t_media_ns=spot.t_media_ns,
        spot_id=spot.spot_id, text=text, final=final, action_units=answer.action_units if answer else (),
        label=answer.label if answer else "none", confidence=answer.confidence if answer else 0.0,
    )  # fmt: skip
