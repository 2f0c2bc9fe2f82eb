"""The small model's tokenizer: bytes and their merges, and one token each for what a measurement is made of.

Region names, directions, degrees, lengths, shares and action unit codes are single tokens, so that a line of the prompt
is six tokens and a number is read and copied whole. The rest is byte-level BPE with GPT-2's way of splitting words
(Radford et al. 2019), which llama.cpp knows under the name gpt-2.
"""

from collections.abc import Iterable

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from calib.face import REGION_NAMES
from engines.mellm.closing import codes
from engines.regions import OCTANTS

BEGIN, END, PAD = "<|begin|>", "<|end|>", "<|pad|>"

TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'assistant' %}"
    "{{ message['content'] + eos_token }}{% else %}{{ message['content'] }}{% endif %}{% endfor %}"
)
"""Chat template: the prompt as it is, then the answer."""

_MERGES = 700  # the wording has about 250 words; a word is a token then


def measured_tokens() -> list[str]:
    """What is one token in a measurement. Values carry the space before them."""
    lengths = [f" {tenths / 10:.1f} px" for tenths in range(1, 100)] + [f" {whole} px" for whole in range(10, 61)]
    shares = [f" {tenths / 10:.1f}%" for tenths in range(1, 100)] + [f" {whole}%" for whole in range(10, 31)]
    degrees = [f" {ten}°" for ten in range(0, 360, 10)]
    diagonals = [f" {name}" for name in OCTANTS if "-" in name]
    return [*REGION_NAMES, *diagonals, *degrees, *lengths, *shares, *codes()]


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Learn the merges from texts.

    Args:
        texts: prompts and answers.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + _MERGES, special_tokens=[BEGIN, END, PAD], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    # Merges are learned from what is left between the tokens that exist anyway.
    known = measured_tokens()
    tokenizer.train_from_iterator((_without(text, known) for text in texts), trainer)
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in known])
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BEGIN, eos_token=END, pad_token=PAD, clean_up_tokenization_spaces=False
    )
    wrapped.chat_template = TEMPLATE
    return wrapped


def _without(text: str, known: list[str]) -> str:
    for token in sorted(known, key=len, reverse=True):
        text = text.replace(token, "\n")
    return text
