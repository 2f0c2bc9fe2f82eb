"""Many measured times in a fixed amount of memory."""

from bench.pace.results import Spread
from realtime.latency import LatencyHistogram


class Times:
    """Counts times; its quantiles are right to 1.3 %, the largest exactly."""

    def __init__(self) -> None:
        self._histogram = LatencyHistogram()
        self._n, self._most_ms = 0, 0.0

    def add(self, ms: float) -> None:
        """Count one, ms."""
        self._histogram.add(ms)
        self._n += 1
        self._most_ms = max(self._most_ms, ms)

    @property
    def spread(self) -> Spread:
        """Of all so far."""
        quantiles = self._histogram.quantiles((0.5, 0.95, 0.99))
        p50, p95, p99 = (round(min(float(q), self._most_ms), 3) for q in quantiles)
        return Spread(self._n, p50, p95, p99, round(self._most_ms, 3))
