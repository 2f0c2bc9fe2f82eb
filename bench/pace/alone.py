"""Pieces of the pipeline alone, the lossless run, and other programs, on the same frames: to hold the whole against.

Each runs in a process of its own, so that nothing of it is left in the one that measures sessions.
"""

import multiprocessing
import signal
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.pace.reel import Reel
from bench.pace.results import Pace, Spread

SECONDS = 4.0
"""How long each is timed."""

FILE_FPS = 30.0
"""Frame rate of the video that is analysed."""

_WARM = 10
_LEAST = 20


class MissingError(Exception):
    """A peer that cannot be measured here; one line that says why."""


def mediapipe_alone(reel: Reel, seconds: float = SECONDS) -> Pace:
    """MediaPipe's mesh points of every frame and nothing else: no pipeline on top of it can be faster."""
    import cv2

    from engines.landmarks import FaceMesh

    cv2.setNumThreads(1)
    frames = _frames(reel)
    with FaceMesh(reel.faces) as mesh:
        times = timed(lambda k: mesh.find(cv2.cvtColor(frames[k % len(frames)], cv2.COLOR_BGR2RGB)), seconds)
    return Pace("MediaPipe alone", f"mesh points, {_scene(reel)}", Spread.of(times), a_second(times))


def flow_alone(reel: Reel, engine: str, seconds: float = SECONDS) -> Pace:
    """One encoding and one flow a face, begun with a guess, as a live frame needs them, by a flow engine.

    Raises:
        EngineError: it cannot be had.
    """
    import cv2

    from engines.runtime import open_engine
    from engines.runtime.reference import Reference
    from engines.runtime.weights import Weights

    cv2.setNumThreads(1)
    reference = Reference(Weights())
    opened = open_engine(engine)
    try:
        anchor = opened.encode(reference.crops[0])

        def frame(_: int) -> None:
            for _ in range(reel.faces):
                reference.live(opened, anchor)

        times = timed(frame, seconds)
        what = f"encoding and flow, {_scene(reel)}"
        return Pace(f"flow alone, {opened.name}", what, Spread.of(times), a_second(times))
    finally:
        opened.close()


def analysis(reel: Reel, engine: str, seconds: float = SECONDS) -> Pace:
    """All that `mellm analyze` does with a video of the reel, start aside; a piece is what passes from frame to frame.

    The video is three times as long as `seconds`.

    Raises:
        EngineError: the flow engine cannot be had.
        MissingError: too few frames with a face came through.
    """
    import tempfile

    import cv2

    from realtime.chain import run_chain
    from realtime.config import AlignConfig, CaptureConfig, Config, FlowConfig
    from realtime.messages import Motion

    cv2.setNumThreads(1)
    moments: dict[int, float] = {}
    name = engine
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "reel.mp4"
        _film(reel, video, max(round(3 * seconds * FILE_FPS), _WARM + _LEAST + 1))
        capture = CaptureConfig(source=str(video), paced=False)
        for message in run_chain(Config(capture, AlignConfig(faces=reel.faces), flow=FlowConfig(engine=engine))):
            if isinstance(message, Motion):
                moments[message.seq], name = time.perf_counter(), message.engine
    came = list(moments.values())[_WARM:]
    if len(came) < 2:
        raise MissingError("no face was found in the frames")
    times = [1000 * (after - before) for before, after in pairwise(came)]
    fps = a_second(times)
    note = f"{fps / FILE_FPS:.2f} × real time"
    return Pace(f"analyze, {name}", f"{FILE_FPS:g} fps file, {_scene(reel)}", Spread.of(times), fps, note)


def py_feat(reel: Reel, seconds: float = SECONDS) -> Pace:
    """py-feat's detector on every frame, one at a time, from picture files.

    Raises:
        MissingError: it is not installed, or does not work here.
    """
    import tempfile

    import cv2

    try:
        version = metadata.version("py-feat")
        from feat import Detector  # type: ignore[import-not-found, unused-ignore]
    except (ImportError, metadata.PackageNotFoundError):
        raise MissingError("not installed (pip install py-feat)") from None
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for k, frame in enumerate(_frames(reel)[:10]):
            paths.append(str(Path(folder) / f"{k}.png"))
            cv2.imwrite(paths[-1], frame)
        try:
            detector = Detector(device="cpu")
            times = timed(
                lambda k: detector.detect([paths[k % len(paths)]], data_type="image"), seconds, warm=1, least=3
            )
        except Exception as error:
            raise MissingError(f"version {version} does not work here: {error}") from None
    return Pace(f"py-feat {version}", f"action units, {_scene(reel)}", Spread.of(times), a_second(times))


def timed(work: Callable[[int], object], seconds: float, warm: int = _WARM, least: int = _LEAST,
          clock: Callable[[], float] = time.perf_counter) -> list[float]:  # fmt: skip
    """Do some work again and again and say what each round took, ms.

    Args:
        work: is handed how often it was done before.
        seconds: for how long.
        warm: rounds before, that do not count.
        least: rounds that do, however long they take.
        clock: s.
    """
    for k in range(warm):
        work(k)
    times: list[float] = []
    began = clock()
    while clock() - began < seconds or len(times) < least:
        start = clock()
        work(warm + len(times))
        times.append(1000 * (clock() - start))
    return times


def a_second(times_ms: Sequence[float], pieces: int = 1) -> float:
    """Pieces of work a second, when each round did so many."""
    return round(1000 * pieces / max(statistics.fmean(times_ms), 1e-6), 2)


def apart(work: Callable[..., Pace], *arguments: Any) -> Pace:
    """Do some work in a process of its own.

    Raises:
        MissingError: it failed; the message says why.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, work, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        found = ours.recv()
    except EOFError:
        process.join()
        raise MissingError(f"its process ended with status {process.exitcode}") from None
    finally:
        process.terminate()
        process.join()
        ours.close()
    if isinstance(found, str):
        raise MissingError(found)
    assert isinstance(found, Pace)
    return found


def _answer(pipe: Connection, work: Callable[..., Pace], arguments: tuple[Any, ...]) -> None:
    from engines.runtime import EngineError

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; only the benchmark heeds it
    try:
        pipe.send(work(*arguments))
    except (MissingError, EngineError) as error:
        pipe.send(str(error))


def _frames(reel: Reel, most: int = 60) -> list[Any]:
    return list(_read(reel, most))


def _read(reel: Reel, most: int) -> Iterator[Any]:
    from realtime.stack import StackSource

    source = StackSource(reel.path, reel.fps)
    try:
        for _ in range(min(most, reel.frames)):
            grab = source.read()
            assert grab is not None
            yield grab.image
    finally:
        source.close()


def _film(reel: Reel, video: Path, count: int) -> None:
    """Write so many frames of a reel, back and forth, as MPEG-4."""
    import cv2

    from realtime.stack import StackSource

    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"mp4v"), FILE_FPS, (reel.width, reel.height))
    source = StackSource(reel.path, FILE_FPS, reel.fps)
    try:
        for _ in range(count):
            grab = source.read()
            assert grab is not None
            writer.write(grab.image)
    finally:
        source.close()
        writer.release()


def _scene(reel: Reel) -> str:
    return f"{reel.width}×{reel.height}, {'1 face' if reel.faces == 1 else f'{reel.faces} faces'}"
