import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.mjpeg import MjpegServer, phantom_jpegs
from calib.phantom import PhantomVideo
from realtime.capture import CaptureNode
from realtime.config import CaptureConfig
from realtime.messages import AnyMessage, End, Frame, Gap, Say
from realtime.ring import Ring
from realtime.source import SourceError
from tests.conftest import write_timed, write_video


def run(config: CaptureConfig, ring: Ring) -> list[AnyMessage]:
    node = CaptureNode(config, ring)
    messages: list[AnyMessage] = []
    while not messages or not isinstance(messages[-1], End):
        messages += node.step(None)
    node.close()
    return messages


def test_a_file_becomes_numbered_frames_and_an_end(clip: Path) -> None:
    ring = Ring.local(4, 640 * 480 * 3)
    *frames, end = run(CaptureConfig(source=str(clip), paced=False), ring)
    assert [m.seq for m in frames] == list(range(75))
    assert isinstance(end, End)
    assert not end.error
    view = ring.view(74)
    assert view is not None
    assert view.shape == (480, 640, 3)


def test_a_file_that_breaks_off_is_noted_before_its_end(tmp_path: Path, smiling: PhantomVideo) -> None:
    whole, cut = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    write_video(whole, [smiling.frame(0.9 + k / 30) for k in range(20)] * 3)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    for path, notes in ((whole, 0), (cut, 1)):
        messages = run(CaptureConfig(source=str(path), paced=False), Ring.local(4, 640 * 480 * 3))
        said = [m.text for m in messages if isinstance(m, Say)]
        assert len(said) == notes
        assert type(messages[-1]) is End
    assert "although it should be 2.0 s long: damaged or cut short?" in said[0]


