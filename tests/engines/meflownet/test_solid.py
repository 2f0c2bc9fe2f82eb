import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor
from torch.nn import functional

from calib.face import CROP, CROP_IOD
from engines.meflownet.solid import SolidHead, solve

CONTEXT = 4
INNER = (..., slice(4, -4), slice(4, -4))  # cubic interpolation repeats the edges


def decoder(seed: int = 0, ridge: float = -16.0) -> SolidHead:
    """A head decoder with random weights, which trusts nobody in particular, and a ridge too small to be felt."""
    torch.manual_seed(seed)
    head = SolidHead(CONTEXT)
    with torch.no_grad():
        for weight in head.judge.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
        head.ridge.fill_(ridge)
        head.distance.fill_(ridge)
    head.eval()
    return head


def inputs(seed: int, batch: int = 1) -> tuple[Tensor, Tensor]:
    """Context, and depth and stability, at random."""
    chance = torch.Generator().manual_seed(seed)
    solid = 0.3 * torch.randn(batch, 2, 32, 32, generator=chance)
    return torch.randn(batch, CONTEXT, 32, 32, generator=chance), solid


def plane(coefficients: list[list[float]]) -> Tensor:
    """A flow (1, 2, 64, 64) from coefficients of 1, x, y, x², xy, y², px; x and y in IOD from the crop's centre."""
    axis = (4 * np.arange(64) + 1.5 - CROP / 2) / CROP_IOD
    x, y = np.meshgrid(axis, axis)
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])
    return torch.from_numpy(np.tensordot(np.array(coefficients), terms, 1)[None].astype(np.float32))


AFFINE = plane([[2.0, 0.5, -0.3, 0, 0, 0], [-1.0, 0.3, 0.5, 0, 0, 0]])
PERSPECTIVE = plane([[2.0, 0.5, -0.3, 0.4, -0.2, 0], [-1.0, 0.3, 0.5, 0, 0.4, -0.2]])
BENT = plane([[2.0, 0.5, -0.3, 0.4, -0.2, 0.3], [-1.0, 0.3, 0.5, 0.3, -0.4, 0.2]])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("flow", [AFFINE, PERSPECTIVE], ids=["affine", "perspective"])
def test_a_solid_heads_flow_is_given_back_whatever_the_weights(seed: int, flow: Tensor) -> None:
    with torch.no_grad():
        found = decoder(seed)(flow, *inputs(seed))
    # Averaging x² over the fit's cells adds (2 px)²/IOD² of it: 0.0007 px a coefficient.
    assert found.shape == flow.shape
    assert float((found - flow)[INNER].abs().max()) < 1e-3


def test_what_no_camera_shows_of_a_solid_head_is_left_over() -> None:
    with torch.no_grad():
        found = decoder(1)(BENT, *inputs(1))
    assert float((found - BENT)[INNER].abs().max()) > 0.1


def test_as_built_it_gives_back_an_affine_flow() -> None:
    with torch.no_grad():
        found = SolidHead(CONTEXT)(AFFINE, *inputs(1))
    assert float((found - AFFINE)[INNER].abs().max()) < 1e-3


def test_the_depth_that_the_network_tells_explains_a_turn() -> None:
    head = decoder(2)
    context, solid = inputs(2)
    with torch.no_grad():
        depth = functional.interpolate(head.bulge + solid[:, :1], scale_factor=2, mode="nearest")
        flow = AFFINE + torch.cat([3 * depth, -1.5 * depth], dim=1)
        found = functional.avg_pool2d(head(flow, context, solid), 2)
        blind = functional.avg_pool2d(head(flow, context, torch.zeros_like(solid)), 2)
    wanted = functional.avg_pool2d(flow, 2)
    # Interpolation smooths the depth, which is noise here.
    assert float((found - wanted).std()) < 0.5 * float((blind - wanted).std())


def test_no_flow_is_no_head_motion() -> None:
    with torch.no_grad():
        assert not decoder()(torch.zeros(1, 2, 64, 64), *inputs(0)).any()


def test_a_moving_mouth_hardly_drags_the_head_along() -> None:
    axis = 4 * torch.arange(64) + 1.5
    mouth = torch.exp(-((axis[None] - 128) ** 2 + (axis[:, None] - 180) ** 2) / (2 * 14**2))
    smile = torch.stack([0 * mouth, -3 * mouth])[None]
    context = torch.zeros(1, CONTEXT, 32, 32)
    with torch.no_grad():
        found = SolidHead(CONTEXT)(AFFINE + smile, context, torch.zeros(1, 2, 32, 32))
    face = (..., slice(12, 52), slice(16, 48))
    assert float((found - AFFINE)[face].abs().max()) < 0.15 * 3


def test_faces_of_a_batch_do_not_touch_each_other() -> None:
    head, (context, solid) = decoder(3), inputs(3, batch=3)
    flow = torch.randn(3, 2, 64, 64, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        together = head(flow, context, solid)
        alone = [head(flow[k : k + 1], context[k : k + 1], solid[k : k + 1]) for k in range(3)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_elimination_solves_as_numpy_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(5, 4, 4))
    normal = root @ root.transpose(0, 2, 1) + 0.1 * np.eye(4)
    right = rng.normal(size=(5, 4, 6))
    found = solve(torch.from_numpy(normal), torch.from_numpy(right), torch.eye(4))
    assert found.numpy() == pytest.approx(np.linalg.solve(normal, right), abs=1e-6)
