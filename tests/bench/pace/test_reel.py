import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.complaint import BenchError
from bench.pace import reel
from bench.pace.reel import LENGTH_S, MOST_BYTES, MOST_FPS, make_reel, performance, reel_folder, reel_length
from engines.landmarks import FaceMesh
from realtime.bus import make_wiring, remove_wiring
from realtime.stack import StackSource


@given(st.integers(160, 4096), st.integers(120, 4096), st.floats(1, 1000))
def test_a_reel_fits_and_is_as_dense_as_it_may(width: int, height: int, fps: float) -> None:
    rate, frames = reel_length(width, height, fps)
    assert frames * width * height * 3 <= MOST_BYTES
    assert frames == pytest.approx(rate * LENGTH_S)
    assert rate <= MOST_FPS + 0.5
    if LENGTH_S * min(fps, MOST_FPS) * width * height * 3 <= 0.9 * MOST_BYTES:
        assert rate == pytest.approx(min(fps, MOST_FPS), abs=0.5)


@pytest.mark.parametrize("faces", [1, 2, 4])
def test_every_face_is_found_and_every_frame_is_there(faces: int, tmp_path: Path) -> None:
    shares: list[float] = []
    made = make_reel(tmp_path, 640, 480, faces, 0.75, shares.append)
    assert shares == [pytest.approx((k + 1) / made.frames) for k in range(made.frames)]
    frames = np.load(made.path)
    assert frames.shape == (made.frames, 480, 640, 3)
    assert made.read_ms > 0
    with FaceMesh(faces, tracking=False) as mesh:
        found = mesh.find(np.ascontiguousarray(frames[0][..., ::-1]))
    middles = sorted(float(points[:, 0].mean()) for points in found)
    assert middles == pytest.approx([640 / faces * (k + 0.5) for k in range(faces)], abs=30)
    source = StackSource(made.path, made.fps)
    grab = source.read()
    assert grab is not None
    assert np.array_equal(grab.image, frames[0])
    source.close()


def test_played_back_and_forth_its_events_stay_apart() -> None:
    for face in range(4):
        script = performance(face, LENGTH_S)
        there = [(event.onset_s, event.offset_s) for event in script.events]
        back = [(2 * LENGTH_S - end, 2 * LENGTH_S - start) for start, end in reversed(there)]
        again = [(start + 2 * LENGTH_S, end + 2 * LENGTH_S) for start, end in there]
        every = there + back + again
        assert len(there) == 2
        # Closer than 0.4 s they could be taken for speech.
        assert min(start - end for (_, end), (start, _) in pairwise(every)) > 0.4
        assert all(event.kind == "micro" for event in script.events)


def test_faces_too_small_to_be_found_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="8 faces in 640×480: they would be too small"):
        make_reel(tmp_path, 640, 480, 8, 30.0)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no room for 1024 MiB of frames"):
        make_reel(tmp_path / "nowhere", 160, 120, 1, 1.0)


def test_what_a_killed_benchmark_left_is_cleared_by_the_next_session(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as base:  # a short name: sockets lie in it
        monkeypatch.setattr(reel, "MOST_BYTES", 1 << 60)  # no memory has room for that
        monkeypatch.setattr("tempfile.tempdir", base)
        monkeypatch.setenv("XDG_RUNTIME_DIR", base)
        child = subprocess.Popen(["true"])  # a fork among threads is warned of since Python 3.12
        child.wait()
        with monkeypatch.context() as killed:
            killed.setattr("os.getpid", lambda: child.pid)
            left = reel_folder()
        alive = reel_folder()
        assert alive.parent == left.parent == Path(base)
        remove_wiring(make_wiring())
        assert (alive.is_dir(), left.is_dir()) == (True, False)


def test_a_folder_is_fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reel, "MOST_BYTES", 1 << 60)  # no memory has room for that
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first, second = reel_folder(), reel_folder()
    assert first != second
    assert first.parent == second.parent == tmp_path
