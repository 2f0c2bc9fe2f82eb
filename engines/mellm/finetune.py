"""`python -m engines.mellm.finetune`: a full-size language model learns to narrate, and becomes a GGUF file."""

import logging
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import transformers
from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn, track

from engines.mellm.card import Outcome, card, size
from engines.mellm.conversations import (
    Conversation,
    Tokens,
    read_conversations,
    split,
    tokenise,
    without_thinking,
)
from engines.mellm.gguf import FORMATS, QuantiseError, Value, check_exportable, quantise, write_gguf
from engines.mellm.scores import Scores, score
from engines.mellm.tuning import TuneConfig, Tuning

app = App(name="engines.mellm.finetune", help_format="plaintext")

_BAR = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())


@contextmanager
def stoppable(console: Console) -> Iterator[Callable[[], bool]]:
    """Whether somebody asked to stop, by Ctrl-C or SIGTERM; who asks twice is not made to wait."""
    asked: list[int] = []

    def ask(number: int, frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        console.print("stopping after this batch …")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def memory(total: int, learning: int, width: int) -> str:
    """What a run needs at least, e.g. "8.0 GB for 4,022.5 million weights and 528 MB for 33.0 million that learn".

    A weight that learns has its value, gradient and two moments in float32, 16 bytes.
    """
    rest = total - learning
    return (f"{size(rest * width)} for {rest / 1e6:,.1f} million weights and {size(16 * learning)} for "
            f"{learning / 1e6:,.1f} million that learn")  # fmt: skip


def load_model(model: str) -> Any:
    """A causal model from a folder or the hub: bf16 on a GPU if there is one, else float32.

    Raises:
        ValueError: there is none.
    """
    cuda = torch.cuda.is_available()
    try:
        loaded = transformers.AutoModelForCausalLM.from_pretrained(
            model, dtype=torch.bfloat16 if cuda else torch.float32
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(f"{model}: not loaded ({_first_line(error)})") from None
    return loaded.to("cuda" if cuda else "cpu")


def prepare(model: str, folder: Path) -> Any:
    """Write configuration and tokenizer to a folder and see whether GGUF can hold them; returns the tokenizer.

    Raises:
        ValueError: they cannot be had, or GGUF cannot hold them.
    """
    try:
        config = transformers.AutoConfig.from_pretrained(model)
        tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    except (OSError, ValueError, ImportError) as error:
        raise ValueError(f"{model}: neither the folder of a model nor one on the hub ({_first_line(error)})") from None
    if not tokenizer.chat_template:
        raise ValueError(f"{model}: has no chat template; take a model made for conversation, e.g. Qwen/Qwen3-4B")
    tokenizer.chat_template = without_thinking(tokenizer.chat_template)
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    check_exportable(folder)
    return tokenizer


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0]


def evaluate(
    tuning: Tuning, held_out: Sequence[tuple[Conversation, Tokens]], tokenizer: Any, answers: int, longest: int,
    console: Console,
) -> tuple[float, Scores | None]:  # fmt: skip
    """Loss of held-out answers, and scores of the model's own to the first `answers` of their prompts."""
    tokens = [tokens for _, tokens in held_out]
    loss = tuning.mean_loss(track(tokens, "held-out loss", console=console, transient=True))
    said = [
        tokenizer.decode(tuning.answer(t.prompt, t.answer[-1], longest), skip_special_tokens=True)
        for t in track(tokens[:answers], "answering held-out prompts", console=console, transient=True)
    ]
    return loss, score(said, [conversation.answer for conversation, _ in held_out[:answers]])


def export(tuning: Tuning, tokenizer: Any, folder: Path, name: str, kinds: Sequence[str], values: dict[str, Value],
           console: Console) -> list[Path]:  # fmt: skip
    """Merge, convert and quantise; returns the GGUF files, the first in f16."""
    merged = tuning.merged()
    merged.save_pretrained(folder / "merged")
    tokenizer.save_pretrained(folder / "merged")
    files = [folder / f"{name}-{kind}.gguf" for kind in ("f16", *kinds)]
    with Progress(*_BAR, console=console) as bar:

        def following(path: Path) -> Callable[[int, int], None]:
            task = bar.add_task(f"writing {path.name}", total=None)
            return lambda done, total: bar.update(task, completed=done, total=total)

        write_gguf(folder / "merged", files[0], name=name, values=values, progress=following(files[0]))
        for kind, path in zip(kinds, files[1:], strict=True):
            quantise(files[0], path, kind, following(path))
    return files


@app.default
def finetune(
    model: Annotated[str, Parameter(help="Folder of a Hugging Face model, or its name on the hub.")],
    data: Annotated[Path, Parameter(help="Conversations, JSON Lines.")],
    *,
    out: Annotated[Path, Parameter(help="Folder of the run; one that holds a checkpoint is taken up again.")],
    quantise: Annotated[
        tuple[str, ...],
        Parameter(
            help=f"Smaller copies to write beside f16: {', '.join(FORMATS)}; repeat it for both.",
            negative="--no-quantise",
            show_default=", ".join,
        ),
    ] = ("Q4_K_M",),
    answers: Annotated[
        int, Parameter(validator=Number(gte=0), help="How many held-out prompts are answered and scored.")
    ] = 50,
    answer_tokens: Annotated[int, Parameter(validator=Number(gte=1), help="Most tokens of such an answer.")] = 256,
    config: Annotated[TuneConfig | None, Parameter(name="*")] = None,
) -> int:
    """Fine-tune a language model (Qwen3, Qwen2, Llama) on MEU-Instruct, merge, convert to GGUF and quantise.

    First make the data, then tune:

      python -m engines.mellm.instruct ACTED --whole --out instruct.jsonl
      python -m engines.mellm.finetune Qwen/Qwen3-4B instruct.jsonl --out qwen3-4b
      python -m engines.mellm.finetune Qwen/Qwen3-8B instruct.jsonl --out qwen3-8b --batch 2 --accumulate 8
      mellm live 0 --narrator gguf:qwen3-4b/Qwen3-4B-mellm-Q4_K_M.gguf

    Memory of the GPU, at rank 16: Qwen3-4B 8.0 GB (4.02 billion weights of 2 bytes) and 0.5 GB (33.0 million that
    learn, of 16 bytes); Qwen3-8B 16.4 GB (8.19 billion) and 0.7 GB (43.6 million). Activations come on top and grow
    with --batch: what is kept of every layer is 0.8 and 1.2 GB for 4 × 1024 tokens. On a CPU weights are float32 and
    take twice as much.

    Disk: merged and f16 are each as large as the weights in bf16; Q8_0 is about half of that, Q4_K_M a third.

    Qwen3's thinking is off in training, and the chat template in the files keeps it off.

    Ctrl-C writes a checkpoint and stops; the same command goes on from there.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    console = Console(soft_wrap=True, highlight=False)
    transformers.utils.logging.set_verbosity_error()
    # It tells of every attempt to reach the hub; what came of them is said once.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    config = config or TuneConfig()
    try:
        unknown = [kind for kind in quantise if kind not in FORMATS]
        if unknown:
            raise ValueError(f"no format {unknown[0]!r} for --quantise; there are: {', '.join(FORMATS)}")
        return _run(model, data, out, quantise, answers, answer_tokens, config, console)
    except (ValueError, QuantiseError) as error:
        console.print(f"error: {error}")
        return 2
    except torch.OutOfMemoryError:
        console.print("error: the GPU's memory does not do; try a smaller --batch (and a larger --accumulate), or a "
                      "smaller --longest")  # fmt: skip
        return 2
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from the last checkpoint")
        return 130


def _run(
    model: str, data: Path, out: Path, kinds: Sequence[str], answers: int, answer_tokens: int, config: TuneConfig,
    console: Console,
) -> int:  # fmt: skip
    config.check()
    kept, held_out = split(read_conversations(data), config.held_out)
    console.print(f"loading {model} …")
    (out / "merged").mkdir(parents=True, exist_ok=True)
    tokenizer = prepare(model, out / "merged")
    learnt: list[Tokens] = []
    asked: list[tuple[Conversation, Tokens]] = []
    for number, conversation in enumerate(track([*kept, *held_out], "reading", console=console, transient=True)):
        tokens = tokenise(conversation, tokenizer)
        if len(tokens) <= config.longest:
            learnt += [tokens] if number < len(kept) else []
            asked += [(conversation, tokens)] if number >= len(kept) else []
    left_out = len(kept) + len(held_out) - len(learnt) - len(asked)
    if not learnt or not asked:
        counts = f"{len(learnt)} to learn from, {len(asked)} held out"
        raise ValueError(f"{data}: too few conversations of {config.longest} tokens or fewer ({counts}); see --longest")
    padding = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    tuning = Tuning(config, load_model(model), learnt, padding, out)
    console.print(
        f"{model} on {tuning.device}: {memory(*tuning.parameters, 2 if tuning.device.type == 'cuda' else 4)}\n"
        f"{len(learnt)} conversations to learn from, {len(asked)} held out, {left_out} left out as "
        f"longer than {config.longest} tokens\nfrom step {tuning.step} to {tuning.steps}, {config.batch} × "
        f"{config.accumulate} conversations a step"
    )
    recent: list[float] = []
    with stoppable(console) as stopping, Progress(*_BAR, console=console) as bar:
        task = bar.add_task("learning", total=tuning.steps, completed=tuning.step)

        def told(step: int, loss: float) -> None:
            recent[:] = [*recent[-19:], loss]
            bar.update(task, completed=step, description=f"step {step} of {tuning.steps} · loss {np.mean(recent):.3f}")

        finished = tuning.train(told, stopping)
    tuning.save()
    if not finished:
        console.print(f"stopped at step {tuning.step} of {tuning.steps}; the same command goes on from there")
        return 130
    loss, scores = evaluate(tuning, asked, tokenizer, answers, answer_tokens, console)
    base = Path(model).resolve().name if Path(model).is_dir() else model
    outcome = Outcome(base, data.name, len(learnt), len(asked), left_out, tuning.step, loss, scores)
    name = f"{base.rpartition('/')[2]}-mellm"
    house = all(re.search(r"\n=\d+\n$", conversation.turns[-1][1]) for conversation in kept)
    files = export(tuning, tokenizer, out, name, kinds, {"mellm.prompt": "house"} if house else {}, console)
    (out / "README.md").write_text(card(name, outcome, config, files), encoding="utf-8")
    said = "answers not scored" if scores is None else (
        f"{scores.closed:.0%} of {scores.answers} answers close with facts, action units F1 {scores.unit_f1:.2f}, "
        f"class UF1 {scores.uf1:.2f}, UAR {scores.uar:.2f}"
    )  # fmt: skip
    console.print(f"held out: loss {loss:.3f}; {said}\nwrote {out}: {', '.join(f.name for f in files)}, README.md")
    console.print(f"mellm live 0 --narrator gguf:{files[:2][-1]}")
    return 0


if __name__ == "__main__":
    raise SystemExit(app(sys.argv[1:], result_action="return_value"))
