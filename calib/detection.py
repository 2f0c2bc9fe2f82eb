"""How often movements of each size were found, and the size from which on they nearly always are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calib.face import Doubles

_NEIGHBOURS = 2  # sizes so near each other in the row are close enough


@dataclass(frozen=True)
class Detection:
    """Trials of rising sizes.

    Attributes:
        sizes: rising, in any unit.
        tried: how many movements of each size were shown.
        found: how many of them were found.
    """

    sizes: tuple[float, ...]
    tried: tuple[int, ...]
    found: tuple[int, ...]

    def __post_init__(self) -> None:
        if not len(self.sizes) == len(self.tried) == len(self.found) > 0:
            raise ValueError("every size needs how often it was tried and found")
        if not (np.diff(self.sizes) > 0).all() or self.sizes[0] <= 0:
            raise ValueError("sizes must rise, from above 0")
        if not all(0 <= found <= tried for found, tried in zip(self.found, self.tried, strict=True)):
            raise ValueError("nothing is found more often than it was tried")

    @classmethod
    def unused(cls, sizes: Sequence[float]) -> "Detection":
        """No trials yet."""
        return cls(tuple(sizes), (0,) * len(sizes), (0,) * len(sizes))

    def with_trials(self, trials: Sequence[tuple[int, bool]]) -> "Detection":
        """The same and some more trials: (index of the size, whether it was found)."""
        tried, found = list(self.tried), list(self.found)
        for index, hit in trials:
            tried[index] += 1
            found[index] += hit
        return Detection(self.sizes, tuple(tried), tuple(found))

    def shares(self) -> Doubles:
        """Share found at each size that was tried, NaN at the others, made to rise with the size.

        Isotonic regression by pooling adjacent violators (Barlow et al., *Statistical Inference under Order
        Restrictions*, 1972): the likeliest shares, if a larger movement is never found less often than a smaller one.
        """
        blocks: list[tuple[int, int, list[int]]] = []  # found, tried, indices
        for index, (found, tried) in enumerate(zip(self.found, self.tried, strict=True)):
            if tried == 0:
                continue
            block = (found, tried, [index])
            while blocks and blocks[-1][0] * block[1] >= block[0] * blocks[-1][1]:
                before = blocks.pop()
                block = (before[0] + block[0], before[1] + block[1], before[2] + block[2])
            blocks.append(block)
        out = np.full(len(self.sizes), np.nan)
        for found, tried, indices in blocks:
            out[indices] = found / tried
        return out

    def size_found(self, share: float) -> float:
        """The smallest size that is found this often; between two tried sizes, straight in the logarithm of the size.

        The smallest size tried if that is found often enough already; infinite if none is.
        """
        shares = self.shares()
        known = np.flatnonzero(~np.isnan(shares))
        enough = [index for index in known if shares[index] >= share - 1e-9]
        if not enough:
            return float("inf")
        at = enough[0]
        if at == known[0]:
            return float(self.sizes[at])
        below = known[list(known).index(at) - 1]
        part = (share - shares[below]) / (shares[at] - shares[below])
        low, high = np.log(self.sizes[below]), np.log(self.sizes[at])
        return float(np.exp(low + part * (high - low)))

    def next_sizes(self, count: int, share: float) -> list[int]:
        """Indices of the sizes that it is best to try next.

        Before any trial, spread over all; then spread between the largest size that was found too rarely and the
        smallest found often enough; once these are neighbours, around the size that `size_found` gives.
        """
        last = len(self.sizes) - 1
        if not any(self.tried):
            return [int(index) for index in np.round(np.linspace(0, last, count))]
        size = min(self.size_found(share), self.sizes[-1])
        shares = self.shares()
        enough = next((index for index in range(last + 1) if shares[index] >= share - 1e-9), last)
        below = max((index for index in range(enough) if self.tried[index]), default=0)
        if enough - below > _NEIGHBOURS:
            return [int(index) for index in np.round(np.linspace(below, enough, count + 2))[1:-1]]
        middle = int(np.abs(np.log(np.array(self.sizes) / size)).argmin())
        return [min(max(middle + (0, 1, -1)[k % 3], 0), last) for k in range(count)]
