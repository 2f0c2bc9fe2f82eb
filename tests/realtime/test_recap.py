import random

import pytest

from calib.facs import Label
from realtime.messages import Kind, Say, shifted
from realtime.recap import Moment, clock, counted, moment, recap
from tests.realtime.test_narrate import spot


def seen(
    at_s: float, kind: Kind = "micro", label: Label = "positive", units: tuple[str, ...] = ("AU12",),
    size: float = 0.02, face: int = 0, regions: tuple[str, ...] = ("Left Mouth Corner",),
) -> Moment:  # fmt: skip
    return Moment(face, round(at_s * 1e9), kind, size, regions, units, label, 0.8)


def test_a_session_is_told_with_counts_times_and_what_recurred() -> None:
    moments = [
        seen(62.3), seen(5.0, "macro", "negative", ("AU4",), 0.05, regions=("Left Inner Eyebrow",)), seen(70.0),
        seen(80.0, "speech"), seen(81.0, label="none", units=(), regions=()),
    ]  # fmt: skip
    assert recap(moments, 2, 83.4) == (
        "Watched 1:23: 3 micro-expressions, 1 macro-expression and 1 stretch of speech; 2 movements were taken back. "
        "Read as 2 positive, 1 negative and 1 without a class. "
        "Timeline: 0:05 macro AU4 negative 80%; 1:02 micro AU12 positive 80%; 1:10 micro AU12 positive 80%; "
        "1:21 micro no unit none 80%. "
        "Recurring: AU12 2 times. Moving most: Left Mouth Corner 2 times."
    )


def test_nothing_is_told_of_nothing() -> None:
    assert recap([], 0, 20.0) == "Watched 0:20: no expression seen."
    assert recap([], 1, 3700.0) == "Watched 1:01:40: no expression seen; 1 movement was taken back."


def test_the_order_of_telling_does_not_matter() -> None:
    moments = [seen(float(k), size=0.01 * (k % 5)) for k in range(30)]
    text = recap(moments, 0, 60.0)
    random.Random(1).shuffle(moments)
    assert recap(moments, 0, 60.0) == text
    assert "The 8 strongest: " in text
    assert text.count("micro AU12") == 8


def test_of_several_faces_it_says_whose_it_was() -> None:
    assert "0:01 face 0 micro" in recap([seen(1.0), seen(2.0, face=1)], 0, 9.0)


def test_a_moment_keeps_what_moved_most() -> None:
    say = Say(seq=1, t_capture_ns=0, t_media_ns=0, spot_id=0, text="x", action_units=("AU12",), label="positive")
    kept = moment(spot("closed"), say)
    assert (kept.kind, kept.at_ns, kept.action_units) == ("micro", 2, ("AU12",))
    assert len(kept.regions) == 2
    early = moment(shifted(spot("closed"), -10_000_000_000), say)  # of a recording that began after its apex
    assert early.at_ns == kept.at_ns - 10_000_000_000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.9, "0:59"), (60, "1:00"), (3661, "1:01:01"), (-0.9, "0:00"), (-2.5, "-0:02")],
)
def test_times_are_minutes_and_seconds(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_one_is_no_plural() -> None:
    assert [counted(k, "gap") for k in (0, 1, 2)] == ["0 gaps", "1 gap", "2 gaps"]
