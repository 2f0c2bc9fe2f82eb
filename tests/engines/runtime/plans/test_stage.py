from collections.abc import Iterable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.runtime.plans.stage import Copy, joined, laid_out


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 700), st.sampled_from(["uint8", "float32"])), max_size=8))
def test_tensors_lie_one_after_the_other_and_aligned(shapes: list[tuple[int, int, str]]) -> None:
    ports, size = laid_out([(f"t{k}", (batch, length), kind) for k, (batch, length, kind) in enumerate(shapes)])
    end = 0
    for port in ports.values():
        assert port.offset % 256 == 0
        assert end <= port.offset < end + 256
        assert port.size == port.shape[0] * port.each
        end = port.offset + port.size
    assert end <= size < end + 256


def moved(copies: Iterable[Copy], source: bytes, size: int) -> bytes:
    target = bytearray(size)
    for copy in copies:
        target[copy.target : copy.target + copy.size] = source[copy.source : copy.source + copy.size]
    return bytes(target)


def test_neighbours_are_copied_in_one_piece_and_others_are_not() -> None:
    ports, end = laid_out([(f"t{k}", (1, n), np.float32) for k, n in enumerate((64, 100, 7, 64))])
    apart = [Copy(p.offset + 512, p.offset, p.size) for p in ports.values()]
    assert joined(apart) == [Copy(512, 0, ports["t3"].offset + ports["t3"].size)]
    assert joined(reversed(apart)) == joined(apart)
    jumbled = [Copy(10_000 - p.offset, p.offset, p.size) for p in ports.values()]
    assert len(joined(jumbled)) == 4
    assert end % 256 == 0


@settings(max_examples=60)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.permutations(range(6)))
def test_joined_copies_take_the_same_bytes_to_the_same_places(lengths: list[int], order: list[int]) -> None:
    """Here nothing lies between the pieces, so that nothing else may be written."""
    starts = np.concatenate([[0], np.cumsum(lengths)]).tolist()
    source = np.random.default_rng(0).integers(1, 256, starts[-1]).astype(np.uint8).tobytes()
    places, at = {}, 0
    for index in (k for k in order if k < len(lengths)):
        places[index], at = at, at + lengths[index]
    copies = [Copy(places[k], starts[k], n) for k, n in enumerate(lengths)]
    assert moved(joined(copies), source, at) == moved(copies, source, at)


def test_nothing_to_copy_is_nothing() -> None:
    assert joined([]) == []
