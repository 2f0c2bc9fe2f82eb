import numpy as np

from bench.spotting.truth import truth_of
from calib.phantom import PhantomEvent, PhantomScript
from calib.phantom.distractors import Wink
from calib.phantom.script import BLINK_S
from calib.phantom.speech import make_speech

EVENTS = (
    PhantomEvent(1.0, 1.2, 1.4, (("AU6", 0.01), ("AU12", 0.02))),
    PhantomEvent(3.0, 3.3, 4.5, (("AU4", 0.05),), 0.5),
)


def test_the_truth_is_the_script() -> None:
    speech = make_speech(6.0, 8.0, 0.04, np.random.default_rng(0))
    truth = truth_of(PhantomScript(EVENTS, (2.0, 0.5), distractors=(speech, Wink(5.0, 5.4))), 10.0)
    assert [event.kind for event in truth.events] == ["micro", "macro"]
    assert truth.events[0].codes == ("AU6", "AU12")
    assert 0.0199 < truth.events[0].amplitude_iod < 0.0201
    assert [(span.kind, span.start_s) for span in truth.distractors] == [
        ("blink", 0.5), ("blink", 2.0), ("wink", 5.0), ("speech", 6.0),
    ]  # fmt: skip
    assert truth.distractors[0].end_s == 0.5 + BLINK_S
    assert abs(truth.resting_s - (10.0 - 0.4 - 1.5)) < 1e-9


def test_what_lies_beyond_the_end_is_left_out() -> None:
    truth = truth_of(PhantomScript(EVENTS, (4.2,), distractors=(Wink(5.0, 5.4),)), 4.0)
    assert [event.kind for event in truth.events] == ["micro"]
    assert not truth.distractors
