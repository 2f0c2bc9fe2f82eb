"""The spotter: events out of displacement curves, as they happen.

Every face is watched apart (`realtime.watch`). Every time is a time of the stream; frames may come at any rate and
irregularly. Phases follow each other as they become known: rising, apex (again, should it grow on), closed or revoked.
"""

from collections.abc import Iterator

from calib.neutral import Baseline, RestLevel
from realtime.config import SpotConfig
from realtime.messages import BREAK_NS, FIRST_SPOT, AnyMessage, End, Kind, Lost, Motion, Phase, Spot
from realtime.movement import Movement
from realtime.watch import Watch

_NS = 1e9


class SpotNode:
    """Takes `Motion`, gives it and `Spot`, which tells nothing of the regions yet; passes everything else on."""

    def __init__(self, config: SpotConfig, first_id: int = FIRST_SPOT, baseline: Baseline | None = None) -> None:
        """Start watching.

        Args:
            config: settings.
            first_id: the first event's number.
            baseline: noise measured at rest before; by default it is learned on the way.
        """
        self._config, self._baseline = config, baseline
        self._watches: dict[int, Watch] = {}
        self._seen: dict[int, Motion] = {}
        self._next_id = first_id

    def close(self) -> None:
        """Nothing to release."""

    def rest(self, face_id: int) -> RestLevel | None:
        """What is known of a face at rest; None if it is not watched."""
        watch = self._watches.get(face_id)
        return watch.rest if watch is not None else None

    def step(self, message: AnyMessage) -> Iterator[AnyMessage]:
        """See the class."""
        if isinstance(message, Motion):
            yield message
            before = self._seen.get(message.face_id)
            if before is not None and message.t_media_ns - before.t_media_ns > BREAK_NS:  # it is watched anew
                yield from self._abandon(message, message.face_id)
            watch = self._watches.get(message.face_id)
            if watch is None:
                watch = self._watches[message.face_id] = Watch(self._config, self._baseline)
            if before is None or message.t_media_ns > before.t_media_ns:
                self._seen[message.face_id] = message
            for movement, phase in watch.step(message, self._next_id):
                if phase == "rising":
                    self._next_id += 1
                yield self._say(movement, phase, message, message.face_id)
            return
        if isinstance(message, Lost):
            yield from self._abandon(message, message.face_id)
        elif isinstance(message, End):
            for face_id in list(self._watches):
                yield from self._abandon(message, face_id)
        yield message

    def _abandon(self, message: Motion | Lost | End, face_id: int) -> Iterator[Spot]:
        """Close or take back what was under way when a face went."""
        watch = self._watches.pop(face_id, None)
        if watch is not None:
            for movement, phase in watch.abandon():
                yield self._say(movement, phase, message, face_id)
        self._seen.pop(face_id, None)

    def _say(self, movement: Movement, phase: Phase, at: Motion | Lost | End, face_id: int) -> Spot:
        onset_ns, apex_ns = max(round(movement.onset_s * _NS), 0), round(movement.apex_s * _NS)
        kind: Kind | None = None
        offset_ns = -1
        if phase == "closed":
            offset_ns = round(movement.offset_s * _NS)
            if not isinstance(at, Motion):
                offset_ns = max(min(offset_ns, at.t_media_ns), apex_ns)
            if movement.movements > 1:
                kind = "speech"
            else:
                kind = "micro" if movement.length_s <= self._config.micro_s else "macro"
        return Spot(
            seq=at.seq, face_id=face_id, t_capture_ns=at.t_capture_ns, t_media_ns=at.t_media_ns,
            spot_id=movement.number, phase=phase, onset_ns=onset_ns,
            apex_ns=apex_ns if movement.apex_s >= 0 else -1, offset_ns=offset_ns, kind=kind,
            confidence=round(movement.confidence, 4), iod_px=self._seen[face_id].iod_px, movements=movement.movements,
            cut_off=movement.cut,
        )  # fmt: skip
