"""What many tests share: a phantom to look at, videos made of it, and the command line run in place."""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from realtime.environment import prepare

prepare()  # before anything imports a library that reads it then

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

from calib.phantom import Nuisance, PhantomEvent, PhantomScript, PhantomVideo, portrait

cv2.setNumThreads(1)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in a script's background (&): what tests start would inherit it, and never stop by Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Every run tries the same examples, and to be slow is no failure: the machine may be.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

Image = NDArray[np.uint8]
SMILE = PhantomEvent(1.0, 1.2, 1.45, (("AU12", 0.03),))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing of the user's cache is read or written; what one test finds out the next ones know."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def smiling() -> PhantomVideo:
    """The portrait with one micro-expression from 1.0 to 1.45 s."""
    return PhantomVideo(portrait(), PhantomScript((SMILE,)))


@pytest.fixture(scope="session")
def resting() -> PhantomVideo:
    """The portrait with head sway and sensor noise, and nothing else."""
    return PhantomVideo(portrait(), PhantomScript((), (), Nuisance(light=0.0), seed=3))


def write_video(path: Path, frames: Sequence[Image], fps: float = 30.0) -> Path:
    """Encode some frames as MPEG-4."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def write_timed(path: Path, frames: Mapping[int, Image], codec: str = "mpeg4") -> Path:
    """Encode some frames, each at its own time, ms; its rate says 25 fps."""
    import av

    height, width = next(iter(frames.values())).shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"qmin": "2", "qmax": "4"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for t_ms, image in frames.items():
            picture = av.VideoFrame.from_ndarray(image, format="bgr24")
            picture.pts, picture.time_base = t_ms, Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory, smiling: PhantomVideo) -> Path:
    """2.5 s of the smiling phantom as a video file."""
    return write_video(tmp_path_factory.mktemp("clip") / "smile.mp4", [smiling.frame(k / 30) for k in range(75)])


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory, smiling: PhantomVideo) -> tuple[Path, Path]:
    """The smile's onset and apex as two photos."""
    folder = tmp_path_factory.mktemp("pair")
    paths = folder / "onset.png", folder / "apex.png"
    for path, t_s in zip(paths, (SMILE.onset_s, SMILE.apex_s), strict=True):
        cv2.imwrite(str(path), smiling.frame(t_s))
    return paths


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def mellm(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Run the command line here: arguments → (exit status, stdout, stderr)."""
    from realtime import cli

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["mellm", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return run
