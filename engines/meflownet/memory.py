"""The pairs that training draws from, kept where it computes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from calib.face import CROP
from engines.meflownet.data import Pair


class Batch(NamedTuple):
    """Pairs as the network takes them, on its device.

    Attributes:
        first, second: crops (B, 3, 256, 256) uint8.
        facial, head: flow (B, 2, 256, 256) px.
        valid: (B, 1, 256, 256), 1 where it counts.
        tolerance: (B,) px of error that does not count.
    """

    first: Tensor
    second: Tensor
    facial: Tensor
    head: Tensor
    valid: Tensor
    tolerance: Tensor

    @classmethod
    def of(cls, pair: Pair, device: torch.device) -> "Batch":
        """A single pair as a batch of one, on a device."""
        first, second, facial, head = (
            _tensor(a).permute(2, 0, 1)[None].to(device) for a in (pair.first, pair.second, pair.facial, pair.head)
        )
        valid = _tensor(pair.valid.astype(np.float32))[None, None].to(device)
        return cls(first, second, facial, head, valid, torch.tensor([pair.tolerance_px], device=device))


class PairMemory:
    """The last so many pairs; a batch is some of the newest and any others, in a mirror or not.

    Making a pair takes a processor longer than learning from it takes a GPU, so every pair is drawn several times.
    Flows are kept in half precision: off by less than a two-thousandth of themselves.
    """

    def __init__(self, capacity: int, device: torch.device) -> None:
        """Take the room, a megabyte a pair.

        Args:
            capacity: pairs that are kept.
            device: where.
        """

        def room(*shape: int, dtype: torch.dtype) -> Tensor:
            return torch.zeros((capacity, *shape), dtype=dtype, device=device)

        self._crops = room(2, CROP, CROP, 3, dtype=torch.uint8)
        self._flows = room(2, CROP, CROP, 2, dtype=torch.float16)
        self._valid = room(CROP, CROP, dtype=torch.bool)
        self._tolerance = room(dtype=torch.float32)
        self._device, self._seen = device, 0

    def __len__(self) -> int:
        return min(self._seen, len(self._crops))

    def add(self, pairs: Sequence[Pair]) -> None:
        """Keep pairs, in the place of the oldest where there is no more room."""
        for pair in pairs:
            at = self._seen % len(self._crops)
            self._crops[at].copy_(_tensor(np.stack([pair.first, pair.second])))
            self._flows[at].copy_(_tensor(np.stack([pair.facial, pair.head]).astype(np.float16)))
            self._valid[at].copy_(_tensor(pair.valid))
            self._tolerance[at] = pair.tolerance_px
            self._seen += 1

    def batch(self, size: int, newest: int, rng: np.random.Generator) -> Batch:
        """Draw pairs.

        Args:
            size: how many.
            newest: how many of them are the last that were added, as they are; the others are any, half of them
                mirrored.
            rng: where chance comes from.
        """
        if not self._seen:
            raise ValueError("no pairs to draw from")
        last = (self._seen - 1 - np.arange(newest)) % len(self._crops)
        drawn = rng.integers(len(self), size=size - newest)
        mirrored = np.append(np.zeros(newest, bool), rng.random(size - newest) < 0.5)
        at = _tensor(np.append(last, drawn)).to(self._device)
        flip = _tensor(mirrored).to(self._device)

        def planes(kept: Tensor) -> Tensor:
            """(B, n, n, channels) to (B, channels, n, n), some of them mirrored."""
            image = kept.permute(0, 3, 1, 2)
            return torch.where(flip.reshape(-1, 1, 1, 1), image.flip(3), image).contiguous()

        crops, flows = self._crops[at], self._flows[at].float()
        signs = torch.ones(size, 2, device=self._device)
        signs[:, 0] -= 2 * flip
        facial, head = (planes(flows[:, k]) * signs.reshape(-1, 2, 1, 1) for k in (0, 1))
        valid = planes(self._valid[at].float()[..., None])
        return Batch(planes(crops[:, 0]), planes(crops[:, 1]), facial, head, valid, self._tolerance[at])


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
