from itertools import takewhile
from pathlib import Path

import cv2
import numpy as np
import pytest

from calib.phantom import PhantomVideo, portrait
from realtime.config import CaptureConfig
from realtime.recorded import FileSource, FolderSource, PhantomSource, phantom_events, phantom_script, read_photo
from realtime.source import SourceError
from realtime.sources import open_source
from tests.conftest import write_timed, write_video


def stamps(source: FileSource | FolderSource) -> list[int]:
    times = []
    while (grab := source.read()) is not None:
        assert grab.t_media_ns is not None
        times.append(grab.t_media_ns)
    return times


def test_a_file_gives_every_frame_with_rising_times(clip: Path) -> None:
    source = FileSource(clip)
    times = stamps(source)
    assert len(times) == source.frames == 75
    assert np.diff(times).min() > 0
    assert times[30] == pytest.approx(1e9, rel=1e-3)


def test_a_file_can_be_entered_in_the_middle(clip: Path) -> None:
    source = FileSource(clip)
    source.seek(1_000_000_000)
    assert stamps(source)[0] == pytest.approx(1e9, abs=4e7)


@pytest.mark.parametrize(("kind", "codec"), [("mkv", "mpeg4"), ("wmv", "wmv2"), ("mp4", "mpeg4")])
def test_times_that_begin_late_count_from_the_first_picture(tmp_path: Path, kind: str, codec: str) -> None:
    shades = [np.full((48, 64, 3), 4 * k, np.uint8) for k in range(50)]
    late = write_timed(tmp_path / f"late.{kind}", {5000 + 40 * k: image for k, image in enumerate(shades)}, codec)
    source = FileSource(late)
    assert source.frames / source.fps == pytest.approx(2.0, abs=0.05)
    assert stamps(source) == pytest.approx([40e6 * k for k in range(50)], abs=1e6)
    source.seek(1_000_000_000)
    grab = source.read()
    source.close()
    assert grab is not None
    assert grab.t_media_ns == pytest.approx(1e9, abs=4e7)
    assert grab.image.mean() == pytest.approx(100, abs=5)  # give or take a frame


def test_time_goes_on_in_a_file_that_tells_none_and_cannot_be_entered_in_the_middle(tmp_path: Path) -> None:
    pictures = [cv2.imencode(".jpg", np.full((240, 320, 3), k, np.uint8))[1].tobytes() for k in range(100)]
    (tmp_path / "raw.mjpeg").write_bytes(b"".join(pictures))
    source = FileSource(tmp_path / "raw.mjpeg")
    source.read()
    source.seek(2_000_000_000)
    times = stamps(source)
    source.close()
    assert times[0] >= 1_999_999_999
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "empty"), (b"this is no video\n" * 100, "not a video"), (b"\x00" * 5000, "not a video")]
)
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "fake.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=f"fake.mp4: .*{says}"):
        open_source(CaptureConfig(source=str(path)))


def test_a_file_cut_short_is_refused_or_reported(tmp_path: Path, smiling: PhantomVideo) -> None:
    whole = tmp_path / "whole.avi"
    writer = cv2.VideoWriter(str(whole), cv2.VideoWriter.fourcc(*"MJPG"), 30, (640, 480))
    for k in range(30):
        writer.write(smiling.frame(k / 30))
    writer.release()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(SourceError, match="cut short: its last"):
        stamps(FileSource(cut))


def test_a_file_without_its_index_is_refused(tmp_path: Path, clip: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[:20000])
    with pytest.raises(SourceError, match=r"cut\.mp4"):
        open_source(CaptureConfig(source=str(cut)))


def test_frames_too_small_for_a_face_are_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "tiny.mp4", [np.zeros((16, 16, 3), np.uint8)] * 5)
    with pytest.raises(SourceError, match="16×16"):
        FileSource(path).read()


