"""`python -m engines.meflownet.train`: train MEFlowNet on a folder of face photos, in a given time.

The learning rate falls with the time that is left, so a run is as good as its minutes allow; a run that was stopped
goes on from its last checkpoint. At the end the folder holds the weights, the curve and a table of held-out errors.
"""

import csv
import math
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated
from zipfile import BadZipFile

import numpy as np
import torch
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from engines.meflownet.data import PairConfig, PairMaker, Person, load_people, split_people
from engines.meflownet.data.shapes import ShapeModel
from engines.meflownet.evaluation import bench_like, errors, from_guesses, from_nothing, held_out_table
from engines.meflownet.feed import PairFeed
from engines.meflownet.follower import Follower
from engines.meflownet.learner import Learner
from engines.meflownet.memory import Batch, PairMemory
from engines.meflownet.model import SIZES, MEFlowNet
from engines.meflownet.objectives import Guessed, Pairs

app = App(name="engines.meflownet.train", help_format="plaintext")

_TOLD = 20
"""Steps from one word about the loss to the next: to read it, a GPU must be waited for."""

_UNREADABLE = (RuntimeError, ValueError, LookupError, TypeError, AttributeError, EOFError, pickle.UnpicklingError)
"""What torch raises at a file that is no checkpoint, or one of another network."""


@dataclass(frozen=True)
class TrainConfig:
    """How a run goes.

    Attributes:
        size: of the network, "s" or "b".
        minutes: how long to train in all, resumed runs included.
        batch: pairs a step.
        fresh: how many of them are new, where as many are ready; the others are drawn from the last `memory` pairs.
        memory: how many pairs are kept for that, a megabyte each.
        follow: whether the follower learns, of a network that is trained already.
        rate: the highest learning rate.
        warm_steps: steps over which it rises.
        decay: weight decay.
        average: share of the old weights in their running average, which is what is kept.
        check_minutes: how often the held-out error is measured and a checkpoint written.
        seed: of the weights, the pairs and their order.
    """

    size: str = "s"
    minutes: float = 90.0
    batch: int = 4
    fresh: int = 2
    memory: int = 1500
    follow: bool = False
    rate: float = 1e-3
    warm_steps: int = 200
    decay: float = 1e-4
    average: float = 0.998
    check_minutes: float = 5.0
    seed: int = 0


class Run:
    """One training run and its folder."""

    def __init__(
        self,
        config: TrainConfig,
        people: list[Person],
        shapes: ShapeModel | None,
        folder: Path,
        start: Path | None = None,
    ) -> None:
        """Start a run, or take up the one in the folder.

        Args:
            config: how it goes.
            people: all photos; those of people held out are only tested on.
            shapes: scanned shapes, if any.
            folder: where checkpoint, weights, curve and table are written.
            start: weights to begin from, of another run (weights.pt) or an export (.npz); those of the same name and
                shape are taken.

        Raises:
            ValueError: the config or the people make no run, or the weights or the folder's checkpoint are of another
                network.
        """
        if config.size not in SIZES:
            raise ValueError(f"no size {config.size!r}; there are: {', '.join(SIZES)}")
        if not 1 <= config.fresh <= config.batch:
            raise ValueError(
                f"{config.fresh} fresh pairs in a batch of {config.batch}: expected are 1 to {config.batch}"
            )
        self.config, self.folder = config, folder
        train, held_out = split_people(people)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(config.seed)
        self.net = MEFlowNet(SIZES[config.size]).to(self.device)
        if start is not None:
            _take(self.net, start)
        elif config.follow:
            raise ValueError("a follower learns to follow a trained network: give its weights (--start)")
        learns: nn.Module = self.net
        objective: Callable[[Batch], Tensor] = Pairs(self.net)
        if config.follow:
            learns = follower = Follower(self.net.eval()).to(self.device)
            objective = Guessed(self.net, follower)
        self.learner = Learner(learns, objective, config.rate, config.decay, config.average)
        self.maker = PairMaker(train, PairConfig(), shapes, config.seed)
        checks = PairMaker(held_out, bench_like(2.0), seed=config.seed + 1)
        self.checks = [Batch.of(checks.pair(n), self.device) for n in range(32)]
        self.held_out = held_out
        self.spent_s, self.resumed = 0.0, 0
        checkpoint = folder / "checkpoint.pt"
        if checkpoint.is_file():
            try:
                state = torch.load(checkpoint, map_location=self.device, weights_only=True)
                self.learner.restore(state["learner"])
                self.spent_s, self.resumed = state["spent_s"], self.learner.step
            except _UNREADABLE as error:
                reason = (str(error) or type(error).__name__).splitlines()[0]
                raise ValueError(f"{checkpoint}: not a checkpoint of a run of size {config.size} ({reason})") from None

    def train(self, workers: int, console: Console) -> None:
        """Train until the minutes are spent; Ctrl-C writes a checkpoint and stops."""
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with (
            PairFeed(self.maker, self.learner.step * self.config.fresh, workers) as feed,
            Progress(*columns, console=console) as bar,
        ):
            # Vanishing gradients are denormal numbers, which took a quarter of a step's time. Pairs have none.
            torch.set_flush_denormal(True)
            try:
                self._learn(feed, bar, console)
            finally:
                torch.set_flush_denormal(False)

    def _learn(self, feed: PairFeed, bar: Progress, console: Console) -> None:
        c, learner = self.config, self.learner
        rng = np.random.default_rng([c.seed, learner.step])
        memory = PairMemory(c.memory, self.device)
        started, before, checked = time.monotonic(), self.spent_s, self.spent_s
        task = bar.add_task("training", total=60 * c.minutes)
        bar.update(task, completed=before)
        while self.spent_s < 60 * c.minutes:
            fresh = feed.take(c.fresh, 0 if len(memory) else c.fresh)
            memory.add(fresh)
            learner.advance(memory.batch(c.batch, len(fresh), rng), self._rate())
            self.spent_s = before + time.monotonic() - started
            if learner.step % _TOLD == 0:
                told = f"step {learner.step} · loss {learner.recent:.3f}"
                bar.update(task, completed=self.spent_s, description=told)
            if self.spent_s - checked > 60 * c.check_minutes:
                checked = self.spent_s
                self._check(console)

    def _rate(self) -> float:
        """The learning rate of the next step: it rises first, and falls to nothing with the time that is left."""
        share = min(self.spent_s / (60 * self.config.minutes), 1.0)
        warmth = min(1.0, (self.learner.step - self.resumed + 1) / self.config.warm_steps)
        return self.config.rate * warmth * (0.5 + 0.5 * math.cos(math.pi * share))

    def averaged(self) -> tuple[MEFlowNet, Follower | None]:
        """The network with its averaged weights, ready to measure; and its follower, if that is what learns."""
        if self.config.follow:
            follower = Follower(self.net)
            follower.load_state_dict(self.learner.mean())
            return self.net, follower.to(self.device).eval()
        net = MEFlowNet(SIZES[self.config.size])
        net.load_state_dict(self.learner.mean())
        return net.to(self.device).eval(), None

    def _check(self, console: Console) -> None:
        """Write a checkpoint and a line of the curve."""
        step, recent = self.learner.step, self.learner.recent
        net, follower = self.averaged()
        measure = from_guesses(net, follower, self.config.seed) if follower else from_nothing(net)
        measured = errors(measure, self.checks)
        self.save()
        curve = self.folder / "curve.csv"
        new = not curve.is_file()
        with curve.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["minutes", "step", "loss", "facial_px", "head_px", "expression_px"])
            writer.writerow([f"{self.spent_s / 60:.1f}", step, f"{recent:.4f}", *(f"{e:.4f}" for e in measured)])
        found = ", ".join(f"{n} {e:.3f}" for n, e in zip(("facial", "head", "expression"), measured, strict=True))
        where = f"{self.spent_s / 60:6.1f} min, step {step}"
        console.print(f"{where}: loss {recent:.3f}; held out at σ 2: {found} px", highlight=False)

    def save(self) -> None:
        """Write the checkpoint and the averaged weights."""
        state = {"learner": self.learner.state(), "spent_s": self.spent_s, "config": asdict(self.config)}
        draft = self.folder / "checkpoint.tmp"
        torch.save(state, draft)
        os.replace(draft, self.folder / "checkpoint.pt")
        # Anyone may export them, with a GPU or without.
        mean = {name: weight.cpu() for name, weight in self.learner.mean().items()}
        name = "follower.pt" if self.config.follow else "weights.pt"
        torch.save({"size": self.config.size, "weights": mean, "step": self.learner.step}, self.folder / name)


