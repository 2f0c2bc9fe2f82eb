"""MEFlowNet: shared features, refinement by warping, one decoder for facial and one for head flow.

An encoder turns each crop into features once. The matcher then finds the flow from coarse to fine on a grid of 4 px:
a local correlation of coarse features first, then at 1/4, 1/2 and full resolution a step each of Lucas–Kanade on finer
ones (`levels`), whose windows a small U-net weighs and corrects (`refine`). The head decoder fits a solid head's motion
to the flow by least squares, its weights and the face's depth told by the network; the expression decoder cleans what
is left. The idea of facial and head flow over shared features is the MELLM paper's (arXiv 2505.07007).

Convolutions are followed by a leaky ReLU with torch's slope of 0.01 (Maas et al. 2013). With a plain one a channel that
has ceased to answer never learns again: after hours of training those were a quarter of all, and in one layer 31 of 32.
"""

from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from calib.face import CROP
from engines.grid import CELL
from engines.meflownet.grids import cubic, pooled, pooling, spread
from engines.meflownet.levels import FeatureLevel, Normalised, PictureLevel
from engines.meflownet.refine import Cleaner, Coarse, Refiner
from engines.meflownet.solid import SolidHead


@dataclass(frozen=True)
class NetConfig:
    """Widths of the network.

    Attributes:
        fine: Lucas–Kanade channels at 1/4, 1/2 and full resolution; even numbers.
        stem: channels of the encoder at 1/2, 1/4 and 1/8 resolution.
        context: channels of the first crop's features that the decoders see.
        match: channels of the coarse correlation.
        hidden: channels of the U-nets at 1/4, 1/8 and 1/16 resolution.
        steps: Lucas–Kanade steps at 1/4, 1/2 and full resolution.
    """

    fine: tuple[int, int, int] = (8, 4, 2)
    stem: tuple[int, int, int] = (12, 24, 32)
    context: int = 16
    match: int = 16
    hidden: tuple[int, int, int] = (16, 32, 48)
    steps: tuple[int, int, int] = (1, 1, 1)


SIZES = {
    "s": NetConfig(),
    "b": NetConfig((24, 8, 6), (32, 64, 96), 48, 32, (64, 96, 128), (2, 2, 2)),
}
"""`s` for a CPU in real time, `b` for a GPU."""


class Features(NamedTuple):
    """What the matcher knows of crops, (B, channels, n, n) each.

    Of a second crop it reads the first three, of a first one all but the shades.

    Attributes:
        shade: the picture in one channel, at full resolution.
        quarter: for Lucas–Kanade at 1/4 resolution.
        coarse: for the correlation, at 1/8 resolution.
        context: for the decoders, at 1/4 resolution.
        solid: depth and stability, at 1/8 resolution.
        half, full: what the filters at 1/2 and full resolution answer to the shades.
    """

    shade: Tensor
    quarter: Tensor
    coarse: Tensor
    context: Tensor
    solid: Tensor
    half: Tensor
    full: Tensor