def test_a_folder_is_played_in_order_at_its_rate(tmp_path: Path) -> None:
    for k in (2, 0, 1):
        cv2.imwrite(str(tmp_path / f"{k:03d}.png"), np.full((48, 64, 3), 50 * k, np.uint8))
    (tmp_path / "notes.txt").write_text("not a frame")
    source = FolderSource(tmp_path, 50.0)
    grabs = [source.read() for _ in range(3)]
    assert [int(g.image[0, 0, 0]) for g in grabs if g] == [0, 50, 100]
    assert [g.t_media_ns for g in grabs if g] == [0, 20_000_000, 40_000_000]
    assert source.read() is None


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no images"):
        open_source(CaptureConfig(source=str(tmp_path)))


@pytest.mark.parametrize("inner", ["a.mp4", "EP01"])
def test_a_folder_of_videos_or_of_folders_says_how_to_give_them(tmp_path: Path, inner: str) -> None:
    (tmp_path / "notes.txt").write_text("no frame")
    (tmp_path / inner).mkdir() if inner == "EP01" else (tmp_path / inner).touch()
    with pytest.raises(SourceError, match=rf"no images in this folder; to analyse {inner} in it, give .*/\*$"):
        open_source(CaptureConfig(source=str(tmp_path)))


@pytest.mark.parametrize("count", [1, 30])
def test_pictures_beside_videos_are_not_taken_for_frames(tmp_path: Path, clip: Path, count: int) -> None:
    for k in range(count):
        cv2.imwrite(str(tmp_path / f"thumb{k}.jpg"), np.zeros((48, 64, 3), np.uint8))
    (tmp_path / "video.MP4").write_bytes(clip.read_bytes())
    with pytest.raises(SourceError) as refused:
        open_source(CaptureConfig(source=str(tmp_path)))
    assert str(refused.value) == (
        f"{tmp_path}: holds pictures (thumb0.jpg) and videos (video.MP4); to analyse the videos, "
        f"give {tmp_path}/*.MP4; to take the pictures for frames, put them into a folder of their own"
    )
    (tmp_path / "video.MP4").unlink()
    assert len(stamps(FolderSource(tmp_path, 30.0))) == count


def test_one_picture_is_no_video(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "img1.JPG"), np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(SourceError, match=r"img1\.JPG: a picture, not a video; of a video's frames give their folder"):
        open_source(CaptureConfig(source=str(tmp_path / "img1.JPG")))


def test_a_frame_of_another_size_than_those_before_is_named(tmp_path: Path) -> None:
    for k, (height, width) in enumerate([(48, 64), (48, 64), (64, 48)]):
        cv2.imwrite(str(tmp_path / f"{k}.png"), np.zeros((height, width, 3), np.uint8))
    with pytest.raises(SourceError, match=r"2\.png: 48×64 px, but the frames before it are 64×48"):
        stamps(FolderSource(tmp_path, 30.0))


def test_photos_come_as_bgr_whatever_they_were(tmp_path: Path) -> None:
    grey = np.tile(np.arange(64, dtype=np.uint8), (48, 1))
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    cv2.imwrite(str(tmp_path / "rgba.png"), np.dstack([grey, grey, grey, grey]))
    cv2.imwrite(str(tmp_path / "deep.png"), grey.astype(np.uint16) * 257)
    for name in ("grey.png", "rgba.png", "deep.png"):
        photo = read_photo(tmp_path / name)
        assert photo.shape == (48, 64, 3)
        assert (photo[..., 0] == grey).all()


@pytest.mark.parametrize("content", [None, b"text"])
def test_what_is_no_photo_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "photo.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=r"photo\.png"):
        read_photo(path)


def test_one_pixel_is_too_small(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "dot.png"), np.zeros((1, 1, 3), np.uint8))
    with pytest.raises(SourceError, match="1×1"):
        read_photo(tmp_path / "dot.png")


