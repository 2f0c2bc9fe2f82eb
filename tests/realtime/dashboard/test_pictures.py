import cv2
import numpy as np
import pytest

from realtime.dashboard.moments import MOST
from realtime.dashboard.pictures import Pictures
from realtime.messages import Frame
from realtime.ring import Ring


def put(ring: Ring, width: int, height: int) -> Frame:
    """A frame whose left half is dark and whose right half is bright."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, width // 2 :] = 200
    return Frame(seq=ring.put(image), t_capture_ns=0, t_media_ns=0, width=width, height=height)


@pytest.mark.parametrize(
    ("size", "shown"),
    [((320, 240), (320, 240)), ((640, 480), (640, 480)), ((800, 600), (640, 480)), ((1280, 720), (640, 360)),
     ((1920, 1080), (640, 360)), ((720, 1280), (640, 1138)), ((1080, 1920), (540, 960))],
)  # fmt: skip
def test_a_picture_is_shown_whole_and_no_wider_than_asked(size: tuple[int, int], shown: tuple[int, int]) -> None:
    ring = Ring.local(2, size[0] * size[1] * 3)
    pictures = Pictures(ring, 640, 90)
    frame = put(ring, *size)
    pictures.keep(frame)
    developed = pictures.develop(frame.seq)
    assert developed is not None
    jpeg, width, height = developed
    assert (width, height) == shown
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (height, width, 3)
    assert image[:, : width // 2 - 8].max() < 20
    assert image[:, width // 2 + 8 :].min() > 180


def test_what_was_overwritten_is_not_shown() -> None:
    ring = Ring.local(2, 64 * 48 * 3)
    pictures = Pictures(ring, 640, 90)
    frames = [put(ring, 64, 48) for _ in range(3)]
    for frame in frames:
        pictures.keep(frame)
    assert pictures.develop(frames[0].seq) is None
    assert pictures.develop(frames[2].seq) is not None


def test_older_pictures_are_let_go() -> None:
    ring = Ring.local(MOST + 5, 64 * 48 * 3)
    pictures = Pictures(ring, 640, 90)
    frames = [put(ring, 64, 48) for _ in range(MOST + 2)]
    for frame in frames:
        pictures.keep(frame)
    assert pictures.develop(frames[1].seq) is None  # no more than MOST are kept
    assert pictures.develop(frames[10].seq) is not None
    assert pictures.develop(frames[9].seq) is None  # older than one that was shown
    pictures.forget()
    assert pictures.develop(frames[11].seq) is None
