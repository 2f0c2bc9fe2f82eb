"""The steps that find the flow: coarse correlation, Lucas–Kanade on learned features, the U-net that judges them."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from calib.face import CROP
from engines.meflownet.grids import (
    compressed,
    cubic,
    gradients,
    pooled,
    pooling,
    smoother,
    spread,
    spread_by_each,
    window,
)

_CELLS = CROP // 4
_RADIUS = 2
_WINDOWS = (0.8, 2.0, 5.0)
"""σ of the windows, cells of 4 px."""

_LAST_WINDOWS = (0.8, 1.4, 3.5)
"""The same at full resolution, where little is left to find and wide windows blur expressions more than noise does."""

_SMOOTHERS, _LAST_SMOOTHERS = (1.15, 2.0, 3.6, 7.2), (1.15, 1.9, 3.0, 5.0)
"""σ of what smooths the flow, cells of 4 px; of the last step."""

_GROUPS = 2
EVIDENCE = 2 * len(_WINDOWS) + len(_WINDOWS) + 2 * _GROUPS + 2
"""Channels of what a Lucas–Kanade step measured: a displacement and its certainty a window, group by group, misfit."""


class Coarse(nn.Module):
    """The first guess: correlation of coarse features within ±16 px."""

    def __init__(self, match: int, context: int, hidden: int) -> None:
        super().__init__()
        reach = 2 * _RADIUS + 1
        self.sharpness = nn.Parameter(torch.tensor(10.0))
        self.body = nn.Sequential(
            nn.Conv2d(reach * reach + context, hidden, 3, padding=1), nn.LeakyReLU(),
            nn.Conv2d(hidden, hidden, 3, padding=2, dilation=2), nn.LeakyReLU(),
            nn.Conv2d(hidden, hidden, 3, padding=4, dilation=4), nn.LeakyReLU(),
            nn.Conv2d(hidden, 2, 3, padding=1),
        )  # fmt: skip
        nn.init.zeros_(self.body[-1].weight)
        nn.init.zeros_(self.body[-1].bias)
        axis = torch.arange(-_RADIUS, _RADIUS + 1, dtype=torch.float32)
        shifts = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1).reshape(-1, 2)
        self.register_buffer("shifts", 8 * shifts.flip(1).reshape(1, -1, 2, 1, 1), persistent=False)
        self.register_buffer("up", cubic(_CELLS, _CELLS // 2), persistent=False)

    def forward(self, first: Tensor, second: Tensor, near: Tensor) -> Tensor:
        """Flow on the grid of 4 px, (B, 2, 64, 64) px; `near` is the first crop's context, (B, C, 32, 32)."""
        cells = first.shape[-1]
        padded = functional.pad(second, (_RADIUS,) * 4)
        costs = [
            (first * padded[:, :, y : y + cells, x : x + cells]).sum(1)
            for y in range(2 * _RADIUS + 1)
            for x in range(2 * _RADIUS + 1)
        ]
        volume = self.sharpness * torch.stack(costs, dim=1)
        likely = (volume.softmax(1).unsqueeze(2) * self.shifts).sum(1)
        correction = self.body(torch.cat([volume, near], dim=1))
        return spread(self.up, likely + 8 * correction)


