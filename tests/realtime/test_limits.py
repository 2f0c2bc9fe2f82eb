import dataclasses
import math

import pytest

from realtime import limits
from realtime.config import Config
from realtime.limits import must_be


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("narrate.threads", 0, "1 or more"),
        ("narrate.retries", -1, "0 or more"),
        ("narrate.retries", 0, ""),
        ("narrate.first_word_s", 0.0, "more than 0"),
        ("narrate.first_word_s", 1e-9, ""),
        ("capture.fps", 0.0, ""),
        ("capture.fps", 1000.0, ""),
        ("capture.fps", math.inf, "0 to 1000 fps"),
        ("capture.seconds", math.inf, "0 or more, and finite"),
        ("dashboard.port", 65536, "0 to 65535"),
        ("capture.width", 31, "32 to 8192 px"),
        ("capture.width", 8192, ""),
        ("capture.max_side", 4096, "32 to 4000 px"),
        ("narrate.context", 131073, "128 to 131072 tokens"),
        ("dashboard.quality", 0, "1 to 100"),
        ("dashboard.quality", 100, ""),
        ("spot.micro_s", math.nan, "more than 0"),
    ],
)
def test_a_number_that_means_nothing_is_told_what_it_must_be(name: str, value: float, words: str) -> None:
    assert must_be(name, value) == words


def test_every_limit_is_of_a_setting() -> None:
    parts = {part.name: getattr(Config(), part.name) for part in dataclasses.fields(Config)}
    known = {f"{name}.{key.name}" for name, part in parts.items() for key in dataclasses.fields(part)}
    assert limits._RANGES.keys() <= known
