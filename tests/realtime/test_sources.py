from pathlib import Path

import pytest

from realtime.config import CaptureConfig
from realtime.source import SourceError
from realtime.sources import is_live, open_source, source_kind, source_title, tells_no_time


@pytest.mark.parametrize("name", ["nothing.mp4", "97", "/dev/video97"])
def test_what_is_not_there_is_named(name: str) -> None:
    with pytest.raises(SourceError, match=name):
        open_source(CaptureConfig(source=name))


def test_what_the_system_does_not_let_be_read_is_named(tmp_path: Path) -> None:
    name = str(tmp_path / f"{'x' * 300}.mp4")
    with pytest.raises(SourceError, match=r"xxx\.mp4: File name too long"):
        open_source(CaptureConfig(source=name))
    (tmp_path / "1.png").symlink_to("/proc/self/mem")  # which cannot be read from its beginning
    source = open_source(CaptureConfig(source=str(tmp_path)))
    with pytest.raises(SourceError, match=r"1\.png: Input/output error"):
        source.read()


def test_a_name_that_is_not_utf_8_is_refused_before_opencv_sees_it() -> None:
    with pytest.raises(SourceError, match="not UTF-8"):
        open_source(CaptureConfig(source="bad\udcff.mp4"))


@pytest.mark.parametrize(
    ("source", "live"),
    [
        ("0", True),
        ("/dev/video3", True),
        ("/dev/shm/clip.mp4", False),
        ("RTSP://camera/1", True),
        ("http://x/", True),
        ("a.mp4", False),
        ("phantom", False),
    ],
)
def test_what_runs_by_itself_is_known(source: str, live: bool) -> None:
    assert is_live(source) is live


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("phantom", "phantom"),
        ("/tmp/tmpx1y2/Interview 1, Anna.mp4", "Interview 1, Anna.mp4"),
        ("frames/anna/", "anna"),
        ("977", "camera 977"),
        ("/dev/video977", "camera 977"),
        ("rtsp://me:secret@camera:554/1?token=secret", "rtsp://camera:554/1"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("RTSP://me:p@ss@camera/1", "RTSP://camera/1"),
        ("rtsp://me:pa/ss@camera/1", "rtsp://camera/1"),
        ("rtsp://me:p?ss@camera/1", "rtsp://camera/1"),
        ("http://camera/v.cgi?user=me&pwd=s@cret", "http://camera/v.cgi"),
        ("http://camera:80/x#token=secret", "http://camera:80/x"),
        ("https://host/@me/live.m3u8", "https://host/@me/live.m3u8"),
        ("rtsp://host:554/cam@2", "rtsp://host:554/cam@2"),
        ("rtsp://[::1]:554/cam@2", "rtsp://[::1]:554/cam@2"),
    ],
)
def test_a_source_has_the_name_that_people_give_it(source: str, title: str) -> None:
    assert source_title(source) == title


def test_a_kind_tells_nothing_of_whose_source_it_is(tmp_path: Path) -> None:
    names = ("0", "/dev/video3", "rtsp://camera/anna", "phantom", "phantom-rest", str(tmp_path), "anna.mp4")
    kinds = ["webcam", "webcam", "stream", "phantom", "phantom", "folder", "file"]
    assert [source_kind(name) for name in names] == kinds


def test_a_name_that_no_file_can_have_is_still_a_name() -> None:
    name = f"{'会' * 190}.mp4"  # of an upload from a system that allows it: more bytes than here
    assert (source_kind(name), source_title(name)) == ("file", name)
    assert not tells_no_time(name)
