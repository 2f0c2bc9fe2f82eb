import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.regions import RegionMotion
from realtime.messages import VERSION, Annotation, Frame, Gap, MessageError, Say, Spot, pack, shifted, unpack

REGION = RegionMotion("Chin", 0.01, -0.02, 0.022, 0.03, 63.4, "up-right", 0.9)


def test_a_spot_survives_the_wire() -> None:
    spot = Spot(
        seq=5, face_id=1, t_capture_ns=7, t_media_ns=9, spot_id=3, phase="closed", onset_ns=1, apex_ns=2, offset_ns=3,
        kind="micro", confidence=0.5, regions=(REGION,), noise_iod=(0.004,),
    )  # fmt: skip
    assert unpack(pack(spot)) == spot


@settings(max_examples=50)
@given(st.text(), st.integers(0, 2**62))
def test_any_text_survives_the_wire(text: str, stamp: int) -> None:
    say = Say(seq=0, t_capture_ns=stamp, t_media_ns=0, spot_id=0, text=text)
    assert unpack(pack(say)) == say


@settings(max_examples=100)
@given(st.binary(max_size=64))
def test_rubbish_is_refused(data: bytes) -> None:
    with pytest.raises(MessageError):
        unpack(data)


def test_another_version_is_refused_by_name() -> None:
    frame = Frame(seq=0, t_capture_ns=0, t_media_ns=0, width=1, height=1)
    newer = msgspec.structs.replace(frame, v=VERSION + 1)
    with pytest.raises(MessageError, match=f"version {VERSION + 1}"):
        unpack(pack(newer))


@pytest.mark.parametrize("by_ns", [0, -5_000_000_000])
def test_a_note_on_a_moment_ends_where_it_begins_also_before_a_recording(by_ns: int) -> None:
    at = {"seq": 0, "t_capture_ns": 0, "t_media_ns": 1_000_000_000}
    for until_ns, end_ns in ((-1, 1_000_000_000), (2_000_000_000, 2_000_000_000)):
        assert shifted(Annotation(text="so", until_ns=until_ns, **at), by_ns).end_ns == end_ns + by_ns


@pytest.mark.parametrize(("from_seq", "to_seq", "frames"), [(4, 6, 3), (4, 4, 1), (4, 3, 0)])
def test_a_gap_counts_its_frames_and_has_none_where_only_time_was_lost(from_seq: int, to_seq: int, frames: int) -> None:
    gap = Gap(seq=6, t_capture_ns=0, t_media_ns=0, from_seq=from_seq, to_seq=to_seq, cause="why")
    assert gap.frames == frames