class Trunk(nn.Module):
    """A U-net over 1/4, 1/8 and 1/16 resolution."""

    def __init__(self, hidden: tuple[int, int, int]) -> None:
        super().__init__()
        a, b, c = hidden
        self.down_b, self.body_b = nn.Conv2d(a, b, 4, 2, 1), nn.Conv2d(b, b, 3, padding=1)
        self.down_c, self.body_c = nn.Conv2d(b, c, 4, 2, 1), nn.Conv2d(c, c, 3, padding=1)
        self.up_b, self.join_b = nn.Conv2d(c, b, 1), nn.Conv2d(b, b, 3, padding=1)
        self.up_a, self.join_a = nn.Conv2d(b, a, 1), nn.Conv2d(a, a, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, a, 64, 64) to the same shape."""
        b = functional.leaky_relu(self.down_b(x))
        c = functional.leaky_relu(self.down_c(functional.leaky_relu(self.body_b(b))))
        c = c + functional.leaky_relu(self.body_c(c))
        b = b + _doubled(self.up_b(c))
        b = b + functional.leaky_relu(self.join_b(b))
        a = x + _doubled(self.up_a(b))
        return a + functional.leaky_relu(self.join_a(a))


def _doubled(x: Tensor) -> Tensor:
    """Twice the resolution, by linear interpolation; what `grids.linear` gives.

    OpenVINO does this as its convolutions leave the channels, innermost, where products would have them turned first.
    """
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class Answers(nn.Module):
    """A layer of 1 × 1 that answers in groups of channels; as built it answers the same everywhere.

    Each group has a convolution of its own: to take one out of a whole answer is slow in OpenVINO.
    """

    def __init__(self, inputs: int, *groups: tuple[float, ...]) -> None:
        """Build it.

        Args:
            inputs: channels.
            groups: what is answered as built, a number a channel.
        """
        super().__init__()
        self.groups = nn.ModuleList()
        for answers in groups:
            group = nn.Conv2d(inputs, len(answers), 1)
            nn.init.zeros_(group.weight)
            group.bias = nn.Parameter(torch.tensor(answers))
            self.groups.append(group)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, inputs, n, n) to the groups, (B, channels, n, n) each."""
        return [group(x) for group in self.groups]


