from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib.facs import parse_code
from calib.phantom import Nuisance, long_script
from calib.phantom.distractors import Wink
from calib.phantom.performance import (
    BLINKS_PER_MINUTE,
    MACRO_IOD,
    MICRO_IOD,
    PERCENTILES,
    RISE_MS,
    SHORTEST_S,
    TOTAL_MS,
    Mix,
)
from calib.phantom.script import BLINK_S

QUICK = settings(max_examples=30)
SEEDS = st.integers(0, 10_000)


@QUICK
@given(st.floats(0, 90), SEEDS)
def test_everything_fits_and_nothing_but_blinks_overlaps(seconds: float, seed: int) -> None:
    script = long_script(seconds, seed)
    spans = sorted(
        [(e.onset_s, e.offset_s) for e in script.events] + [(d.start_s, d.end_s) for d in script.distractors]
    )
    assert all(start >= 2.5 and end <= seconds for start, end in spans)
    assert all(a[1] + 0.79 < b[0] for a, b in pairwise(spans))
    assert all(0 < start <= seconds - BLINK_S for start in script.blinks_s)


@QUICK
@given(SEEDS)
def test_expressions_keep_to_their_sizes_and_lengths(seed: int) -> None:
    for event in long_script(120.0, seed).events:
        length = event.offset_s - event.onset_s
        low, high = MICRO_IOD if event.kind == "micro" else MACRO_IOD
        sizes = [size for _, size in event.units]
        assert low - 1e-9 <= event.amplitude_iod <= high + 1e-9
        assert min(sizes) >= 0.59 * max(sizes)
        assert SHORTEST_S - 1e-9 <= length <= 0.5 if event.kind == "micro" else 0.6 <= length <= 3.0 + 1e-9


def test_the_durations_are_those_of_the_tables() -> None:
    micros = [e for seed in range(40) for e in long_script(90.0, seed).events if e.kind == "micro"]
    totals = np.array([e.offset_s - e.onset_s for e in micros])
    rises = np.array([e.apex_s - e.onset_s for e in micros])
    assert len(micros) > 300
    assert 0.25 < np.median(totals) < 0.4
    assert 0.11 < np.median(rises) < 0.19
    assert all(len(table[source]) == len(PERCENTILES) for table in (RISE_MS, TOTAL_MS) for source in table)


def test_the_mix_and_the_amplitudes_are_as_asked() -> None:
    scripts = [long_script(120.0, seed) for seed in range(20)]
    kinds = Counter(event.kind for script in scripts for event in script.events)
    distractors = Counter(d.kind for script in scripts for d in script.distractors)
    mix = Mix()
    assert kinds["macro"] / kinds["micro"] == pytest.approx(mix.macro / mix.micro, rel=0.2)
    assert sum(distractors.values()) / kinds["micro"] == pytest.approx(mix.distractors / mix.micro, rel=0.2)
    assert len(distractors) == 10
    assert max(distractors.values()) < 2.5 * min(distractors.values())
    sizes = [e.amplitude_iod for script in scripts for e in script.events if e.kind == "micro"]
    assert np.median(sizes) == pytest.approx(np.sqrt(MICRO_IOD[0] * MICRO_IOD[1]), rel=0.15)
    sides = Counter(parse_code(e.units[0][0])[0] for script in scripts for e in script.events)
    assert sides["L"] > 10 < sides["R"]
    assert sides[""] > sides["L"] + sides["R"]


def test_blinks_come_at_their_natural_rate_also_during_expressions() -> None:
    scripts = [long_script(120.0, seed) for seed in range(20)]
    blinks = sum(len(script.blinks_s) for script in scripts)
    assert blinks / 40 == pytest.approx(BLINKS_PER_MINUTE, rel=0.15)
    during = sum(e.onset_s < b < e.offset_s for s in scripts for e in s.events for b in s.blinks_s)
    assert during > 10
    for script in scripts:
        assert all(b - a > 0.5 for a, b in pairwise(script.blinks_s))
        winks = [d for d in script.distractors if isinstance(d, Wink)]
        assert not [b for b in script.blinks_s for w in winks if w.start_s - BLINK_S < b < w.end_s]


@QUICK
@given(SEEDS)
def test_the_same_seed_makes_the_same_performance(seed: int) -> None:
    assert long_script(30.0, seed) == long_script(30.0, seed)
    assert long_script(30.0, seed) != long_script(30.0, seed + 1)


def test_a_longer_one_begins_like_a_shorter_one() -> None:
    short, long = long_script(20.0, 3), long_script(60.0, 3)
    assert 0 < len(short.events) < len(long.events)
    assert long.events[: len(short.events)] == short.events


def test_a_nuisance_that_is_given_is_taken() -> None:
    assert long_script(10.0, nuisance=Nuisance(noise=0.0)).nuisance == Nuisance(noise=0.0)
    drawn = [long_script(10.0, seed).nuisance for seed in range(30)]
    assert len({n.noise for n in drawn}) == 30
    assert 10 <= sum(n.jpeg is not None for n in drawn) < 30


def test_a_mix_without_distractors_or_blinking_sides_is_possible() -> None:
    script = long_script(60.0, 1, Mix(micro=1, macro=0, distractors=0, one_sided=0.0))
    assert script.events
    assert not script.distractors
    assert {e.kind for e in script.events} == {"micro"}
    assert not any(parse_code(code)[0] for e in script.events for code, _ in e.units)
