import numpy as np
import pytest

from realtime.config import SpotConfig
from realtime.curve import SEEN
from realtime.movement import Movement
from realtime.speech import LOWER, Speech

CONFIG = SpotConfig()


def movement(number: int, onset_s: float, length_s: float = 0.2, peak: float = 0.02) -> Movement:
    nothing = np.zeros((29, 2))
    return Movement(number, nothing, np.zeros(29), SEEN, 0.0, 2.0, nothing, peak=peak, onset_s=onset_s,
                    apex_s=onset_s + length_s / 2, offset_s=onset_s + length_s)  # fmt: skip


def told(news: object) -> list[tuple[int, str]]:
    return [(m.number, phase) for m, phase in news]  # type: ignore[attr-defined]


def test_one_movement_is_told_when_the_mouth_has_kept_still_for_a_moment() -> None:
    speech = Speech(CONFIG)
    assert told(speech.hold(movement(0, 1.0))) == []
    assert speech.active(1.3)
    assert told(speech.due(1.3, moving=False)) == []
    assert told(speech.due(1.2 + CONFIG.speech_gap_s + 0.01, moving=False)) == [(0, "closed")]
    assert not speech.active(1.7)
    assert told(speech.due(9.0, moving=False)) == []


def test_nothing_is_told_while_the_mouth_is_in_a_movement() -> None:
    speech = Speech(CONFIG)
    list(speech.hold(movement(0, 1.0)))
    assert told(speech.due(3.0, moving=True)) == []


def test_three_in_close_order_are_one() -> None:
    speech = Speech(CONFIG)
    assert told(speech.hold(movement(4, 1.0))) == []
    assert told(speech.hold(movement(5, 1.3, peak=0.05))) == []
    assert not speech.talking
    assert told(speech.hold(movement(6, 1.6))) == [(5, "revoked"), (6, "revoked")]
    assert speech.talking
    assert told(speech.hold(movement(7, 1.9))) == [(7, "revoked")]
    ((whole, phase),) = speech.due(3.0, moving=False)
    assert (whole.number, phase, whole.movements) == (4, "closed", 4)
    assert (whole.onset_s, whole.offset_s) == pytest.approx((1.0, 2.1))
    assert whole.apex_s == pytest.approx(1.4)
    assert not speech.talking


def test_what_is_too_short_is_taken_back() -> None:
    speech = Speech(CONFIG)
    list(speech.hold(movement(0, 1.0, length_s=0.5 * CONFIG.shortest_s)))
    assert told(speech.end()) == [(0, "revoked")]


def test_a_long_movement_is_no_syllable_and_ends_what_was_held() -> None:
    speech = Speech(CONFIG)
    list(speech.hold(movement(0, 1.0)))
    list(speech.hold(movement(1, 1.3)))
    assert told(speech.hold(movement(2, 1.6, length_s=1.5))) == [(0, "closed"), (1, "closed"), (2, "closed")]
    assert not speech.talking


def test_a_smile_held_while_talking_is_no_syllable() -> None:
    speech = Speech(CONFIG)
    for k in range(3):
        list(speech.hold(movement(1 + k, 3.0 + 0.3 * k)))
    assert told(speech.hold(movement(0, 2.0, length_s=3.0))) == [(0, "closed")]
    ((whole, _),) = speech.end()
    assert whole.onset_s <= whole.apex_s <= whole.offset_s
    assert whole.movements == 3


def test_mere_motion_does_not_hold_a_movement_back_for_ever() -> None:
    speech = Speech(CONFIG)
    list(speech.hold(movement(0, 1.0)))
    for k in range(100):
        speech.go_on(1.2 + 0.1 * k)
    assert not speech.active(3.0)


def test_movement_goes_on_only_while_something_is_held() -> None:
    speech = Speech(CONFIG)
    speech.go_on(5.0)
    assert not speech.active(5.0)
    list(speech.hold(movement(0, 1.0)))
    speech.go_on(1.5)
    assert speech.active(1.8)


def test_long_speech_is_told_once_at_the_longest() -> None:
    speech, news = Speech(CONFIG), list[tuple[float, int, str]]()
    for k in range(30):
        list(speech.hold(movement(k, 1.0 + 0.25 * k)))
        t_s = 1.2 + 0.25 * k
        news += [(t_s, *one) for one in told(speech.due(t_s, moving=True))]
    assert [one[1:] for one in news] == [(0, "closed")]
    assert news[0][0] == pytest.approx(1.0 + CONFIG.longest_s, abs=0.3)
    assert told(speech.end()) == []


def test_the_lower_face_is_all_but_brows_and_lids() -> None:
    assert LOWER.sum() == 13
    assert (SEEN & ~LOWER).sum() == 4