def test_the_phantom_performs_its_script_at_any_rate() -> None:
    config = CaptureConfig(fps=60.0, seconds=5.0, seed=4)
    source = PhantomSource(config)
    first, second = source.read(), source.read()
    assert first is not None
    assert second is not None
    assert second.t_media_ns == round(1e9 / 60)
    assert phantom_script(config) == phantom_script(config)
    source.seek(2_000_000_000)
    later = source.read()
    assert later is not None
    assert later.t_media_ns == 2_000_000_000


def test_a_performance_that_is_to_be_longer_than_an_endless_one_does_not_begin_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("realtime.recorded.PHANTOM_SECONDS", 5.0)
    config = CaptureConfig(seconds=9.0, seed=4)
    video = PhantomVideo(portrait(), phantom_script(config), config.width, config.height, iod_px=100)
    source = PhantomSource(config)
    source.seek(7_000_000_000)
    later = source.read()
    assert later is not None
    assert np.array_equal(later.image, video.frame(7.0))


def test_an_endless_phantom_is_known_to_do_again_what_it_does_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.recorded.PHANTOM_SECONDS", 8.0)
    config = CaptureConfig(seed=4)
    events = list(takewhile(lambda event: event.onset_s < 24.0, phantom_events(config)))
    source = PhantomSource(config)
    for first, again in zip(events, events[len(events) // 3 :], strict=False):
        assert again.apex_s == pytest.approx(first.apex_s + 8.0)
        assert again.units == first.units
        shown = []
        for event in (first, again):
            source.seek(round(event.apex_s * 1e9))
            grab = source.read()
            assert grab is not None
            shown.append(grab.image)
        assert np.array_equal(shown[0], shown[1])
    assert len(events) == 3 * len(phantom_script(config).events)
    assert list(phantom_events(CaptureConfig("phantom-rest"))) == []


def test_a_phantom_at_rest_only_blinks() -> None:
    script = phantom_script(CaptureConfig("phantom-rest", seconds=30.0))
    assert script.events == ()
    assert 5 <= len(script.blinks_s) <= 10
    assert script == phantom_script(CaptureConfig("phantom-rest", seconds=30.0))
    assert isinstance(open_source(CaptureConfig("phantom-rest")), PhantomSource)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_video_cut_anywhere_is_refused(tmp_path: Path, clip: Path, share: float) -> None:
    """As a download cut short leaves it: the index in front, the end of the pictures missing."""
    data = clip.read_bytes()
    kind, index = int.from_bytes(data[:4], "big"), data.index(b"moov") - 4
    moved = data[:kind] + data[index:] + data[kind:index]
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(moved[: int(share * len(moved))])
    with pytest.raises(SourceError, match=r"cut\.mp4: cut short: its last \d+ bytes are missing"):
        FileSource(cut)


@pytest.mark.parametrize(
    "trailer",
    [b"TAG" + b"title".ljust(125), b"\xff" * 64, b"maker's notes" * 9, b"\xff\xff\xff"],
    ids=["ID3v1", "padding", "notes", "odd"],
)
def test_what_cameras_and_taggers_append_to_a_video_does_not_make_it_cut_short(
    tmp_path: Path, clip: Path, trailer: bytes
) -> None:
    longer = tmp_path / "longer.mp4"
    longer.write_bytes(clip.read_bytes() + trailer)
    assert len(stamps(FileSource(longer))) == 75


def test_frames_are_sorted_by_number(tmp_path: Path) -> None:
    for k in (10, 9, 100):
        cv2.imwrite(str(tmp_path / f"frame{k}.png"), np.full((48, 64, 3), k, np.uint8))
    source = FolderSource(tmp_path, 30.0)
    grabs = [source.read() for _ in range(3)]
    assert [int(grab.image[0, 0, 0]) for grab in grabs if grab] == [9, 10, 100]


def test_a_photo_cut_short_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data = cv2.imencode(".jpg", rng.integers(0, 255, (200, 200, 3), dtype=np.uint8))[1].tobytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match=r"cut\.jpg: the JPEG is cut short"):
        read_photo(tmp_path / "cut.jpg")
