"""What `import realtime` gives to other programs: a session to iterate over, recordings, and pairs explained.

import realtime

with realtime.Session("0", record="sessions") as session:
    for event in session:
        print(event.kind, event.onset_s, event.action_units, event.narration)
"""

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from calib.facs import Label
from engines.regions import RegionMotion
from realtime.config import Config
from realtime.exports.tables import Event, make_event
from realtime.messages import Annotation, AnyMessage, Say, Spot
from realtime.recordings.record import Recorder
from realtime.sources import source_title
from realtime.supervisor import Session as Pipeline


class Session:
    """A live session: a context manager; iterate over it once, over its events or over its `messages()`."""

    def __init__(
        self,
        source: str | Path | int = "phantom",
        *,
        config: Config | None = None,
        fps: float = 0.0,
        seconds: float = 0.0,
        faces: int | None = None,
        engine: str = "",
        narrator: str = "",
        calibration: str | Path | None = None,
        record: str | Path | None = None,
        record_video: bool = False,
    ) -> None:
        """Prepare a session; nothing runs before it is entered.

        Args:
            source: webcam number or device, video file, folder of frames, rtsp:// or http:// URL, "phantom".
            config: all settings (`realtime.config.load_config` reads them from a file); what follows changes them.
            fps: frame rate of a folder or the phantom, or asked of a webcam.
            seconds: stop after so much of the stream; 0 runs to its end.
            faces: follow at most so many.
            engine: flow engine by name.
            narrator: narrator by name.
            calibration: file that `mellm calibrate` wrote.
            record: folder of recordings, to record the session in a folder of its own there; no pixels.
            record_video: record the video beside it, which shows the face.

        Raises:
            ConfigError: a setting or the calibration is wrong.
            ValueError: video without a folder to record to.
        """
        if record_video and record is None:
            raise ValueError("record_video: say where, with record=FOLDER")
        self.config = _settings(config or Config(), str(source), fps, seconds, faces, engine, narrator, calibration)
        self._record, self._record_video = record, record_video
        self._pipeline = Pipeline(self.config)
        self._stack = ExitStack()
        self._recorder: Recorder | None = None

    def __enter__(self) -> "Session":
        with ExitStack() as stack:
            stack.enter_context(self._pipeline)
            if self._record is not None:
                frames = self._pipeline.frames if self._record_video else None
                self._recorder = stack.enter_context(Recorder(Path(self._record), self.config, frames))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._recorder is not None:
            for note in self._pipeline.noted():
                self._recorder.take(note)
        self._stack.__exit__(kind, error, trace)

    def __iter__(self) -> Iterator[Event]:
        """Every event with its words, as soon as it has closed, until the stream ends.

        Raises:
            SessionError: the session cannot go on.
        """
        spots: dict[int, Spot] = {}
        for message in self.messages():
            if isinstance(message, Spot) and message.phase == "closed":
                spots[message.spot_id] = message
            elif isinstance(message, Say) and message.final and message.spot_id in spots:
                yield make_event(source_title(self.config.capture.source), spots.pop(message.spot_id), message)

    def messages(self) -> Iterator[AnyMessage]:
        """Every message as it arrives: frames, faces, motions, spots, words, statuses, gaps, notes, the end.

        None is dropped: whoever takes longer over them than they take to come, some hundred a second, falls behind, and
        they pile up. Such a program subscribes to what it wants instead (`realtime.bus`).

        Raises:
            SessionError: the session cannot go on.
        """
        for message in self._pipeline:
            if self._recorder is not None:
                self._recorder.take(message)
            yield message

    def annotate(self, text: str, t_s: float | None = None, until_s: float | None = None) -> Annotation:
        """Note something about a moment or a time of the stream, s; by default about now. From any thread.

        Raises:
            ValueError: no text, or a time that cannot be.
            SessionError: the session does not run.
        """
        at_ns = None if t_s is None else round(t_s * 1e9)
        return self._pipeline.annotate(text, at_ns, -1 if until_s is None else round(until_s * 1e9))

    @property
    def folder(self) -> Path | None:
        """Where the session is being recorded; None if it is not."""
        return self._recorder.folder if self._recorder is not None else None

    @property
    def problem(self) -> str:
        """Why the recording stopped early; empty while all is well."""
        return self._recorder.problem if self._recorder is not None else ""

    @property
    def public_address(self) -> str:
        """Where other programs subscribe to frames, faces, motions and statuses."""
        return self._pipeline.public_address

    @property
    def events_address(self) -> str:
        """Where other programs subscribe to what they must not miss."""
        return self._pipeline.events_address


@dataclass(frozen=True)
class Explanation:
    """What moved between two pictures of a face, and what that is called.

    Attributes:
        action_units: codes, in the order of their numbers.
        label: what annotators have called such movements.
        confidence: 0–1.
        narration: in words.
        regions: the movement of all 29.
        iod_px: distance between the eyes in the onset picture.
    """

    action_units: tuple[str, ...]
    label: Label
    confidence: float
    narration: str
    regions: tuple[RegionMotion, ...]
    iod_px: float


def explain(
    onset: str | Path, apex: str | Path, *, config: Config | None = None, engine: str = "", narrator: str = ""
) -> Explanation:
    """What moved between two pictures of a face.

    For many pairs `realtime.pair.PairMeter` and `realtime.explainer.Explainer` load their models once.

    Args:
        onset: picture before the expression.
        apex: picture at its peak.
        config: settings; what follows changes them.
        engine: flow engine by name.
        narrator: narrator by name.

    Raises:
        SourceError: a picture cannot be read, or shows no face.
        EngineError, NarratorError: one of them cannot be had.
    """
    from realtime.explainer import Explainer
    from realtime.pair import PairMeter

    settings = _settings(config or Config(), "phantom", engine=engine, narrator=narrator)
    with PairMeter(settings) as meter, Explainer(settings) as explainer:
        flow = meter.measure(Path(onset), Path(apex))
        answer = explainer.explain(flow)
    return Explanation(
        answer.action_units, answer.label, answer.confidence, answer.narration, flow.regions, flow.iod_px
    )


def _settings(
    config: Config, source: str, fps: float = 0.0, seconds: float = 0.0, faces: int | None = None, engine: str = "",
    narrator: str = "", calibration: str | Path | None = None,
) -> Config:  # fmt: skip
    """The settings with what was given changed in them."""
    from realtime.calibration import open_calibration

    capture = dataclasses.replace(
        config.capture, source=source, fps=fps or config.capture.fps, seconds=seconds or config.capture.seconds
    )
    align = config.align if faces is None else dataclasses.replace(config.align, faces=faces)
    flow = dataclasses.replace(config.flow, engine=engine or config.flow.engine)
    spot = config.spot if calibration is None else dataclasses.replace(config.spot, calibration=str(calibration))
    narrate = dataclasses.replace(config.narrate, narrator=narrator or config.narrate.narrator)
    open_calibration(spot)  # a wrong one is said here, before anything starts
    return dataclasses.replace(config, capture=capture, align=align, flow=flow, spot=spot, narrate=narrate)