class Refiner(nn.Module):
    """One Lucas–Kanade step at one resolution.

    In every window the displacement is solved that best explains the difference between the first crop's features and
    the second's where the flow so far leads (Lucas & Kanade 1981); the network weighs the windows, corrects, and
    smooths what comes out.
    """

    def __init__(self, context: int, hidden: tuple[int, int, int], step: int) -> None:
        super().__init__()
        self.step = step
        cells = CROP // step
        sigmas, smoothers = (_LAST_WINDOWS, _LAST_SMOOTHERS) if step == 1 else (_WINDOWS, _SMOOTHERS)
        self.ridge = nn.Parameter(torch.full((len(_WINDOWS), 1, 1, 1), -4.0))
        self.enter = nn.Conv2d(EVIDENCE + 2 + 2 * len(sigmas) + context, hidden[0], 1)
        self.trunk = Trunk(hidden)
        self.leave = Answers(hidden[0], (0.0, 0.0), (0.0,) * len(sigmas), (3.0, *(0.0,) * len(smoothers)))
        self.register_buffer("windows", torch.stack([window(_CELLS, s) for s in sigmas]), persistent=False)
        self.register_buffer("smoothers", _smoothers(smoothers), persistent=False)
        self.register_buffer("pool", pooling(_CELLS, cells), persistent=False)

    def forward(self, still: Tensor, moved: Tensor, flow: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """One step.

        Args:
            still: the first crop's features (B, C, n, n).
            moved: the second's where the flow leads.
            flow: so far, (B, 2, 64, 64) px.
            context: the first crop's.

        Returns:
            better flow, and what the network made of the evidence (B, hidden, 64, 64).
        """
        steps, evidence = self._measure(still, moved)
        # How the flow so far bends, which smoothing would take for noise.
        bent = 4 * (flow.unsqueeze(2) - spread_by_each(self.windows, flow))
        inputs = torch.cat([evidence, 0.25 * flow, _by_window(bent), context], dim=1)
        insight = self.trunk(functional.leaky_relu(self.enter(inputs)))
        correction, trust, smoothness = self.leave(insight)
        better = flow + self.step * (_blended(steps, trust) + correction)
        # What a window's displacement does not see of the flow so far stays in it: the noise that is finer.
        return _blended(_smoothed(better, self.smoothers), smoothness), insight

    def _measure(self, still: Tensor, moved: Tensor) -> tuple[Tensor, Tensor]:
        """Displacements (B, 2, windows, 64, 64) in this resolution's cells, and the evidence."""
        gx, gy = gradients(0.5 * (still + moved))
        rest = moved - still
        products = [gx * gx, gx * gy, gy * gy, gx * rest, gy * rest, rest * rest]
        moments = torch.cat([_grouped(p) for p in products], dim=1)
        moments = pooled(self.pool, moments) if self.step < 4 else moments
        near = spread(self.windows[0], moments)
        near_whole, whole = near[:, ::2] + near[:, 1::2], moments[:, ::2] + moments[:, 1::2]
        smooth = torch.cat([near_whole.unsqueeze(2), spread_by_each(self.windows[1:], whole)], dim=2)
        ridge = functional.softplus(self.ridge).reshape(-1, 1, 1)
        steps, certainty = _solve(smooth, ridge)
        grouped, _ = _solve(torch.stack([near[:, ::2], near[:, 1::2]], dim=2), 0.5 * ridge[0])
        misfit = compressed(smooth[:, 5, :2] + 1e-4)
        evidence = torch.cat([_by_window(steps), certainty, _by_window(grouped), misfit], dim=1)
        return steps, evidence


def _by_window(planes: Tensor) -> Tensor:
    """(B, 2, k, n, n) as channels, window by window: (B, 2 k, n, n)."""
    return planes.transpose(1, 2).flatten(1, 2)


def _grouped(products: Tensor) -> Tensor:
    """Sums (B, 2, n, n) over the channels of either half."""
    half = products.shape[1] // _GROUPS
    total = products[:, ::half]
    for k in range(1, half):
        total = total + products[:, k::half]
    return total * (1 / half)


def _solve(m: Tensor, ridge: Tensor) -> tuple[Tensor, Tensor]:
    """Solve the normal equations of moments (B, 6, k, n, n): displacement (B, 2, k, n, n) within ±2, certainty."""
    xx, xy, yy = m[:, 0] + ridge, m[:, 1], m[:, 2] + ridge
    xt, yt = m[:, 3], m[:, 4]
    determinant = xx * yy - xy * xy
    u, v = (xy * yt - yy * xt) / determinant, (xy * xt - xx * yt) / determinant
    return 2 * torch.tanh(0.5 * torch.stack([u, v], dim=1)), compressed(determinant / (xx + yy))


def _smoothers(sigmas: tuple[float, ...]) -> Tensor:
    return torch.stack([smoother(_CELLS, sigma) for sigma in sigmas])


def _smoothed(flow: Tensor, smoothers: Tensor) -> Tensor:
    """A flow (B, 2, n, n) as it is and smoothed (k, n, n): (B, 2, 1 + k, n, n)."""
    return torch.cat([flow.unsqueeze(2), spread_by_each(smoothers, flow)], dim=2)


def _blended(choices: Tensor, wanted: Tensor) -> Tensor:
    """Of flows (B, 2, k, n, n) each its share; (B, k, n, n) are the logarithms of the shares."""
    return (wanted.softmax(1).unsqueeze(1) * choices).sum(2)


class Cleaner(nn.Module):
    """The expression decoder: what the facial flow leaves when the head's motion is taken off, cleaned of noise.

    It sees the expression and the same smoothed, and what the last step made of its evidence.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(hidden + 2 * (1 + len(_SMOOTHERS)), hidden, 1)
        self.body = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.leave = Answers(hidden, (0.0, 0.0), (3.0,), (2.0, *(0.0,) * len(_SMOOTHERS)))
        self.register_buffer("smoothers", _smoothers(_SMOOTHERS), persistent=False)

    def forward(self, expression: Tensor, insight: Tensor) -> Tensor:
        """Expression flow (B, 2, 64, 64) px."""
        choices = _smoothed(expression, self.smoothers)
        x = functional.leaky_relu(self.enter(torch.cat([_by_window(choices), insight], dim=1)))
        correction, strength, smoothness = self.leave(x + functional.leaky_relu(self.body(x)))
        return _blended(choices, smoothness) * strength.sigmoid() + correction
