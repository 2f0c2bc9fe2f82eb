import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor

from calib.face import CROP
from engines.meflownet.covers import Covers


@pytest.fixture
def crops() -> Tensor:
    """Forty crops, each of one grey level."""
    return torch.arange(40, dtype=torch.uint8).reshape(-1, 1, 1, 1).expand(-1, 3, CROP, CROP) * 6


@pytest.fixture
def covered(crops: Tensor) -> Tensor:
    torch.manual_seed(0)
    return Covers(torch.device("cpu")).over(crops)


def test_some_crops_are_covered_in_a_part_and_the_others_stay(crops: Tensor, covered: Tensor) -> None:
    changed = (covered != crops).any(1).float().mean((1, 2))
    assert 4 <= int((changed > 0).sum()) <= 18
    assert float(changed.max()) < 0.5
    assert float(changed[changed > 0].min()) > 0.001


def test_a_cover_is_what_another_crop_shows(crops: Tensor, covered: Tensor) -> None:
    inside = [
        (float(crop[0].flatten()[(crop[0] - before[0, 0, 0].float()).abs().argmax()]), float(other[0, 0, 0]))
        for crop, before, other in zip(covered, crops, crops.flip(0), strict=True)
        if (crop != before).any()
    ]
    assert all(abs(found - shown) <= 3 for found, shown in inside)


def test_it_is_a_picture_still(covered: Tensor) -> None:
    assert covered.dtype == torch.float32
    assert float(covered.min()) >= 0
    assert float(covered.max()) <= 255
    assert torch.equal(covered, covered.round())
