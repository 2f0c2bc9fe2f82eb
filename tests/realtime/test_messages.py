import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.regions import RegionMotion
from realtime.messages import VERSION, Frame, MessageError, Say, Spot, pack, unpack

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
