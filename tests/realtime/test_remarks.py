from msgspec.structs import replace

from realtime.messages import AnyMessage, Gap
from realtime.remarks import Remarks
from tests.realtime.messages import say
from tests.realtime.served import motion


def test_what_is_to_be_known_of_a_video_is_told_once_and_words_about_its_events_are_not() -> None:
    remarks = Remarks()
    small: list[AnyMessage] = [replace(motion(seq, face_id), iod_px=30.4) for seq in range(2) for face_id in (1, 2)]
    hole = Gap(seq=2, t_capture_ns=0, t_media_ns=10**9, from_seq=2, to_seq=1, cause="a hole", until_ns=3 * 10**9)
    noted: list[AnyMessage] = [say(-1, "it ends after 3.0 s", final=False)] * 2
    about_events: list[AnyMessage] = [say(), say(1, "Chin", final=False), say(-1, "Watched 0:03.")]
    for message in (*small, *noted, hole, *about_events):
        remarks.take(message)
    far, unseen, cut = remarks.all
    assert far.startswith("the face is small (30 px between the eyes)")
    assert [unseen] == remarks.unseen == ["nothing was seen for 2.00 s, the video has no picture there: 1.00–3.00 s"]
    assert cut == "it ends after 3.0 s"


def test_of_a_video_without_fault_nothing_is_said() -> None:
    remarks = Remarks()
    remarks.take(motion(0, 1))
    assert (remarks.all, remarks.unseen) == ((), [])
