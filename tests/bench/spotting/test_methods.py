import pytest

from bench.spotting.methods import METHODS, SPOTTER, compare
from bench.spotting.truth import Span
from tests.bench.spotting.performances import MACRO, MICRO, recording


def test_every_method_is_held_against_the_same_truth() -> None:
    recordings = [recording(distractors=(Span("blink", 10.0, 10.25),)), recording((MICRO, MACRO))]
    results = compare(recordings)
    assert tuple(result.method for result in results) == METHODS
    for result in results:
        tp, _, fn = result.counted.count()
        assert tp + fn == 4
        assert sum(result.all.count()[::2]) == 5
        assert len(result.found) == 2
        assert (result.level is None) == (result.method == SPOTTER)
        assert result.label == f"{result.method}, dis"
    assert results[0].counted.recall() == 1.0
    assert results[0].counted.delay_s(95) < 0.2


def test_a_threshold_is_chosen_to_the_methods_advantage() -> None:
    own = [recording((MICRO,))]
    (rise,) = [result for result in compare(own) if result.method == "local rise"]
    assert rise.counted.f1() == pytest.approx(1.0)
