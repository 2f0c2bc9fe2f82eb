"""How well action units are read, whoever reads them."""

from collections.abc import Iterable


def unit_f1(read: Iterable[tuple[Iterable[str], Iterable[str]]], sides: bool = True) -> float:
    """F1 of action units, counted over all cases: 2 TP / (2 TP + FP + FN); NaN where none was acted and none read.

    A blink is not counted: it is no expression.

    Args:
        read: of every case, the codes that were acted, and those that were read.
        sides: whether a unit on the wrong side is a wrong one.
    """
    hits = every = 0
    for acted, claimed in read:
        true, own = counted(acted, sides), counted(claimed, sides)
        hits, every = hits + len(true & own), every + len(true) + len(own)
    return 2 * hits / every if every else float("nan")


def counted(codes: Iterable[str], sides: bool = True) -> set[str]:
    """Those of some codes that count; without their sides, if these do not matter."""
    return {code if sides else code.lstrip("LR") for code in codes if not code.endswith("AU45")}
