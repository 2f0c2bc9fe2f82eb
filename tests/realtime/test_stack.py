from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from realtime.config import CaptureConfig
from realtime.source import SourceError
from realtime.sources import open_source
from realtime.stack import StackSource


def stack(count: int, height: int = 40, width: int = 48) -> NDArray[np.uint8]:
    """Frames whose first pixel says which one they are."""
    frames = np.random.default_rng(0).integers(0, 255, (count, height, width, 3)).astype(np.uint8)
    frames[:, 0, 0, 0] = np.arange(count)
    return frames


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "frames.npy"
    np.save(path, stack(7))
    return path


def played(source: StackSource, most: int = 1000) -> Iterator[tuple[int, int]]:
    """(frame of the stack, time ns)."""
    for _ in range(most):
        grab = source.read()
        if grab is None:
            return
        assert grab.t_media_ns is not None
        yield int(grab.image[0, 0, 0]), grab.t_media_ns


def test_every_frame_is_played_once_as_it_was_saved(saved: Path) -> None:
    source = open_source(CaptureConfig(str(saved), fps=50))
    assert isinstance(source, StackSource)
    assert (source.frames, source.fps) == (7, 50)
    first = source.read()
    assert first is not None
    assert np.array_equal(first.image, stack(7)[0])
    assert list(played(source)) == [(k, k * 20_000_000) for k in range(1, 7)]
    source.close()


def test_a_loop_goes_back_and_forth_without_end(saved: Path) -> None:
    source = StackSource(saved, 30, loop_fps=30)
    frames = [frame for frame, _ in played(source, 26)]
    assert frames[:14] == [0, 1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1, 0, 1]
    assert frames[12:24] == frames[:12]
    assert source.frames == 0
    source.close()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(fps=st.floats(5, 400), loop_fps=st.floats(5, 400))
def test_at_any_rate_the_nearest_frame_is_played(saved: Path, fps: float, loop_fps: float) -> None:
    source = StackSource(saved, fps, loop_fps)
    for frame, t_ns in played(source, 60):
        place = t_ns * 1e-9 * loop_fps % 12
        assert abs(frame - min(place, 12 - place)) <= 0.5 + 1e-6
    source.close()


def test_one_frame_can_be_looped(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", stack(1))
    source = StackSource(tmp_path / "one.npy", 30, loop_fps=30)
    assert [frame for frame, _ in played(source, 3)] == [0, 0, 0]
    source.close()


def test_it_can_be_entered_in_the_middle(saved: Path) -> None:
    source = StackSource(saved, 10)
    source.seek(350_000_000)
    assert next(iter(played(source)))[0] == 4
    source.close()


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((4, 40, 48, 3), np.float32), r"float32; a stack of frames is \(frames, height, width, 3\) uint8 BGR"),
        (np.zeros((40, 48, 3), np.uint8), r"an array \(40, 48, 3\) uint8"),
        (np.zeros((0, 40, 48, 3), np.uint8), r"an array \(0, 40, 48, 3\)"),
        (np.asfortranarray(np.zeros((4, 40, 48, 3), np.uint8)), "Fortran order"),
    ],
)
def test_another_array_is_refused(tmp_path: Path, array: NDArray[np.generic], says: str) -> None:
    np.save(tmp_path / "other.npy", array)
    with pytest.raises(SourceError, match=says):
        open_source(CaptureConfig(str(tmp_path / "other.npy")))


def test_frames_too_small_for_a_face_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "small.npy", stack(2, 20, 20))
    source = open_source(CaptureConfig(str(tmp_path / "small.npy")))
    with pytest.raises(SourceError, match="20×20 px are too small to hold a face"):
        source.read()
    source.close()


def test_what_numpy_did_not_save_and_what_was_cut_short_are_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(SourceError, match="its last 100 bytes are missing"):
        open_source(CaptureConfig(str(saved)))
    saved.write_bytes(b"no array at all")
    with pytest.raises(SourceError, match="not an array that numpy saved"):
        open_source(CaptureConfig(str(saved)))
