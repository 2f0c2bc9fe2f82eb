import pytest

pytest.importorskip("torch")

import torch

from engines.meflownet.activation import SLOPE, active


def test_what_is_above_zero_stays_and_a_little_of_what_is_below() -> None:
    x = torch.linspace(-3, 3, 13)
    assert torch.equal(active(x), torch.where(x > 0, x, SLOPE * x))


def test_a_channel_below_zero_everywhere_can_still_learn() -> None:
    x = torch.full((1, 1, 4, 4), -5.0, requires_grad=True)
    active(x).sum().backward()
    assert x.grad is not None
    assert (x.grad > 0).all()
