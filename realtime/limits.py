"""What the numbers among the settings may be."""

import math

_COUNT, _NONE_OR_MORE = (1, math.inf, "1 or more"), (0, math.inf, "0 or more")
_SIDE, _LOOKED_AT = (32, 8192, "32 to 8192 px"), (32, 4000, "32 to 4000 px")  # eighths of a px are kept in 16 bits
_RATE = (0, 1000, "0 to 1000 fps")  # DFME, the fastest database of micro-expressions, has 500
_RANGES = {
    "capture.width": _SIDE, "capture.height": _SIDE, "capture.max_side": _LOOKED_AT, "dashboard.width": _LOOKED_AT,
    "narrate.context": (128, 131072, "128 to 131072 tokens"), "dashboard.quality": (1, 100, "1 to 100"),
    "spot.speech_movements": _COUNT, "narrate.threads": _COUNT,
    "dashboard.port": (0, 65535, "0 to 65535"), "capture.fps": _RATE, "capture.loop_fps": _RATE,
    "capture.seconds": _NONE_OR_MORE, "capture.reconnects": _NONE_OR_MORE, "capture.seed": _NONE_OR_MORE,
    "narrate.retries": _NONE_OR_MORE,
}  # fmt: skip
"""Lowest and highest value by setting, and how that is said; of all others, more than 0."""


def must_be(name: str, value: float) -> str:
    """What a setting must be that is not; empty if it may be what it is.

    Args:
        name: of the setting, such as "spot.micro_s".
        value: a finite number if it is to mean anything.
    """
    low, high, words = _RANGES.get(name, (math.nextafter(0, 1), math.inf, "more than 0"))
    if value == high == math.inf:
        return f"{words}, and finite"
    return "" if low <= value <= high else words
