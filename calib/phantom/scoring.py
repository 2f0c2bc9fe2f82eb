"""Spotted intervals against true ones, by the rules of the Micro-Expression Grand Challenge."""

from collections.abc import Sequence

Interval = tuple[float, float]
"""(onset, offset), s."""

IOU_LIMIT = 0.5
"""A spotted interval is right if it overlaps an unmatched true one by at least this intersection over union."""


def iou(a: Interval, b: Interval) -> float:
    """Intersection over union of two intervals."""
    union = max(a[1], b[1]) - min(a[0], b[0])
    return max(0.0, min(a[1], b[1]) - max(a[0], b[0])) / union if union > 0 else 0.0


def match(true: Sequence[Interval], spotted: Sequence[Interval]) -> list[tuple[int, int]]:
    """Pairs (index of a true interval, index of a spotted one), each used once, the best overlaps first."""
    overlaps = [(iou(t, s), i, k) for i, t in enumerate(true) for k, s in enumerate(spotted)]
    pairs: list[tuple[int, int]] = []
    for overlap, i, k in sorted(overlaps, key=lambda o: (-o[0], o[1], o[2])):
        if overlap >= IOU_LIMIT and all(i != j and k != m for j, m in pairs):
            pairs.append((i, k))
    return sorted(pairs)
