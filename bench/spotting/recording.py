"""A video as the pipeline saw it: its motions and spots, kept in a file, and the spotter run over them once more.

Rendering, alignment and flow take minutes; spotting takes a second. A recording keeps what lies between the two.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from bench.complaint import BenchError
from bench.spotting.truth import Truth
from bench.spotting.videos import HEIGHT, WIDTH, Video
from calib.face import CROP
from engines.runtime import FlowEngine
from realtime.align import AlignNode
from realtime.config import AlignConfig, FlowConfig, SpotConfig
from realtime.event import EventNode
from realtime.flow import FlowNode
from realtime.messages import AnyMessage, End, Frame, Lost, Motion, Spot
from realtime.nodes import through
from realtime.ring import Ring
from realtime.spot import SpotNode

FORMAT = 1
ENDING = ".msgpack"

Progress = Callable[[], None]
"""Called after every frame."""


class Recording(msgspec.Struct, frozen=True):
    """One video, measured by one engine.

    Attributes:
        key: digest of the video (`Video.key`).
        engine: the flow engine's name.
        fps: frames a second.
        truth: what really happened.
        messages: what the spotter took: `Motion`, and `Lost` and `End`, in order.
        spots: what it said, in order.
        weights: digest of the engine's weights; empty if it has none, or nobody asked.
        format: of the file.
    """

    key: str
    engine: str
    fps: float
    truth: Truth
    messages: tuple[AnyMessage, ...]
    spots: tuple[Spot, ...]
    weights: str = ""
    format: int = FORMAT

    @property
    def motions(self) -> list[Motion]:
        """Its motions."""
        return [message for message in self.messages if isinstance(message, Motion)]


def record(video: Video, engines: Sequence[FlowEngine], progress: Progress = lambda: None) -> list[Recording]:
    """Run alignment, and flow and the spotter with each engine, over every frame of a video.

    Args:
        video: to be rendered.
        engines: one recording each; the caller keeps them.
        progress: see `Progress`.
    """
    frames = Ring.local(4, WIDTH * HEIGHT * 3)
    crops = Ring.local(16, CROP * CROP * 3)
    align = AlignNode(AlignConfig(faces=1), frames, crops)
    flows = [FlowNode(FlowConfig(), crops, engine) for engine in engines]
    chains = [
        (flow, SpotNode(SpotConfig()), EventNode(SpotConfig(), flow.shots, flow.engine, live=False)) for flow in flows
    ]
    heard: list[list[AnyMessage]] = [[] for _ in engines]
    try:
        for message in _messages(video, frames, progress):
            for face in align.step(message):
                for own, chain in zip(heard, chains, strict=True):
                    own += through(chain, face)
    finally:
        align.close()
        for *_, event in chains:
            event.close()
    return [_recording(video, engine, own) for engine, own in zip(engines, heard, strict=True)]


def respot(recording: Recording, config: SpotConfig | None = None) -> list[Spot]:
    """Only the spotter, over a recording's motions: what it says, in order.

    Nothing is measured anew: an event with the times of a recorded one has its regions, and none is taken back for what
    a flow of its own shows (`realtime.event`).
    """
    node = SpotNode(config or SpotConfig())
    known = {_moment(spot): spot for spot in recording.spots if spot.regions}
    said = [out for message in recording.messages for out in node.step(message) if isinstance(out, Spot)]
    return [_measured(spot, known.get(_moment(spot))) for spot in said]


def _moment(spot: Spot) -> tuple[str, int, int]:
    return spot.phase, spot.onset_ns, spot.apex_ns


def _measured(spot: Spot, recorded: Spot | None) -> Spot:
    if recorded is None:
        return spot
    return replace(
        spot, magnitude_iod=recorded.magnitude_iod, regions=recorded.regions, noise_iod=recorded.noise_iod,
        sketch=recorded.sketch,
    )  # fmt: skip


def save(recording: Recording, path: Path) -> None:
    """Write a recording; the file appears whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_bytes(msgspec.msgpack.encode(recording))
    partial.replace(path)


def load(path: Path) -> Recording:
    """Read a recording.

    Raises:
        BenchError: no recording, or one of another version of the program.
        OSError: it cannot be read.
    """
    try:
        recording = msgspec.msgpack.decode(path.read_bytes(), type=Recording)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BenchError(f"{path}: not a recording of this version ({error}); delete it and run again") from error
    if recording.format != FORMAT:
        raise BenchError(f"{path}: a recording of format {recording.format}, not {FORMAT}; delete it and run again")
    return recording


def load_all(folder: Path) -> list[Recording]:
    """Every recording in a folder, by file name.

    Raises:
        BenchError: see `load`, or there are none.
    """
    paths = sorted(folder.glob(f"*{ENDING}"))
    if not paths:
        raise BenchError(f"{folder}: no recordings in it; make some with python -m bench spotting --motion {folder}")
    return [load(path) for path in paths]


def file_name(video: Video, engine: str) -> str:
    """The name of a recording's file."""
    return f"{engine}-{video.name}{ENDING}"


def _messages(video: Video, ring: Ring, progress: Progress) -> Iterator[AnyMessage]:
    """Every frame of a video, put into the ring, and the end; the next one is rendered while one is at work."""
    phantom = video.open()

    def render(number: int) -> NDArray[np.uint8]:
        return phantom.frame(number / video.fps)

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(render, 0)
        for number in range(video.frames):
            image = coming.result()
            coming = pool.submit(render, number + 1)
            t_ns = round(number / video.fps * 1e9)
            yield Frame(seq=ring.put(image), t_capture_ns=t_ns, t_media_ns=t_ns, width=WIDTH, height=HEIGHT)
            progress()
    end_ns = round(video.frames / video.fps * 1e9)
    yield End(seq=video.frames, t_capture_ns=end_ns, t_media_ns=end_ns)


def _recording(video: Video, engine: FlowEngine, heard: Sequence[AnyMessage]) -> Recording:
    return Recording(
        video.key, engine.name, video.fps, video.truth,
        tuple(message for message in heard if isinstance(message, (Motion, Lost, End))),
        tuple(message for message in heard if isinstance(message, Spot)),
    )  # fmt: skip
