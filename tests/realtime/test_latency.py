import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.latency import LatencyHistogram


@settings(max_examples=40)
@given(st.lists(st.floats(0.2, 5000), min_size=1, max_size=200), st.floats(0.01, 1.0))
def test_quantiles_agree_with_the_sorted_values(values: list[float], share: float) -> None:
    histogram = LatencyHistogram()
    for value in values:
        histogram.add(value)
    exact = np.sort(values)[int(np.ceil(share * len(values))) - 1]
    assert histogram.quantiles((share,))[0] == pytest.approx(exact, rel=0.015)


def test_nothing_counted_is_zero_and_extremes_are_kept_in_range() -> None:
    histogram = LatencyHistogram()
    assert histogram.quantiles((0.5, 0.95)).tolist() == [0, 0]
    histogram.add(0.0)
    histogram.add(1e9)
    low, high = histogram.quantiles((0.5, 1.0))
    assert low == pytest.approx(0.1)
    assert high == pytest.approx(60_000)