def _take(net: MEFlowNet, path: Path) -> None:
    """Begin with the weights of a file where they fit."""
    own = net.state_dict()
    try:
        if path.suffix == ".pt":
            known = dict(torch.load(path, map_location="cpu", weights_only=True)["weights"])
        else:
            with np.load(path) as file:
                known = {name: torch.from_numpy(file[name]) for name in file.files}
    except (OSError, BadZipFile, *_UNREADABLE) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path}: not the weights of a network ({reason})") from None
    fitting = {name: value for name, value in known.items() if name in own and value.shape == own[name].shape}
    if not fitting:
        raise ValueError(
            f"{path}: no weights of this network in it; expected is weights.pt of a run or meflownet_SIZE.npz"
        )
    net.load_state_dict(fitting, strict=False)


@app.default
def train(
    photos: Annotated[list[Path], Parameter(help="Folders of face photos; the same file name is the same person.")],
    *,
    out: Annotated[Path, Parameter(help="Folder of the run; one that holds a checkpoint is taken up again.")],
    shapes: Annotated[Path | None, Parameter(help="ICT-FaceKit's arrays (ict_face_light.npz).")] = None,
    start: Annotated[
        Path | None, Parameter(help="Weights to begin from (weights.pt or meflownet_s.npz), where they fit.")
    ] = None,
    workers: Annotated[int, Parameter(help="Processes that make pairs; on a GPU one a core.")] = 1,
    threads: Annotated[int, Parameter(help="Threads of the training itself on a CPU.")] = 2,
    config: Annotated[TrainConfig | None, Parameter(name="*")] = None,
) -> None:
    """Train MEFlowNet; on a GPU if there is one."""
    # Stopped from outside, also in the background, where Ctrl-C is ignored: keep what was learned.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    console = Console()
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = True  # every batch is of the same size
    config = config or TrainConfig()
    out.mkdir(parents=True, exist_ok=True)
    try:
        run = Run(config, load_people(photos), ShapeModel(shapes) if shapes else None, out, start)
    except ValueError as error:
        console.print(f"error: {error}", highlight=False)
        sys.exit(2)
    console.print(
        f"size {config.size} on {run.device}, from step {run.learner.step}, {config.minutes:g} min", highlight=False
    )
    try:
        run.train(workers, console)
    except KeyboardInterrupt:
        run.save()
        console.print(f"stopped at step {run.learner.step}; the same command goes on from there")
        sys.exit(130)
    run.save()
    net, follower = run.averaged()
    table = held_out_table(net, run.held_out, seed=config.seed + 2, follower=follower)
    (out / "held_out.md").write_text(table)
    console.print(table, highlight=False)


if __name__ == "__main__":
    app(sys.argv[1:])
