"""`python -m engines.mellm.train`: train the narrator that ships, from scratch, in a given time.

A small llama-architecture decoder learns MEU-Instruct, made on the fly. The learning rate falls with the time that is
left, so a run is as good as its minutes allow; a run that was stopped goes on from its last checkpoint. At the end the
folder holds the model and its tokenizer as Hugging Face writes them, and the curve; `engines.mellm.export` makes the
GGUF file of them.
"""

import csv
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import torch
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from engines.mellm.instruct.annotations import AnnotationError
from engines.mellm.instruct.instructor import Example, Instructor, open_instructor
from engines.mellm.reader import SHIPPED
from engines.mellm.tokens import train_tokenizer

app = App(name="engines.mellm.train", help_format="plaintext")

_CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class TrainConfig:
    """How a run goes.

    Attributes:
        hidden: width of the model.
        layers: how many.
        heads: of attention.
        inner: width of its feed-forward layers.
        context: longest prompt and answer, tokens.
        minutes: how long to train in all, resumed runs included.
        batch: examples a step.
        pool: batches made at a time, of examples of like length.
        judged: how much more a token counts that says what a movement is and means than one that says what moved.
        rate: the highest learning rate.
        warm_steps: steps over which it rises.
        decay: weight decay.
        average: share of the old weights in their running average, which is what is kept.
        check_minutes: how often the held-out loss is measured and a checkpoint written.
        seed: of the weights, the examples and their order.
    """

    hidden: int = 192
    layers: int = 4
    heads: int = 6
    inner: int = 512
    context: int = 1024
    minutes: float = 60.0
    batch: int = 32
    pool: int = 8
    judged: float = 4.0
    rate: float = 2e-3
    warm_steps: int = 200
    decay: float = 0.01
    average: float = 0.998
    check_minutes: float = 3.0
    seed: int = 0


def make_model(config: TrainConfig, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """The untrained network."""
    torch.manual_seed(config.seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=config.hidden, intermediate_size=config.inner,
            num_hidden_layers=config.layers, num_attention_heads=config.heads, num_key_value_heads=config.heads,
            max_position_embeddings=config.context, tie_word_embeddings=True, bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        )
    )  # fmt: skip


@dataclass(frozen=True)
class Sequence:
    """A prompt and its answer as tokens, and what each counts in the loss: the prompt's nothing."""

    tokens: list[int]
    weights: list[float]


def encode(example: Example, tokenizer: PreTrainedTokenizerFast, judged: float) -> Sequence:
    """An example as tokens."""
    parts = [(example.prompt, 0.0), (example.answer[0], 1.0), (example.answer[1], judged)]
    tokens, weights = [int(tokenizer.bos_token_id)], [0.0]
    for text, weight in parts:
        ids = tokenizer.encode(text, add_special_tokens=False)
        tokens += ids
        weights += [weight] * len(ids)
    return Sequence([*tokens, int(tokenizer.eos_token_id)], [*weights, judged])


