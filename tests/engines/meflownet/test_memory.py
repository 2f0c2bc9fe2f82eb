import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from calib.face import CROP
from engines.meflownet.data import Pair
from engines.meflownet.memory import PairMemory

CPU = torch.device("cpu")


def made(number: int) -> Pair:
    """A pair that moves by (number, 1) px, its left half valid."""
    rough = np.random.default_rng(number).integers(0, 256, (CROP, CROP, 3), np.uint8)
    flow = np.zeros((CROP, CROP, 2), np.float32)
    flow[:] = (number, 1)
    valid = np.zeros((CROP, CROP), bool)
    valid[:, : CROP // 2] = True
    return Pair(rough, np.roll(rough, 1, 0), flow, 2 * flow, valid, str(number), tolerance_px=number / 100)


def test_the_newest_pairs_come_as_they_are() -> None:
    memory, pairs = PairMemory(4, CPU), [made(n) for n in range(3)]
    memory.add(pairs)
    batch = memory.batch(2, 2, np.random.default_rng(0))
    assert batch.first.shape == batch.second.shape == (2, 3, CROP, CROP)
    assert batch.first.dtype == torch.uint8
    assert batch.facial[:, :, 7, 9].tolist() == [[2, 1], [1, 1]]
    assert batch.head[:, :, 7, 9].tolist() == [[4, 2], [2, 2]]
    assert batch.tolerance.tolist() == pytest.approx([0.02, 0.01])
    for plane, pair in zip(batch.first, pairs[:0:-1], strict=True):
        assert np.array_equal(plane.permute(1, 2, 0).numpy(), pair.first)
    assert batch.valid[0, 0].numpy().astype(bool).tolist() == pairs[2].valid.tolist()


def test_old_pairs_come_mirrored_half_of_the_time() -> None:
    memory, pair = PairMemory(1, CPU), made(3)
    memory.add([pair])
    batch = memory.batch(40, 0, np.random.default_rng(0))
    mirrored = batch.facial[:, 0, 0, 0] < 0
    assert 10 < int(mirrored.sum()) < 30
    wanted = pair.mirrored()
    for k in range(40):
        one = wanted if mirrored[k] else pair
        assert np.array_equal(batch.second[k].permute(1, 2, 0).numpy(), one.second)
        assert np.array_equal(batch.facial[k].permute(1, 2, 0).numpy(), one.facial)
        assert np.array_equal(batch.head[k].permute(1, 2, 0).numpy(), one.head)
        assert np.array_equal(batch.valid[k, 0].numpy() > 0, one.valid)


def test_the_oldest_make_room_for_new_ones() -> None:
    memory = PairMemory(2, CPU)
    memory.add([made(n) for n in range(5)])
    assert len(memory) == 2
    seen = memory.batch(30, 0, np.random.default_rng(0)).facial[:, 0, 0, 0].abs()
    assert set(seen.tolist()) == {3.0, 4.0}


def test_flows_are_kept_to_a_two_thousandth() -> None:
    memory, pair = PairMemory(1, CPU), made(1)
    pair.facial[:] = np.random.default_rng(1).normal(0, 5, pair.facial.shape)
    memory.add([pair])
    found = memory.batch(1, 1, np.random.default_rng(0)).facial[0].permute(1, 2, 0).numpy()
    assert np.abs(found - pair.facial).max() < np.abs(pair.facial).max() / 2000


def test_nothing_can_be_drawn_from_an_empty_memory() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        PairMemory(2, CPU).batch(1, 0, np.random.default_rng(0))
