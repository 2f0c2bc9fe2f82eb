"""A fine-tuned model's card."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engines.mellm.scores import Scores
from engines.mellm.tuning import TuneConfig


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        base: the model that learnt.
        data: name of the file of conversations.
        learnt: how many conversations were learnt from.
        held_out: how many were only tested on.
        left_out: how many were too long.
        steps: how many were made.
        loss: a token of the held-out answers, nats.
        scores: of the answers to held-out prompts; None if their own closing lines cannot be read.
    """

    base: str
    data: str
    learnt: int
    held_out: int
    left_out: int
    steps: int
    loss: float
    scores: Scores | None


def card(name: str, outcome: Outcome, config: TuneConfig, files: Sequence[Path]) -> str:
    """The model's card, Markdown; of the files the first is in f16, the second, if there is one, the one to use."""
    o, c = outcome, config
    listed = "\n".join(f"| `{f.name}` | {size(f.stat().st_size)} |" for f in files)
    return f"""# {name}

{o.base}, fine-tuned to say in words what a face did, from measured movements of its regions. The base model's licence
applies.

## Use

```
mellm live 0 --narrator gguf:{files[:2][-1].name}
```

| file | |
|---|---|
{listed}
| `merged/` | the same for transformers or vLLM |

Thinking is off: the model learnt without it, and its chat template keeps it off.

## Learnt from

`{o.data}`: {o.learnt} conversations, {o.held_out} more held out, {o.left_out} left out as longer than {c.longest}
tokens. {o.steps} steps of {c.batch * c.accumulate} conversations; LoRA of rank {c.rank} (alpha {c.alpha}, dropout
{c.dropout:g}) on all projections of attention and MLP; AdamW, learning rate {c.rate:g} falling along a cosine, seed
{c.seed}; loss on the answers' tokens only.

## Held out

Loss {o.loss:.3f} nats a token of the answers.

{_scored(o.scores)}

What a face shows is not what a person feels: the class says what annotators called such movements, no more.
"""


def size(count: float) -> str:
    """Bytes in words, e.g. "8.0 GB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


def _scored(scores: Scores | None) -> str:
    if scores is None:
        return "Answers were not scored: none was asked for, or the data's own close with no facts that can be read."
    return f"""| answers to {scores.answers} held-out prompts | |
|---|---|
| closing line can be read | {scores.closed:.0%} |
| action units, F1 | {scores.unit_f1:.3f} |
| class, UF1 | {scores.uf1:.3f} |
| class, UAR | {scores.uar:.3f} |

These compare with the closing lines of the data's own answers, without a grammar that would enforce the form."""
