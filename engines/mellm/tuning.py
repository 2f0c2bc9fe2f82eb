"""A causal language model that learns conversations by LoRA: small matrices beside every projection, the rest is kept.

LoRA is of arXiv 2106.09685; the small matrices are merged into the weights at the end.
"""

import hashlib
import math
import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor, nn
from torch.nn import functional

from engines.mellm.conversations import IGNORED, Tokens, collate

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""What LoRA is put beside: everything of attention and MLP."""

CHECKPOINT = "checkpoint.pt"

_UNREADABLE = (RuntimeError, ValueError, LookupError, TypeError, AttributeError, EOFError, pickle.UnpicklingError)
"""What torch raises at a file that is no checkpoint, or one of another model."""


@dataclass(frozen=True)
class TuneConfig:
    """How a run goes.

    Attributes:
        epochs: how often every conversation is learnt from.
        steps: how many steps instead, if not 0.
        batch: conversations that are in memory at once.
        accumulate: batches a step.
        rate: the highest learning rate; it falls along a cosine.
        warm_share: share of the steps over which it rises.
        rank: of the small matrices.
        alpha: their weight is alpha / rank.
        dropout: share of what goes into them that is left out while learning.
        decay: weight decay.
        longest: most tokens of a conversation; longer ones are left out.
        held_out: share of the conversations that is only tested on.
        check_steps: how often a checkpoint is written.
        seed: of the small matrices and the order.
    """

    epochs: float = 2.0
    steps: int = 0
    batch: int = 4
    accumulate: int = 4
    rate: float = 2e-4
    warm_share: float = 0.03
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    decay: float = 0.0
    longest: int = 2048
    held_out: float = 0.05
    check_steps: int = 50
    seed: int = 0

    def check(self) -> None:
        """Raise ValueError at a value that makes no run."""
        least = {"epochs": 0.0, "steps": 0, "batch": 1, "accumulate": 1, "rank": 1, "alpha": 1, "longest": 2,
                 "check_steps": 1, "rate": 0.0, "decay": 0.0}  # fmt: skip
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ValueError(f"{name} is {getattr(self, name)}; expected is {value} or more")
        for name in ("warm_share", "dropout", "held_out"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected is 0 or more, and less than 1")


class Tuning:
    """One run and its folder."""

    def __init__(self, config: TuneConfig, model: Any, data: Sequence[Tokens], padding: int, folder: Path) -> None:
        """Put LoRA into a model, or take up the run in the folder.

        Args:
            config: how it goes.
            model: a Hugging Face causal model, on the device where it is to learn.
            data: conversations to learn from, none longer than `config.longest`.
            padding: number of a token to fill up with.
            folder: where the checkpoint is.

        Raises:
            ValueError: the config makes no run, nothing to learn from, no projection in the model, or the folder's
                checkpoint is of another run.
        """
        config.check()
        if not data:
            raise ValueError(f"no conversation of {config.longest} tokens or fewer to learn from")
        self.config, self.folder, self.device = config, folder, model.device
        self._data, self._padding = data, padding
        self.steps = config.steps or max(1, math.ceil(config.epochs * len(data) / (config.batch * config.accumulate)))
        model.config.use_cache = False
        if self.device.type == "cuda":
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            model.enable_input_require_grads()
        torch.manual_seed(config.seed)
        found = {name.rpartition(".")[2] for name, _ in model.named_modules()}
        if not found.intersection(PROJECTIONS):
            raise ValueError(f"no projection to adapt in {type(model).__name__}; expected are {', '.join(PROJECTIONS)}")
        lora = LoraConfig(
            r=config.rank, lora_alpha=config.alpha, lora_dropout=config.dropout, task_type="CAUSAL_LM",
            target_modules=[name for name in PROJECTIONS if name in found],
        )  # fmt: skip
        self.model = get_peft_model(model, lora)
        self._learning = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(self._learning, lr=config.rate, weight_decay=config.decay)
        self.step = 0
        self._run: dict[str, Any] = {"config": asdict(config), "data": _print_of(data), "of": _shape_of(model)}
        if (folder / CHECKPOINT).is_file():
            self._take_up(folder / CHECKPOINT)

    @property
    def parameters(self) -> tuple[int, int]:
        """How many there are, and how many of them learn."""
        learning = sum(p.numel() for p in self._learning)
        return sum(p.numel() for p in self.model.parameters()), learning

    def train(self, told: Callable[[int, float], None], stopping: Callable[[], bool] = lambda: False) -> bool:
        """Learn until the steps are done; returns whether they are.

        Args:
            told: the step that was made and its loss.
            stopping: asked after every batch whether to stop; the step that is under way is then dropped.
        """
        c = self.config
        self.model.train()
        for batches in self._batches():
            # What is dropped out depends on the step alone, so a run that was taken up goes on as it would have.
            torch.manual_seed(c.seed * 1_000_003 + self.step)
            learnt = sum(len(tokens.answer) for batch in batches for tokens in batch)
            self.optimiser.zero_grad(set_to_none=True)
            total = 0.0
            for batch in batches:
                value = self.loss(batch) / learnt
                value.backward()
                total += float(value.detach())
                if stopping():
                    return False
            for group in self.optimiser.param_groups:
                group["lr"] = c.rate * self._warmth(self.step)
            size = nn.utils.clip_grad_norm_(self._learning, 1.0)
            # One step that blows up must not cost the run.
            if bool(torch.isfinite(size)):
                self.optimiser.step()
            self.step += 1
            told(self.step, total)
            if self.step % c.check_steps == 0:
                self.save()
        return True

    def loss(self, batch: Sequence[Tokens]) -> Tensor:
        """The sum over the answers' tokens, in nats."""
        arrays = {name: value.to(self.device) for name, value in collate(batch, self._padding).items()}
        labels = arrays.pop("labels")
        # Scores over a large vocabulary are what takes memory: only those of the answers are computed.
        kept = max(len(tokens.answer) for tokens in batch) + 1
        scores = self.model(**arrays, logits_to_keep=kept).logits[:, :-1].float()
        return functional.cross_entropy(
            scores.reshape(-1, scores.shape[-1]), labels[:, 1 - kept :].reshape(-1), ignore_index=IGNORED,
            reduction="sum",
        )  # fmt: skip

    def mean_loss(self, data: Iterable[Tokens]) -> float:
        """Loss a token of answers that are not learnt from, in nats."""
        self.model.eval()
        total, count = 0.0, 0
        with torch.no_grad():
            for tokens in data:
                total, count = total + float(self.loss([tokens])), count + len(tokens.answer)
        return total / count

    def answer(self, prompt: Sequence[int], end: int, longest: int) -> list[int]:
        """What the model says to a prompt, the likeliest token every time; without the token that ends it."""
        self.model.eval()
        ids = torch.tensor([list(prompt)], device=self.device)
        said: list[int] = self.model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=longest, do_sample=False, use_cache=True,
            temperature=None, top_p=None, top_k=None, eos_token_id=end, pad_token_id=self._padding,
        )[0, ids.shape[1] :].tolist()  # fmt: skip
        return said[:-1] if said[-1:] == [end] else said

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {"run": self._run, "step": self.step, "optimiser": self.optimiser.state_dict(),
                 "lora": get_peft_model_state_dict(self.model)}  # fmt: skip
        draft = self.folder / f"{CHECKPOINT}.part"
        torch.save(state, draft)
        os.replace(draft, self.folder / CHECKPOINT)

    def merged(self) -> Any:
        """The model with what it learnt in its own weights; this run cannot go on after it."""
        model = self.model.merge_and_unload()
        model.config.use_cache = True
        return model

    def _warmth(self, step: int) -> float:
        warm = max(1, round(self.config.warm_share * self.steps))
        if step < warm:
            return (step + 1) / warm
        return 0.5 + 0.5 * math.cos(math.pi * (step - warm) / max(1, self.steps - warm))

    def _batches(self) -> Iterator[list[list[Tokens]]]:
        """What every step from this one on learns from: each conversation once before any a second time."""
        c, count = self.config, len(self._data)
        order: dict[int, Any] = {}
        for step in range(self.step, self.steps):
            size = c.batch * c.accumulate
            chosen = []
            for place in range(step * size, (step + 1) * size):
                epoch = place // count
                if epoch not in order:
                    order[epoch] = np.random.default_rng([c.seed, epoch]).permutation(count)
                chosen.append(self._data[order[epoch][place % count]])
            order = {epoch: drawn for epoch, drawn in order.items() if epoch >= (step + 1) * size // count}
            yield [chosen[n : n + c.batch] for n in range(0, size, c.batch)]

    def _take_up(self, path: Path) -> None:
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            run, step = state["run"], int(state["step"])
            if run == self._run:
                set_peft_model_state_dict(self.model, state["lora"])
                self.optimiser.load_state_dict(state["optimiser"])
        except _UNREADABLE as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise ValueError(f"{path}: not a checkpoint of this model ({reason}); delete it to begin anew") from None
        other = [name for name in self._run["config"] if run["config"].get(name) != self._run["config"][name]]
        if run != self._run:
            what = f"--{other[0].replace('_', '-')}" if other else "model or data"
            raise ValueError(f"{path}: of a run with another {what}; repeat its command, or choose another --out")
        self.step = step


def _print_of(data: Sequence[Tokens]) -> str:
    return hashlib.sha256(repr([(t.prompt, t.answer) for t in data]).encode()).hexdigest()


def _shape_of(model: Any) -> list[list[int]]:
    return [list(p.shape) for p in model.parameters()]
