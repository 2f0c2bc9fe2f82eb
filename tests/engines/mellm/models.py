"""Tiny models with random weights and a tokenizer trained on a few sentences: no download."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llama_cpp
import pytest
import torch
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from engines.mellm.vocabulary import PATTERNS

SENTENCES = (
    "The left mouth corner moved up and to the left by 2.1 px, 2.2% of the distance between the eyes.",
    "Right Outer Eyebrow up 90° 1.4 px 1.5%\nLeft Cheek down-left 230° 0.8 px 0.8%\n=3\n",
    "Both inner eyebrows were drawn together and lowered; that is AU4, annotated negative.\n\nAU4 | negative | 0.63",
    "It isn't clear whether they've moved; we'll say so. user: assistant: none | none | 0.50",
)
ADDED = ("Left Mouth Corner", "Right Outer Eyebrow", "up-left", "up", "1.4 px", "1.5%", "AU12", "AU1", "140°", " | ")
SPECIAL = ("<|pad|>", "<|im_start|>", "<|im_end|>")
CHATML = (
    "{%- for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor -%}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{% endif -%}"
)
"""A chat template in the manner of Qwen3's: without thinking an answer begins with an empty thought."""


def tokenizer(pre: str = "gpt-2", size: int = 400) -> transformers.PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer that splits like "gpt-2" or "qwen2"."""
    made = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pre == "gpt-2")
    split = [] if pre == "gpt-2" else [pre_tokenizers.Split(Regex(PATTERNS[pre]), "isolated")]
    made.pre_tokenizer = pre_tokenizers.Sequence([*split, level]) if split else level
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        SENTENCES, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    )
    made.add_special_tokens(list(SPECIAL))
    made.add_tokens([AddedToken(text, normalized=False) for text in (*ADDED, "<think>", "</think>")])
    whole = transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<|im_end|>", pad_token="<|pad|>", clean_up_tokenization_spaces=False
    )
    whole.chat_template = CHATML
    return whole


def model(kind: str = "llama", seed: int = 0, learnt: Sequence[int] = (), **changes: Any) -> Any:
    """A model of an architecture, its weights wide apart and representable in f16; it may know some tokens by heart."""
    numbers: dict[str, Any] = {
        "vocab_size": 448, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 512, "initializer_range": 0.2,
        "tie_word_embeddings": kind == "qwen3",
    }  # fmt: skip
    if kind == "qwen3":
        numbers["head_dim"] = 32
    config = getattr(transformers, f"{kind.capitalize()}Config")(**numbers | changes)
    torch.manual_seed(seed)
    made = getattr(transformers, f"{kind.capitalize()}ForCausalLM")(config).eval()
    with torch.no_grad():
        for weight in made.parameters():
            # Norms and biases begin as ones and zeros, which would hide a mistaken order.
            value = weight if weight.dim() > 1 else weight + 0.3 * torch.randn_like(weight)
            weight.copy_(value)
    ids = torch.tensor([list(learnt)])
    optimiser = torch.optim.AdamW(made.parameters(), lr=1e-2)
    for _ in range(60 if learnt else 0):
        optimiser.zero_grad()
        made(ids, labels=ids).loss.backward()
        optimiser.step()
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(weight.half().float())
    return made


def save(folder: Path, kind: str = "llama", pre: str = "gpt-2", learnt: str = "", **changes: Any) -> Any:
    """Write a tiny model and its tokenizer as a folder; returns the model."""
    words = tokenizer(pre)
    if learnt:
        changes["learnt"] = words(learnt, add_special_tokens=False).input_ids
    made = model(kind, **changes)
    made.config.eos_token_id = words.eos_token_id
    made.save_pretrained(folder)
    words.save_pretrained(folder)
    return made


@contextmanager
def opened(path: Path, **settings: Any) -> Iterator[Any]:
    """A GGUF file opened by llama.cpp.

    Without its repacked weights: its AMX code, as some compilers build it, ends the process with a protection fault.
    """
    plain = llama_cpp.llama_model_default_params

    def parameters() -> Any:
        made = plain()
        made.use_extra_bufts = False
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(llama_cpp.llama_cpp, "llama_model_default_params", parameters)
        made = llama_cpp.Llama(str(path), verbose=False, n_threads=1, n_threads_batch=1, **{"n_ctx": 256} | settings)
    try:
        yield made
    finally:
        made.close()
