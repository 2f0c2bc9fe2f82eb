"""Latency from capture to here, over a whole session, in a fixed amount of memory."""

import numpy as np

from calib.face import Doubles

_EDGES_MS = np.geomspace(0.1, 60_000, 1000)


class LatencyHistogram:
    """Counts latencies in 1000 geometric bins (1.3 % wide) from 0.1 ms to a minute."""

    def __init__(self) -> None:
        self._counts = np.zeros(len(_EDGES_MS) + 1, np.int64)

    def add(self, ms: float) -> None:
        """Count one."""
        self._counts[int(np.searchsorted(_EDGES_MS, ms))] += 1

    def quantiles(self, shares: tuple[float, ...]) -> Doubles:
        """Latencies in ms that these shares (0–1) of the counted ones do not exceed; zeros if none was counted."""
        total = int(self._counts.sum())
        if total == 0:
            return np.zeros(len(shares))
        places = np.searchsorted(np.cumsum(self._counts), np.ceil(np.array(shares) * total))
        return np.asarray(_EDGES_MS[np.minimum(places, len(_EDGES_MS) - 1)], dtype=np.float64)