def test_times_that_begin_late_are_no_damage_but_a_file_that_breaks_off_is(
    tmp_path: Path, smiling: PhantomVideo
) -> None:
    image = smiling.frame(0.0)
    late, cut = tmp_path / "late.mkv", tmp_path / "cut.mkv"
    write_timed(late, {5000 + 40 * k: image for k in range(50)})
    cut.write_bytes(late.read_bytes()[: late.stat().st_size // 2])
    for path, notes in ((late, 0), (cut, 1)):
        messages = run(CaptureConfig(source=str(path), paced=False), Ring.local(4, 640 * 480 * 3))
        said = [m.text for m in messages if isinstance(m, Say)]
        assert len(said) == notes
    assert "although it should be 2.0 s long: damaged or cut short?" in said[0]


@pytest.mark.parametrize("kind", ["mkv", "mp4"])
def test_a_hole_in_a_file_is_announced_once_with_its_time(tmp_path: Path, smiling: PhantomVideo, kind: str) -> None:
    image = smiling.frame(0.0)
    times = [*range(0, 1000, 40), *range(1700, 3000, 40), *range(3400, 4000, 40)]  # the second is no longer than 0.5 s
    path = write_timed(tmp_path / f"hole.{kind}", dict.fromkeys(times, image))
    messages = run(CaptureConfig(source=str(path), paced=False), Ring.local(4, 640 * 480 * 3))
    (gap,) = (m for m in messages if isinstance(m, Gap))
    assert (gap.t_media_ns, gap.until_ns) == pytest.approx((960e6, 1700e6), abs=1e6)
    assert gap.to_seq < gap.from_seq == gap.seq == 25
    assert gap.cause == "nothing to see from 0.96 to 1.70 s: the video has no picture there"
    following = messages[messages.index(gap) + 1]
    assert isinstance(following, Frame)
    assert following.t_media_ns == gap.until_ns
    assert len(messages) == len(times) + 2


def test_a_video_with_a_picture_a_second_has_no_holes(tmp_path: Path, smiling: PhantomVideo) -> None:
    path = write_timed(tmp_path / "slow.mp4", dict.fromkeys(range(0, 8000, 1000), smiling.frame(0.0)))
    messages = run(CaptureConfig(source=str(path), paced=False), Ring.local(4, 640 * 480 * 3))
    assert [type(m) for m in messages] == [Frame] * 8 + [End]


def test_playing_at_its_own_speed_takes_as_long_as_the_file(clip: Path) -> None:
    frames = [
        m for m in run(CaptureConfig(source=str(clip), seconds=0.5), Ring.local(4, 640 * 480 * 3)) if type(m) is Frame
    ]
    assert len(frames) == 15
    captured = np.diff([m.t_capture_ns for m in frames]).sum()
    assert captured >= frames[-1].t_media_ns - frames[0].t_media_ns - 5e7


def test_huge_frames_are_reduced(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "8k.jpg"), np.zeros((4320, 7680, 3), np.uint8))
    config = CaptureConfig(source=str(tmp_path), paced=False)
    frame = run(config, Ring.local(2, config.max_side**2 * 3))[0]
    assert isinstance(frame, Frame)
    assert (frame.width, frame.height) == (1920, 1080)


def test_a_stream_that_hangs_up_is_taken_up_again_and_the_gap_announced(smiling: PhantomVideo) -> None:
    ring = Ring.local(4, 640 * 480 * 3)
    with MjpegServer(phantom_jpegs(smiling, 0.2, 30), 60, drop_after=6) as server:
        node = CaptureNode(CaptureConfig(source=server.url, timeout_s=20.0), ring)
        messages: list[AnyMessage] = []
        while not (any(isinstance(m, Gap) for m in messages) and isinstance(messages[-1], Frame)):
            messages += node.step(None)
        node.close()
        gap = next(m for m in messages if isinstance(m, Gap))
        assert "trying again" in gap.cause
        assert server.clients == 2
        times = [m.t_media_ns for m in messages if isinstance(m, Frame)]
        assert np.diff(times).min() > 0


def test_a_stream_that_never_returns_ends_with_its_reason(smiling: PhantomVideo) -> None:
    with MjpegServer(phantom_jpegs(smiling, 0.2, 30), 60, drop_after=4) as server:
        node = CaptureNode(CaptureConfig(source=server.url, timeout_s=20.0, reconnects=1), Ring.local(4, 640 * 480 * 3))
        assert any(isinstance(m, Frame) for m in node.step(None))
    messages: list[AnyMessage] = []
    while not messages or not isinstance(messages[-1], End):
        messages += node.step(None)
    assert isinstance(messages[-1], End)
    assert messages[-1].error.endswith("gave up after 1 attempt")


def test_a_stream_that_is_away_at_a_restart_is_tried_again(smiling: PhantomVideo) -> None:
    with MjpegServer(phantom_jpegs(smiling, 0.2, 30), 60) as server:
        url = server.url
    config, ring = CaptureConfig(source=url, timeout_s=20.0, reconnects=1), Ring.local(4, 640 * 480 * 3)
    with pytest.raises(SourceError):
        CaptureNode(config, ring)
    messages: list[AnyMessage] = []
    node = CaptureNode(config, ring, start_ns=time.monotonic_ns() - 3_000_000_000)
    while not messages or not isinstance(messages[-1], End):
        messages += node.step(None)
    node.close()
    assert messages[-1].t_media_ns >= 3_000_000_000  # the stream's time went on
    assert messages[-1].error.endswith("gave up after 1 attempt")
    with pytest.raises(SourceError):
        CaptureNode(CaptureConfig(source="nothing.mp4"), ring, start_ns=0)


def test_after_a_restart_the_stream_goes_on_where_it_is() -> None:
    ring = Ring.local(4, 640 * 480 * 3)
    first = next(iter(CaptureNode(CaptureConfig(), ring).step(None)))
    assert isinstance(first, Frame)
    began_ns = first.t_capture_ns - first.t_media_ns - 3_000_000_000  # as if it had been running for 3 s
    again = next(iter(CaptureNode(CaptureConfig(), ring, began_ns).step(None)))
    assert again.seq == 1
    assert again.t_media_ns >= 3_000_000_000
