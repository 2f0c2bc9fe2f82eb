"""Language models that are valid and know nothing: llama-architecture GGUF files of random weights."""

from pathlib import Path

import numpy as np
import pytest

from engines.mellm.closing import LABELS, codes

WIDTH, HIDDEN, HEADS = 32, 64, 2
PASS_THROUGH = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
_WORDS = [*codes(), *LABELS, " | ", "0.", "Left", "Right", "Cheek", "moved", "up", "none", ". "]


def write_tiny(
    path: Path, architecture: str = "llama", template: str | None = PASS_THROUGH, prompt: str = "house",
    context: int = 2048, seed: int = 0,
) -> Path:  # fmt: skip
    """Write a model of one layer whose vocabulary is every byte and some words.

    Args:
        path: of the file.
        architecture: its name.
        template: of the chat; None leaves it out.
        prompt: value of `mellm.prompt`; empty leaves it out.
        context: tokens it was "trained" with.
        seed: of the weights.
    """
    gguf = pytest.importorskip("gguf")
    rng = np.random.default_rng(seed)
    tokens = [b"<unk>", b"<s>", b"</s>", *(f"<0x{k:02X}>".encode() for k in range(256))]
    tokens += [bytes([k]) for k in range(33, 127)] + ["▁".encode()]
    tokens += [word.replace(" ", "▁").encode() for word in dict.fromkeys(_WORDS)]
    tokens = list(dict.fromkeys(tokens))
    kinds = [2, 3, 3, *[6] * 256, *[1] * (len(tokens) - 259)]  # unknown, control, byte, normal
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * 259 + [-float(k) for k in range(len(tokens) - 259)])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    if template is not None:
        writer.add_chat_template(template)
    if prompt:
        writer.add_string("mellm.prompt", prompt)
    shapes = {
        "token_embd": (len(tokens), WIDTH), "output": (len(tokens), WIDTH), "blk.0.attn_q": (WIDTH, WIDTH),
        "blk.0.attn_k": (WIDTH, WIDTH), "blk.0.attn_v": (WIDTH, WIDTH), "blk.0.attn_output": (WIDTH, WIDTH),
        "blk.0.ffn_gate": (HIDDEN, WIDTH), "blk.0.ffn_up": (HIDDEN, WIDTH), "blk.0.ffn_down": (WIDTH, HIDDEN),
    }  # fmt: skip
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", rng.normal(0, 0.5, shape).astype(np.float32))
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
