from pathlib import Path

import numpy as np
import pytest

from calib.phantom import Nuisance, PhantomScript, PhantomVideo, portrait
from realtime import recording
from realtime.config import CaptureConfig
from realtime.recording import NoRestError, record
from realtime.source import SourceError
from tests.conftest import Image, write_video

GREY = np.full((360, 480, 3), 120, np.uint8)


@pytest.fixture(scope="module")
def wide() -> list[Image]:
    """A small face in a wide picture, at rest."""
    video = PhantomVideo(portrait(), PhantomScript(nuisance=Nuisance(noise=0.0)), 640, 360, 60.0)
    return [video.frame(k / 30) for k in range(20)]


def test_a_window_around_the_face_is_kept_for_the_asked_time(tmp_path: Path, wide: list[Image]) -> None:
    path = write_video(tmp_path / "rest.mp4", [np.zeros_like(wide[0])] * 3 + wide)
    done: list[float] = []
    kept = record(CaptureConfig(str(path)), 0.5, done.append)
    assert (kept.width, kept.height) == (640, 360)
    assert kept.times_ns[0] == pytest.approx(0.1e9, abs=1e6)
    assert kept.seconds == pytest.approx(0.5, abs=1e-3)
    assert len(kept.frames) == 16
    (shape,) = {frame.shape for frame in kept.frames}
    assert shape[1] == pytest.approx(300, abs=12)
    assert shape[0] < 360
    assert done == sorted(done)
    assert done[-1] == 1.0


def test_a_shorter_source_gives_what_it_has(tmp_path: Path, wide: list[Image]) -> None:
    kept = record(CaptureConfig(str(write_video(tmp_path / "rest.mp4", wide))), 8.0, lambda share: None)
    assert len(kept.frames) == 20


def test_no_face_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = write_video(tmp_path / "wall.mp4", [GREY] * 12)
    with pytest.raises(NoRestError, match="no face seen: sit in the middle"):
        record(CaptureConfig(str(path)), 3.0, lambda share: None)


def test_two_faces_are_refused(tmp_path: Path, wide: list[Image]) -> None:
    twice = np.hstack([wide[0][:, 130:510], wide[0][:, 130:510]])
    path = write_video(tmp_path / "two.mp4", [twice] * 5)
    with pytest.raises(NoRestError, match="2 faces in the picture: only the person"):
        record(CaptureConfig(str(path)), 3.0, lambda share: None)


def test_more_than_fits_into_memory_is_refused(
    tmp_path: Path, wide: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MOST_BYTES", 10 * wide[0].nbytes // 2)
    with pytest.raises(NoRestError, match="more than can be held"):
        record(CaptureConfig(str(write_video(tmp_path / "rest.mp4", wide))), 8.0, lambda share: None)


def test_a_source_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.mp4"):
        record(CaptureConfig(str(tmp_path / "none.mp4")), 8.0, lambda share: None)
