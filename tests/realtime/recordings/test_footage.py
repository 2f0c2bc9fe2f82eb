import shutil
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from realtime.config import CaptureConfig, Config
from realtime.recordings.filmed import FilmedSource
from realtime.recordings.footage import FootageWriter
from realtime.recordings.record import Recorder
from realtime.recordings.sessions import Recording
from realtime.ring import Ring
from realtime.source import SourceError
from realtime.sources import open_source
from tests.realtime.conftest import HAS_AV
from tests.realtime.messages import frame

needs_av = pytest.mark.skipif(not HAS_AV, reason="PyAV is not installed")
TIMES_S = (0.5, 0.5331, 0.5332, 0.7, 0.701, 1.9, 1.95, 2.0)
"""Irregular, two of them within a millisecond."""


def scene(k: int, width: int = 160, height: int = 120) -> NDArray[np.uint8]:
    """A smooth picture that differs from frame to frame."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    grey = 128 + 80 * np.sin(x / 17 + k) * np.cos(y / 23)
    return np.repeat(grey[..., None], 3, axis=-1).astype(np.uint8)


def film(base: Path, width: int = 160, height: int = 120) -> Path:
    ring = Ring.local(16, width * height * 3)
    with Recorder(base, Config(), ring) as recorder:
        for k, t_s in enumerate(TIMES_S):
            recorder.take(frame(t_s, ring.put(scene(k, width, height)), width, height))
    assert recorder.unfilmed == 0
    return recorder.folder


@needs_av
@pytest.mark.parametrize("size", [(160, 120), (161, 121)])
def test_every_frame_comes_back_at_its_own_time(tmp_path: Path, size: tuple[int, int]) -> None:
    source = open_source(CaptureConfig(str(film(tmp_path, *size))))
    grabs = []
    while (grab := source.read()) is not None:
        grabs.append(grab)
    source.close()
    from_ns = round(TIMES_S[0] * 1e9)  # a recording may begin late in a session; its video and exports count from there
    assert [grab.t_media_ns for grab in grabs] == [round(t * 1e9) - from_ns for t in TIMES_S]
    for k, grab in enumerate(grabs):
        height, width = grab.image.shape[:2]
        wrong = np.abs(grab.image.astype(int) - scene(k, *size)[:height, :width]).mean()
        others = np.abs(grab.image.astype(int) - scene(k + 1, *size)[:height, :width]).mean()
        assert wrong < 4 < others


@needs_av
def test_the_videos_own_clock_is_the_streams(tmp_path: Path) -> None:
    capture = cv2.VideoCapture(str(film(tmp_path) / "video.webm"))
    shown_ms = []
    while capture.read()[0]:
        shown_ms.append(capture.get(cv2.CAP_PROP_POS_MSEC))
    capture.release()
    true_ms = 1000 * (np.array(TIMES_S) - TIMES_S[0])
    assert np.abs(np.array(shown_ms) - true_ms).max() <= 1.01
    assert all(a < b for a, b in pairwise(shown_ms))


@needs_av
def test_frames_can_be_left_out_and_passed_over(tmp_path: Path) -> None:
    folder = film(tmp_path)
    source = FilmedSource(folder, skip={1, 4})
    source.seek(200_000_000)
    assert source.frames == len(TIMES_S) - 2
    times = []
    while (grab := source.read()) is not None:
        times.append(grab.t_media_ns)
    source.close()
    assert times == [200_000_000, 1_400_000_000, 1_450_000_000, 1_500_000_000]


@needs_av
def test_a_video_that_was_never_finished_shows_what_had_been_written(tmp_path: Path) -> None:
    folder = film(tmp_path / "whole")
    writer = FootageWriter(folder / "open.webm")
    for k in range(150):
        writer.write(frame(k / 30, k, 160, 120), scene(k))
    shutil.copy(folder / "open.webm", folder / "killed.webm")
    writer.close()
    capture = cv2.VideoCapture(str(folder / "killed.webm"))
    count = 0
    while capture.read()[0]:
        count += 1
    capture.release()
    assert count >= 150 - 45


@needs_av
def test_a_frame_of_another_size_is_left_out(tmp_path: Path) -> None:
    writer = FootageWriter(tmp_path / "a.webm")
    assert writer.write(frame(0.0, 0, 160, 120), scene(0)) is not None
    assert writer.write(frame(0.1, 1, 320, 240), scene(1, 320, 240)) is None
    writer.close()


def test_a_recording_without_video_is_no_source(tmp_path: Path) -> None:
    with Recorder(tmp_path, Config()) as recorder:
        recorder.take(frame(0.0))
    with pytest.raises(SourceError, match="recorded without its video"):
        open_source(CaptureConfig(str(recorder.folder)))


def test_a_filmed_session_has_every_frame_it_captured(filmed: Recording) -> None:
    shots = filmed.footage()
    assert len(shots) == filmed.info.counts.frames
    assert [shot.index for shot in shots] == list(range(len(shots)))