def batches(
    examples: Iterator[Example], tokenizer: PreTrainedTokenizerFast, config: TrainConfig
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end: tokens (b, n) and what each counts (b, n)."""
    generator = torch.Generator().manual_seed(config.seed)
    while True:
        pool = [encode(next(examples), tokenizer, config.judged) for _ in range(config.batch * config.pool)]
        pool = [one for one in pool if len(one.tokens) <= config.context]
        pool.sort(key=lambda one: len(one.tokens))
        groups = [pool[k : k + config.batch] for k in range(0, len(pool), config.batch)]
        for index in torch.randperm(len(groups), generator=generator).tolist():
            yield _padded(groups[index], int(tokenizer.pad_token_id))


def _padded(group: list[Sequence], pad: int) -> tuple[Tensor, Tensor]:
    longest = max(len(one.tokens) for one in group)
    tokens = torch.full((len(group), longest), pad)
    weights = torch.zeros(len(group), longest)
    for row, one in enumerate(group):
        tokens[row, : len(one.tokens)] = torch.tensor(one.tokens)
        weights[row, : len(one.weights)] = torch.tensor(one.weights)
    return tokens, weights


def loss_of(model: LlamaForCausalLM, tokens: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean of the tokens' cross entropy. Padding follows what counts, so no mask is needed."""
    counted = weights[:, 1:] > 0
    states = model.model(input_ids=tokens, use_cache=False).last_hidden_state[:, :-1]
    logits = model.lm_head(states[counted]).float()
    each = functional.cross_entropy(logits, tokens[:, 1:][counted], reduction="none")
    return (each * weights[:, 1:][counted]).sum() / weights[:, 1:].sum()


class Run:
    """A training run: where it is and how it goes on."""

    def __init__(
        self, folder: Path, config: TrainConfig, instructor: Instructor, held_out: Instructor,
        start: Path | None = None,
    ) -> None:  # fmt: skip
        """Begin, or take up what the folder holds.

        Args:
            folder: where everything is kept.
            config: settings; those of a run taken up must be the same but for `minutes`.
            instructor: makes what is learned.
            held_out: makes what is measured, of people and sets that are never learned.
            start: folder of a run whose tokenizer and weights are begun with.

        Raises:
            ValueError: the folder holds a run with other settings.
        """
        self.folder, self.config = folder, config
        folder.mkdir(parents=True, exist_ok=True)
        self.tokenizer = self._tokenizer(instructor, start)
        self.model = make_model(config, self.tokenizer)
        if start is not None:
            self.model.load_state_dict(LlamaForCausalLM.from_pretrained(start).state_dict())
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model.to(self.device)
        self.averaged = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=config.rate, betas=(0.9, 0.98), weight_decay=config.decay
        )
        self.step, self.spent_s, self.curve = 0, 0.0, list[dict[str, float]]()
        self._take_up()
        self._batches = batches(instructor.examples(config.seed + 1000 + self.step), self.tokenizer, config)
        measured = batches(held_out.examples(config.seed), self.tokenizer, config)
        self._measured = [next(measured) for _ in range(config.pool)]

    def _tokenizer(self, instructor: Instructor, start: Path | None) -> PreTrainedTokenizerFast:
        if start is not None and not (self.folder / "tokenizer.json").exists():
            PreTrainedTokenizerFast.from_pretrained(start).save_pretrained(self.folder)
        if (self.folder / "tokenizer.json").exists():
            return PreTrainedTokenizerFast.from_pretrained(self.folder)
        examples = instructor.examples(self.config.seed)
        texts = (text for _, e in zip(range(6000), examples, strict=False) for text in (e.prompt, "".join(e.answer)))
        tokenizer = train_tokenizer(texts)
        tokenizer.save_pretrained(self.folder)
        return tokenizer

    def _take_up(self) -> None:
        path = self.folder / _CHECKPOINT
        if not path.exists():
            return
        held = torch.load(path, map_location=self.device, weights_only=True)
        mine, theirs = asdict(self.config), held["config"]
        other = [key for key in mine if key != "minutes" and mine[key] != theirs.get(key)]
        if other:
            raise ValueError(f"{path}: was begun with another {', '.join(other)}; take the same, or another --out")
        self.model.load_state_dict(held["model"])
        self.averaged = held["averaged"]
        self.optimiser.load_state_dict(held["optimiser"])
        self.step, self.spent_s, self.curve = held["step"], held["spent_s"], held["curve"]

    def save(self) -> None:
        """Write the checkpoint, the curve and the averaged model."""
        path = self.folder / _CHECKPOINT
        torch.save(
            {
                "model": self.model.state_dict(), "averaged": self.averaged, "optimiser": self.optimiser.state_dict(),
                "step": self.step, "spent_s": self.spent_s, "curve": self.curve, "config": asdict(self.config),
            },
            path.with_suffix(".part"),
        )  # fmt: skip
        path.with_suffix(".part").replace(path)
        with (self.folder / "curve.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["minutes", "step", "train", "held_out", "right"])
            writer.writeheader()
            writer.writerows(self.curve)
        kept = self.final()
        kept.save_pretrained(self.folder)

    def final(self) -> LlamaForCausalLM:
        """The model with its averaged weights."""
        model = make_model(self.config, self.tokenizer)
        model.load_state_dict(self.averaged)
        return model.eval()

    def train(self, progress: Progress) -> None:
        """Go on until the minutes are spent."""
        c = self.config
        bar = progress.add_task("", total=60 * c.minutes, completed=int(self.spent_s))
        began, before_s = time.monotonic(), self.spent_s
        checked, losses = self.spent_s, list[float]()
        self.model.train()
        while self.spent_s < 60 * c.minutes:
            losses.append(self._learn())
            self.spent_s = before_s + time.monotonic() - began
            if self.step % 20 == 0:
                progress.update(bar, completed=self.spent_s, description=f"step {self.step}  {losses[-1]:.3f}")
            if self.spent_s - checked > 60 * c.check_minutes or self.spent_s >= 60 * c.minutes:
                checked = self.spent_s
                self._check(sum(losses) / len(losses), progress)
                losses = []
                self.spent_s = before_s + time.monotonic() - began

    def _learn(self) -> float:
        c = self.config
        share = min(self.spent_s / (60 * c.minutes), 1.0)
        rate = c.rate * min((self.step + 1) / c.warm_steps, 1.0) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        tokens, weights = (part.to(self.device) for part in next(self._batches))
        loss = loss_of(self.model, tokens, weights)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        keep = min(c.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                self.averaged[name].lerp_(value, 1 - keep)
        return float(loss.detach())

    def _check(self, train_loss: float, progress: Progress) -> None:
        loss, right = self.measure()
        row = {"minutes": self.spent_s / 60, "step": self.step, "train": train_loss, "held_out": loss, "right": right}
        self.curve.append({key: round(value, 4) for key, value in row.items()})
        self.save()
        progress.console.print(
            f"{self.spent_s / 60:6.1f} min  step {self.step:6d}  train {train_loss:.4f}  held out {loss:.4f}  "
            f"{right:.2%} of its tokens right"
        )

    def measure(self) -> tuple[float, float]:
        """Held-out loss of the averaged model, and the share of tokens it would have chosen itself."""
        model = self.final().to(self.device)
        loss, right, total = 0.0, 0, 0
        with torch.no_grad():
            for batch in self._measured:
                tokens, weights = (part.to(self.device) for part in batch)
                loss += float(loss_of(model, tokens, weights)) / len(self._measured)
                chosen = model(input_ids=tokens, use_cache=False).logits[:, :-1].argmax(dim=-1)
                told = weights[:, 1:] > 0
                right += int(((chosen == tokens[:, 1:]) & told).sum())
                total += int(told.sum())
        return loss, right / max(total, 1)


@app.default
def train(
    acted: Annotated[Path, Parameter(help="Folder of acted pairs: python -m engines.mellm.instruct.acting.")],
    *,
    held_out: Annotated[Path, Parameter(help="Folder of acted pairs made with --held-out.")],
    out: Annotated[Path, Parameter(help="Folder of the run; a run in it is taken up.")],
    statistics: Annotated[
        Path | None, Parameter(help="CSV of annotated action units: aus,emotion,count; the built-in counts without it.")
    ] = None,
    reader: Annotated[Path, Parameter(help="Reader of action units: python -m engines.mellm.learning.")] = SHIPPED,
    start: Annotated[
        Path | None, Parameter(help="Folder of a finished run to begin with, its tokenizer and its weights.")
    ] = None,
    rate: Annotated[float, Parameter(help="The highest learning rate.")] = TrainConfig.rate,
    minutes: Annotated[float, Parameter(help="How long to train in all.")] = 60.0,
    threads: Annotated[int, Parameter(help="Of torch.")] = 2,
    seed: Annotated[int, Parameter(help="Of the weights and the examples.")] = 0,
) -> int:
    """Train the narrator from scratch on MEU-Instruct; Ctrl-C stops, the same command goes on."""
    console = Console()
    torch.set_num_threads(threads)
    try:
        learned, kept = (open_instructor(folder, statistics, reader=reader) for folder in (acted, held_out))
        run = Run(out, TrainConfig(minutes=minutes, seed=seed, rate=rate), learned, kept, start)
    except (ValueError, AnnotationError) as error:
        console.print(f"error: {error}", style="red", soft_wrap=True)
        return 2
    size = sum(p.numel() for p in run.model.parameters())
    console.print(f"{size / 1e6:.2f} million weights, {len(run.tokenizer)} tokens, on {run.device}")
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console) as progress:
            run.train(progress)
    except KeyboardInterrupt:
        console.print(f"stopped at step {run.step}; the same command goes on from the last checkpoint", style="dim")
        return 130
    return 0


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    raise SystemExit(app(result_action="return_value"))
