"""`python -m engines.mellm.learning`: train the reader of action units on acted pairs."""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional

from engines.mellm.closing import codes
from engines.mellm.instruct.annotations import AnnotationError
from engines.mellm.instruct.instructor import Instructor, open_instructor
from engines.mellm.reader import INPUTS, inputs_of

app = App(name="engines.mellm.learning", help_format="plaintext")

WIDTH = 384
_DROPPED, _DECAY = 0.15, 1e-2
"""Share of its inner values that it must do without in training, and its weights' decay: without them it is sure, and
wrong, about faces unlike those that acted."""

_BATCH = 256
_BLINKS = [place for place, code in enumerate(codes()) if code.endswith("AU45")]


def make_network() -> nn.Sequential:
    """The untrained network."""
    return nn.Sequential(
        nn.Linear(INPUTS, WIDTH), nn.ReLU(), nn.Dropout(_DROPPED), nn.Linear(WIDTH, WIDTH), nn.ReLU(),
        nn.Dropout(_DROPPED), nn.Linear(WIDTH, len(codes())),
    )  # fmt: skip


def examples(instructor: Instructor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Inputs (count, `INPUTS`) and the units that show (count, codes), as 0 and 1."""
    rng = np.random.default_rng(seed)
    inputs, wanted = np.zeros((count, INPUTS), np.float32), np.zeros((count, len(codes())), np.float32)
    places = {code: place for place, code in enumerate(codes())}
    for row in track(range(count), "examples", disable=count < 2000):
        example = instructor.example(rng)
        inputs[row] = inputs_of(example.facts)
        wanted[row, [places[code] for code in example.reading.units]] = 1
    return torch.from_numpy(inputs), torch.from_numpy(wanted)


def fit(network: nn.Sequential, inputs: Tensor, wanted: Tensor, steps: int, rate: float = 2e-3) -> float:
    """Train; the last loss is returned."""
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=_DECAY)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    loss = torch.zeros(())
    for _ in track(range(steps), "training", disable=steps < 500):
        rows = torch.randint(0, len(inputs), (_BATCH,))
        loss = functional.binary_cross_entropy_with_logits(network(inputs[rows]), wanted[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        plan.step()
    return float(loss.detach())


def unit_f1(network: nn.Sequential, inputs: Tensor, wanted: Tensor) -> float:
    """F1 of the units at a chance of one half, over all examples and without blinks."""
    network.eval()
    with torch.no_grad():
        said = network(inputs) > 0
    true = wanted > 0.5
    said[:, _BLINKS] = true[:, _BLINKS] = False
    return float(2 * (said & true).sum() / max(int(said.sum() + true.sum()), 1))


def save(network: nn.Sequential, path: Path) -> None:
    """Write the weights as plain arrays, halves of a float each."""
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    arrays = {f"weight{k}": layer.weight.detach().numpy().astype(np.float16) for k, layer in enumerate(layers)}
    arrays |= {f"bias{k}": layer.bias.detach().numpy().astype(np.float16) for k, layer in enumerate(layers)}
    np.savez_compressed(path, **arrays)


@app.default
def learn(
    acted: Annotated[Path, Parameter(help="Folder of acted pairs: python -m engines.mellm.instruct.acting.")],
    *,
    held_out: Annotated[Path, Parameter(help="Folder of acted pairs made with --held-out.")],
    out: Annotated[Path, Parameter(help="The .npz to write.")],
    statistics: Annotated[
        Path | None, Parameter(help="CSV of annotated action units: aus,emotion,count; the built-in counts without it.")
    ] = None,
    count: Annotated[int, Parameter(help="Examples to train on.")] = 120000,
    steps: Annotated[int, Parameter(help="Of 256 examples each.")] = 12000,
    seed: Annotated[int, Parameter(help="Of the weights and the examples.")] = 0,
) -> int:
    """Train the reader of action units; a few minutes on one core."""
    console = Console()
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    try:
        learned, kept = (open_instructor(folder, statistics) for folder in (acted, held_out))
    except (ValueError, AnnotationError) as error:
        console.print(f"error: {error}", style="red", soft_wrap=True)
        return 2
    network = make_network()
    try:
        loss = fit(network, *examples(learned, count, seed + 1), steps)
    except KeyboardInterrupt:
        console.print("stopped; nothing was written", style="dim")
        return 130
    out.parent.mkdir(parents=True, exist_ok=True)
    save(network, out)
    f1 = unit_f1(network, *examples(kept, 1500, seed + 2))
    console.print(f"{out}: loss {loss:.4f}; F1 of the units on people and sets held out {f1:.3f}", soft_wrap=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(app(result_action="return_value"))
