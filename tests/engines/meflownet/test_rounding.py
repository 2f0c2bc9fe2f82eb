import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from engines.meflownet.rounding import Rounded, rounded
from tests.engines.networks import network


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_every_wide_convolution_is_rounded_once_and_nothing_else(dtype: torch.dtype) -> None:
    plain = network()
    count = sum(isinstance(module, nn.Conv2d) and module.out_channels > 9 for module in plain.modules())
    others = {k: v.clone() for k, v in plain.state_dict().items()}
    net = rounded(network(), dtype)
    made = [module for module in net.modules() if isinstance(module, Rounded)]
    assert len(made) == count > 20
    assert all(module.inner.weight.dtype == dtype for module in made)
    again = rounded(net, dtype)
    assert sum(isinstance(module, Rounded) for module in again.modules()) == count
    for name, value in again.state_dict().items():
        expected = others[name.replace(".inner.", ".")]
        assert value.dtype == (dtype if ".inner." in name else torch.float32)
        assert torch.equal(value.float(), expected.to(value.dtype).float())


def test_a_rounded_convolution_takes_and_gives_float32() -> None:
    torch.manual_seed(0)
    exact = nn.Conv2d(3, 4, 3, padding=1)
    x = torch.randn(1, 3, 8, 8)
    with torch.no_grad():
        wanted = exact(x)
        found = Rounded(exact, torch.bfloat16)(x)
    assert found.dtype == torch.float32
    assert 0 < (found - wanted).abs().max() < 0.05