def conv(inputs: int, outputs: int, size: int = 3, dilation: int = 1) -> nn.Conv2d:
    """A convolution that keeps the resolution."""
    return nn.Conv2d(inputs, outputs, size, padding=dilation * (size // 2), dilation=dilation)


def halve(inputs: int, outputs: int) -> nn.Conv2d:
    """A convolution to half the resolution, centred on the cells' 2×2 pixels."""
    return nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)


class Encoder(nn.Module):
    """What is computed once a crop."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        a, b, c = config.stem
        self.shade = conv(3, 1, 1)
        with torch.no_grad():
            self.shade.weight.fill_(1 / 3)
        self.to_half, self.half_body = halve(3, a), conv(a, a)
        self.to_quarter, self.quarter_body = halve(a, b), conv(b, b)
        self.fine_quarter = Normalised(b, config.fine[0], 1, CROP // 4)
        self.context = conv(b, config.context, 1)
        self.to_eighth, self.eighth_body, self.eighth_wide = halve(b, c), conv(c, c), conv(c, c, dilation=2)
        self.match = conv(c, config.match, 1)
        self.solid = conv(c, 2, 1)
        nn.init.zeros_(self.solid.weight)

    def forward(self, crop: Tensor) -> tuple[Tensor, ...]:
        """The first five of the features of crops (B, 3, 256, 256), 0–255."""
        # Scaled as the bytes of a picture lie: OpenVINO would turn them round, scale them and turn them back.
        x = ((crop.permute(0, 2, 3, 1) - 127.5) * (1 / 64)).permute(0, 3, 1, 2)
        a = functional.leaky_relu(self.to_half(x))
        a = a + functional.leaky_relu(self.half_body(a))
        b = functional.leaky_relu(self.to_quarter(a))
        b = b + functional.leaky_relu(self.quarter_body(b))
        c = functional.leaky_relu(self.to_eighth(b))
        c = c + functional.leaky_relu(self.eighth_body(c))
        c = c + functional.leaky_relu(self.eighth_wide(c))
        match = self.match(c)
        # Without their mean, or all places look alike and the correlation tells nothing.
        match = match - match.mean((2, 3), keepdim=True)
        match = match * torch.rsqrt((match * match).sum(1, keepdim=True) + 1e-3)
        return (
            self.shade(x),
            self.fine_quarter(b),
            match,
            functional.leaky_relu(self.context(b)),
            self.solid(c),
        )


class Matcher(nn.Module):
    """What is computed once a pair."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.coarse = Coarse(config.match, config.context, config.hidden[1])
        _, half, full = config.fine
        self.levels = nn.ModuleList([FeatureLevel(), PictureLevel(2, half), PictureLevel(1, full)])
        self.refiners = nn.ModuleList(
            Refiner(config.context, config.hidden, step)
            for step, steps in zip((4, 2, 1), config.steps, strict=True)
            for _ in range(steps)
        )
        self.steps = config.steps
        self.register_buffer("pool", pooling(CROP // CELL // 2, CROP // CELL), persistent=False)
        self.head = SolidHead(config.context)
        self.cleaner = Cleaner(config.hidden[0])

    def forward(self, first: Features, second: Features) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Flow between encoded crops.

        Returns:
            facial and head flow (B, 2, 64, 64) px, u right, v down, on the first crop's grid of 4 px, and the facial
            flow after every step, for the loss.
        """
        near = pooled(self.pool, first.context)
        flow = self.coarse(first.coarse, second.coarse, near)
        stages = [flow]
        insight = None
        refiners = iter(self.refiners)
        stills = first.quarter, first.half, first.full
        sources = second.quarter, second.shade, second.shade
        for level, still, source, steps in zip(self.levels, stills, sources, self.steps, strict=True):
            for refiner in islice(refiners, steps):
                if self.training:
                    # Torch's backward pass writes beyond its arrays where a place is not a number.
                    flow = torch.nan_to_num(flow)
                flow, insight = refiner(still, level.moved(source, flow), flow, first.context)
                stages.append(flow)
        head = self.head(flow, near, first.solid)
        assert insight is not None
        return head + self.cleaner(flow - head, insight), head, stages


class MEFlowNet(nn.Module):
    """Encoder and matcher together."""

    def __init__(self, config: NetConfig | None = None) -> None:
        """Build an untrained network.

        Args:
            config: its widths; by default those of size `s`.
        """
        super().__init__()
        self.config = config or SIZES["s"]
        self.encoder = Encoder(self.config)
        self.matcher = Matcher(self.config)
        self.register_buffer("up", cubic(CROP, CROP // CELL), persistent=False)

    def encode(self, crops: Tensor) -> Features:
        """Features of crops (B, 3, 256, 256), 0–255."""
        shade, quarter, coarse, context, solid = self.encoder(crops)
        _, half, full = self.matcher.levels
        return Features(shade, quarter, coarse, context, solid, half.features(shade), full.features(shade))

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Flow between crops.

        Args:
            first, second: (B, 3, 256, 256) uint8 RGB.

        Returns:
            facial and head flow (B, 2, 256, 256) px, and the facial flow on the grid of 4 px after every step.
        """
        facial, head, stages = self.matcher(self.encode(first.float()), self.encode(second.float()))
        return spread(self.up, facial), spread(self.up, head), stages
