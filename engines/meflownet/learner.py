"""A step of training: the network, its optimiser and the running average of its weights.

All weights lie in one array, and so do their gradients and their average: what is done to every weight is then one
operation instead of 150, which a GPU and a processor both thank for. On a GPU a step is recorded once and replayed as
a CUDA graph, since starting its thousands of small operations one by one takes longer than they do.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from engines.meflownet.memory import Batch

_LARGEST_GRADIENT = 4.0
"""Of a step; a rare pair gives a hundred times the usual."""

_RECENT = 0.02
"""Share of the newest step in the running mean of the loss."""

_WARM_UP = 3
"""Steps before one is recorded, in which torch chooses its kernels."""


class Learner:
    """Makes a network learn from batches of one size.

    Attributes:
        net: the network as it is now.
        step: steps made.
    """

    def __init__(
        self, net: nn.Module, objective: Callable[[Batch], Tensor], rate: float, decay: float, average: float
    ) -> None:
        """Gather the network's weights.

        Args:
            net: the network, on its device; those of its weights that want no gradient stay as they are.
            objective: its loss on a batch.
            rate: learning rate to begin with.
            decay: weight decay.
            average: share of the old weights in their running average.
        """
        self.net, self.step, self._objective, self._average = net, 0, objective, average
        self._learned = [p for p in net.parameters() if p.requires_grad]
        self.device = self._learned[0].device
        self._weights = nn.Parameter(torch.cat([p.detach().flatten() for p in self._learned]))
        self._weights.grad = torch.zeros_like(self._weights)
        shaped = self._shaped(self._weights.data), self._shaped(self._weights.grad)
        for parameter, weight, gradient in zip(self._learned, *shaped, strict=True):
            parameter.data, parameter.grad = weight, gradient
        self._mean = self._weights.detach().clone()
        self._recent = torch.zeros((), device=self.device)
        # Shares of a step in the running means of the weights and of the loss.
        self._of_weights, self._of_loss = (torch.zeros((), device=self.device) for _ in range(2))
        self._rate = torch.tensor(rate, device=self.device)
        self._optimiser = torch.optim.AdamW(
            [self._weights], lr=self._rate, weight_decay=decay, capturable=self.device.type == "cuda"
        )
        self._slot: Batch | None = None
        self._graph: Any = None
        self._warm = 0  # steps that this process has made; libraries must have run before they can be recorded

    @property
    def recent(self) -> float:
        """Mean loss of the last steps."""
        return float(self._recent)

    def advance(self, batch: Batch, rate: float) -> None:
        """Make one step.

        Args:
            batch: of the same size every time.
            rate: learning rate.
        """
        self._rate.fill_(rate)
        # Early on the average follows quickly, or it would remember the untrained network.
        self._of_weights.fill_(1 - min(self._average, (2 + self.step) / (11 + self.step)))
        self._of_loss.fill_(max(_RECENT, 1 / (1 + self.step)))
        if self.device.type != "cuda":
            self._work(batch)
        else:
            self._replay(batch)
        self.step += 1

    def mean(self) -> dict[str, Tensor]:
        """The running average of the weights, by name; those that do not learn as they are."""
        weights = {name: weight.detach().clone() for name, weight in self.net.named_parameters()}
        names = (name for name, weight in self.net.named_parameters() if weight.requires_grad)
        return weights | {name: mean.clone() for name, mean in zip(names, self._shaped(self._mean), strict=True)}

    def state(self) -> dict[str, Any]:
        """All that is needed to go on later."""
        return {"weights": self._weights.detach(), "mean": self._mean, "optimiser": self._optimiser.state_dict(),
                "step": self.step}  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`.

        Raises:
            RuntimeError, ValueError, KeyError, TypeError: it is not one of this network.
        """
        self._weights.data.copy_(state["weights"])
        self._mean.copy_(state["mean"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._optimiser.param_groups[0]["lr"] = self._rate
        self.step = int(state["step"])

    def _shaped(self, flat: Tensor) -> list[Tensor]:
        """What is told of all weights in one array, in the weights' shapes: views."""
        parts = flat.split([p.numel() for p in self._learned])
        return [part.view_as(p) for part, p in zip(parts, self._learned, strict=True)]

    def _replay(self, batch: Batch) -> None:
        if self._slot is None:
            self._slot = Batch(*(part.clone() for part in batch))
        for part, given in zip(self._slot, batch, strict=True):
            part.copy_(given)
        if self._graph is None and self._warm >= _WARM_UP:
            torch.cuda.synchronize()
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                self._work(self._slot)
        if self._graph is not None:
            self._graph.replay()
            return
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            self._work(self._slot)
        torch.cuda.current_stream().wait_stream(aside)
        self._warm += 1

    def _work(self, batch: Batch) -> None:
        """Everything of a step that depends on its batch alone."""
        gradient = self._weights.grad
        assert gradient is not None
        gradient.zero_()
        value = self._objective(batch)
        value.backward()  # type: ignore[no-untyped-call]
        gradient.mul_((_LARGEST_GRADIENT / (gradient.norm() + 1e-6)).clamp(max=1))
        # A pair can blow a step up; one bad step must not cost the run.
        gradient.nan_to_num_(0, 0, 0)
        self._optimiser.step()
        self._mean.lerp_(self._weights.detach(), self._of_weights)
        self._recent.lerp_(value.detach(), self._of_loss)
