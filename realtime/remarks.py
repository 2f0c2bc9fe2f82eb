"""What people should know of a video beside what was found in it: how well it could be seen, and what went wrong."""

from realtime.calibration import Calibration, mismatch, too_small
from realtime.messages import AnyMessage, Gap, Motion, Say

_MOST_GAPS = 5  # told one by one


class Remarks:
    """Gathers them from a lossless run's messages."""

    def __init__(self, calibration: Calibration | None = None) -> None:
        """None so far.

        Args:
            calibration: that is in use: what it and the video do not have in common is told.
        """
        self._calibration = calibration
        self._first: dict[int, Motion] = {}  # of every face
        self._gaps: list[Gap] = []
        self._said: list[str] = []

    def take(self, message: AnyMessage) -> None:
        """Take in a message."""
        if isinstance(message, Motion):
            self._first.setdefault(message.face_id, message)
        elif isinstance(message, Gap):
            self._gaps.append(message)
        elif isinstance(message, Say) and message.spot_id < 0 and not message.final:
            self._said.append(message.text)

    @property
    def unseen(self) -> list[str]:
        """Where nothing could be seen and how long, in a line; none if there is no such place."""
        if not self._gaps:
            return []
        spans = [f"{gap.t_media_ns / 1e9:.2f}–{gap.until_ns / 1e9:.2f} s" for gap in self._gaps[:_MOST_GAPS]]
        more = f" and {len(self._gaps) - len(spans)} more" if len(self._gaps) > len(spans) else ""
        whole_s = sum(gap.until_ns - gap.t_media_ns for gap in self._gaps) / 1e9
        return [f"nothing was seen for {whole_s:.2f} s, the video has no picture there: {', '.join(spans)}{more}"]

    @property
    def all(self) -> tuple[str, ...]:
        """Every remark, a line each, none twice: on faces, on where nothing was seen, then what the nodes said."""
        faces, calibration = self._first.values(), self._calibration
        small = [text for m in faces for text in too_small(m.iod_px)]
        other = [text for m in faces for text in mismatch(calibration, m.engine, m.iod_px)] if calibration else []
        return tuple(dict.fromkeys([*small, *other, *self.unseen, *self._said]))
