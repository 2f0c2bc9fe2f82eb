import dataclasses

import pytest

from bench.complaint import BenchError
from bench.pace.compare import Change, compare
from bench.pace.results import Report, Spread
from tests.bench.pace.reports import CASE, engines, outcome, pipeline, soak


def test_the_ratio_of_every_time_is_what_it_became() -> None:
    changes, alone = compare(pipeline(), pipeline(by=1.5))
    assert alone == ()
    motion = [change for change in changes if "Motion" in change.what]
    assert len(motion) == 6
    for change in motion:
        assert change.ratio == pytest.approx(1.5)
        assert change.verdict == "worse"
    named = {(change.name, change.what): change for change in changes}
    assert named[CASE.label, "frames a second"].verdict == "about the same"
    assert named[CASE.label, "MB"].ratio == pytest.approx(1.5)
    assert named["MediaPipe alone, mesh points, 640×480, 1 face", "pieces a second"].verdict == "worse"


def test_backwards_it_is_better_and_with_itself_the_same() -> None:
    back, _ = compare(engines(by=2.0), engines())
    assert {change.verdict for change in back} == {"better"}
    for report in (engines(), pipeline(), soak()):
        same, alone = compare(report, report)
        assert alone == ()
        assert {change.verdict for change in same} == {"about the same"}


@pytest.mark.parametrize(
    ("before", "after", "more", "verdict"),
    [(0.0, 3.0, False, "worse"), (0.0, 3.0, True, "better"), (0.0, 0.0, False, "about the same"),
     (100.0, 104.0, False, "about the same"), (100.0, 106.0, True, "better"), (5.0, 0.0, False, "better")],
)  # fmt: skip
def test_verdicts(before: float, after: float, more: bool, verdict: str) -> None:
    assert Change("it", "number", before, after, more).verdict == verdict


def test_of_a_few_times_only_the_median_is_compared() -> None:
    few = dataclasses.replace(outcome(), latency={"Say": Spread.of(range(13)), "Motion": Spread.of(range(20))})
    report = dataclasses.replace(pipeline(), outcomes=(few,))
    what = [change.what for change in compare(report, report)[0]]
    assert [one for one in what if "Say" in one] == ["capture → Say p50 ms"]
    assert len([one for one in what if "Motion" in one]) == 3


def test_what_only_one_has_is_said() -> None:
    other = outcome(dataclasses.replace(CASE, fps=100.0))
    more = dataclasses.replace(pipeline(), outcomes=(*pipeline().outcomes, other))
    _, alone = compare(pipeline(), more)
    assert alone == (other.case.label,)


def test_what_has_nothing_in_common_is_refused() -> None:
    with pytest.raises(BenchError, match="a report of bench engines and one of bench soak cannot be compared"):
        compare(engines(), soak())
    with pytest.raises(BenchError, match="no case in common"):
        compare(engines(), Report("engines", ()))
