"""A Hugging Face model as one GGUF file, which llama.cpp runs.

Written are the weights in f16 and the norms in f32, the tokenizer, and what the model is; after the GGUF specification
(github.com/ggml-org/ggml, docs/gguf.md). Models of the Llama, Qwen2 and Qwen3 architectures are known.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import MODEL_ARCH as ARCH
from gguf import GGUFWriter, LlamaFileType, RopeScalingType, get_tensor_name_map
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from engines.mellm.quantise import FORMATS, QuantiseError, quantise
from engines.mellm.vocabulary import GgufError, Vocabulary, read_json, read_vocabulary

__all__ = ["ARCHITECTURES", "FORMATS", "GgufError", "QuantiseError", "check_exportable", "quantise", "write_gguf"]

ARCHITECTURES = {"LlamaForCausalLM": ("llama", ARCH.LLAMA), "Qwen2ForCausalLM": ("qwen2", ARCH.QWEN2),
                 "Qwen3ForCausalLM": ("qwen3", ARCH.QWEN3)}  # fmt: skip
"""What config.json calls an architecture, and what GGUF does."""

SCALING = {"default": (), "linear": ("factor",), "yarn": ("factor", "original_max_position_embeddings"),
           "llama3": ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")}  # fmt: skip
"""Kinds of rope scaling that can be written, and what each must say."""

Value = str | bool | int | float


@dataclass(frozen=True)
class _Model:
    """What config.json says of a model."""

    named: str
    vocab: int
    hidden: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    context: int
    eps: float
    theta: float
    rope: Mapping[str, Any]
    tied: bool

    @property
    def arch(self) -> str:
        """GGUF's name of the architecture."""
        return ARCHITECTURES[self.named][0]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor by its name in the folder, and the shape it must have."""
        queries, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (self.vocab, self.hidden)}
        for n in range(self.layers):
            layer, attention = f"model.layers.{n}", f"model.layers.{n}.self_attn"
            shapes |= {
                f"{layer}.input_layernorm.weight": (self.hidden,),
                f"{attention}.q_proj.weight": (queries, self.hidden),
                f"{attention}.k_proj.weight": (keys, self.hidden),
                f"{attention}.v_proj.weight": (keys, self.hidden),
                f"{attention}.o_proj.weight": (self.hidden, queries),
                f"{layer}.post_attention_layernorm.weight": (self.hidden,),
                f"{layer}.mlp.gate_proj.weight": (self.inner, self.hidden),
                f"{layer}.mlp.up_proj.weight": (self.inner, self.hidden),
                f"{layer}.mlp.down_proj.weight": (self.hidden, self.inner),
            }
            if self.arch == "qwen2":
                shapes |= {f"{attention}.{p}_proj.bias": (queries if p == "q" else keys,) for p in "qkv"}
            if self.arch == "qwen3":
                shapes |= {f"{attention}.{p}_norm.weight": (self.head_dim,) for p in "qk"}
        shapes["model.norm.weight"] = (self.hidden,)
        if not self.tied:
            shapes["lm_head.weight"] = (self.vocab, self.hidden)
        return shapes


def write_gguf(
    folder: Path,
    target: Path,
    *,
    name: str = "",
    license_name: str = "",
    values: Mapping[str, Value] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a model folder as one GGUF file, whole or not at all.

    Args:
        folder: config.json, model.safetensors (or its shards and their index), tokenizer.json, tokenizer_config.json
            and a chat template if there is one, as `save_pretrained` writes them.
        target: the file to write; its folder must be there.
        name: of the model; without it the folder's.
        license_name: SPDX identifier, e.g. "apache-2.0".
        values: further keys, e.g. {"mellm.prompt": "house"}.
        progress: told the bytes that are written, and how many there are.

    Raises:
        GgufError: the folder holds no model of a known architecture, or something of it is missing or broken.
    """
    model, vocabulary = _read(folder)
    if not target.parent.is_dir():
        raise GgufError(f"{target.parent}: no such folder")
    names = get_tensor_name_map(ARCHITECTURES[model.named][1], model.layers)
    shapes = model.shapes()
    writer = GGUFWriter(None, model.arch)
    _describe(writer, model, name or folder.resolve().name, license_name)
    _add_vocabulary(writer, vocabulary)
    for key, value in (values or {}).items():
        # A bool is an int as well, so it comes first.
        add = next(a for t, a in ((bool, writer.add_bool), (int, writer.add_int64), (float, writer.add_float64),
                                  (str, writer.add_string)) if isinstance(value, t))  # fmt: skip
        add(key, value)
    draft = target.with_name(f".{target.name}.part")
    try:
        with ExitStack() as stack:
            files = _open_weights(folder, stack, shapes)
            factors = _rope_factors(model)
            if factors is not None:
                writer.add_tensor_info("rope_freqs.weight", factors.shape, factors.dtype, factors.nbytes)
            sizes = {key: 2 * int(np.prod(s)) if len(s) > 1 else 4 * s[0] for key, s in shapes.items()}
            for key, shape in shapes.items():
                kind = np.dtype(np.float16 if len(shape) > 1 else np.float32)
                named = names.get_name(key, try_suffixes=(".weight", ".bias"))
                writer.add_tensor_info(named, shape, kind, sizes[key])
            writer.write_header_to_file(draft)
            writer.write_kv_data_to_file()
            writer.write_ti_data_to_file()
            if factors is not None:
                writer.write_tensor_data(factors)
            done, total = 0, sum(sizes.values())
            for key, array in _arrays(files, model, shapes):
                writer.write_tensor_data(array)
                done += sizes[key]
                if progress is not None:
                    progress(done, total)
        writer.close()
        os.replace(draft, target)
    finally:
        writer.close()
        draft.unlink(missing_ok=True)


def check_exportable(folder: Path) -> None:
    """Whether a folder's model could be written, by all but its weights.

    Raises:
        GgufError: it could not.
    """
    _read(folder)


def _read(folder: Path) -> tuple[_Model, Vocabulary]:
    if not folder.is_dir():
        raise GgufError(f"{folder}: no such folder")
    path = folder / "config.json"
    config = read_json(path)
    return _model(path, config), read_vocabulary(folder, config)


def _model(path: Path, config: Mapping[str, Any]) -> _Model:
    named = (config.get("architectures") or [None])[0]
    if named not in ARCHITECTURES:
        raise GgufError(f"{path}: architecture {named}; known are: {', '.join(ARCHITECTURES)}")
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    for key, wanted in (("hidden_act", "silu"), ("attention_bias", False), ("mlp_bias", False),
                        ("use_sliding_window", False)):  # fmt: skip
        if config.get(key, wanted) != wanted:
            raise GgufError(f"{path}: {key} = {config[key]!r} cannot be exported; expected is {wanted!r}")
    if kind not in SCALING or (kind == "yarn" and rope.get("attention_factor")):
        raise GgufError(f"{path}: rope scaling {dict(rope)} cannot be exported; known are linear, llama3, plain yarn")
    missing = [key for key in SCALING[kind] if key not in rope]
    if missing:
        raise GgufError(f"{path}: rope scaling {kind} without {missing[0]}")
    try:
        heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
        return _Model(
            named=named, vocab=int(config["vocab_size"]), hidden=hidden,
            inner=int(config["intermediate_size"]), layers=int(config["num_hidden_layers"]), heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head_dim=int(config.get("head_dim") or hidden // heads), context=int(config["max_position_embeddings"]),
            eps=float(config["rms_norm_eps"]), theta=float(config.get("rope_theta") or rope.get("rope_theta") or 1e4),
            rope={**rope, "rope_type": kind}, tied=bool(config.get("tie_word_embeddings", False)),
        )  # fmt: skip
    except KeyError as error:
        raise GgufError(f"{path}: {error.args[0]} is missing") from None
    except (TypeError, ValueError) as error:
        raise GgufError(f"{path}: not the configuration of a model ({error})") from None


def _describe(writer: GGUFWriter, model: _Model, name: str, license_name: str) -> None:
    writer.add_type("model")
    writer.add_name(name)
    writer.add_license(license_name)
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    writer.add_quantization_version(2)
    writer.add_vocab_size(model.vocab)
    writer.add_context_length(model.context)
    writer.add_embedding_length(model.hidden)
    writer.add_block_count(model.layers)
    writer.add_feed_forward_length(model.inner)
    writer.add_head_count(model.heads)
    writer.add_head_count_kv(model.kv_heads)
    writer.add_key_length(model.head_dim)
    writer.add_value_length(model.head_dim)
    writer.add_layer_norm_rms_eps(model.eps)
    writer.add_rope_dimension_count(model.head_dim)
    writer.add_rope_freq_base(model.theta)
    kind = model.rope["rope_type"]
    if kind in ("linear", "yarn"):
        writer.add_rope_scaling_type(RopeScalingType.LINEAR if kind == "linear" else RopeScalingType.YARN)
        writer.add_rope_scaling_factor(float(model.rope["factor"]))
    if kind == "yarn":
        writer.add_rope_scaling_orig_ctx_len(int(model.rope["original_max_position_embeddings"]))


def _add_vocabulary(writer: GGUFWriter, vocabulary: Vocabulary) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types([int(kind) for kind in vocabulary.types])
    writer.add_token_merges(vocabulary.merges)
    special = vocabulary.special
    # Without a number llama.cpp takes token 11 for the first and the last.
    writer.add_bos_token_id(special.get("bos", special["eos"]))
    writer.add_eos_token_id(special["eos"])
    if "pad" in special:
        writer.add_pad_token_id(special["pad"])
    writer.add_add_bos_token(vocabulary.adds["bos"])
    writer.add_add_eos_token(vocabulary.adds["eos"])
    writer.add_chat_template(vocabulary.chat_template)


def _rope_factors(model: _Model) -> NDArray[np.float32] | None:
    """What Llama 3.1's long contexts divide every frequency by (head_dim / 2,), as in its release."""
    if model.rope["rope_type"] != "llama3":
        return None
    rope = model.rope
    factor, low, high = (float(rope[key]) for key in ("factor", "low_freq_factor", "high_freq_factor"))
    waves = 2 * np.pi * model.theta ** (np.arange(0, model.head_dim, 2) / model.head_dim)
    turns = float(rope["original_max_position_embeddings"]) / waves
    kept = np.clip((turns - low) / (high - low), 0, 1)
    return np.asarray(1 / (kept + (1 - kept) / factor), np.float32)


def _open_weights(folder: Path, stack: ExitStack, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Every tensor's open file, checked to be of its shape."""
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    paths = [single] if single.is_file() else [folder / part for part in sorted(set(read_index(index)))]
    found: dict[str, Any] = {}
    for path in paths:
        try:
            file = stack.enter_context(safe_open(path, framework="pt"))
        except (OSError, SafetensorError) as error:
            raise GgufError(f"{path}: not readable as safetensors ({error})") from None
        found |= dict.fromkeys(file.keys(), file)
    for key, shape in shapes.items():
        if key not in found:
            raise GgufError(f"{folder}: no tensor {key} in the weights")
        given = tuple(found[key].get_slice(key).get_shape())
        if given != shape:
            raise GgufError(f"{folder}: {key} is {given}, and config.json says {shape}")
    # A copy of the embedding, and frequencies that old versions kept, are no weights of their own.
    extra = [k for k in found if k not in shapes and k != "lm_head.weight" and not k.endswith("rotary_emb.inv_freq")]
    if extra:
        raise GgufError(f"{folder}: {extra[0]} is no tensor of this architecture ({len(extra)} such)")
    return found


def read_index(path: Path) -> list[str]:
    """The names of the weight files in an index, one a tensor."""
    if not path.is_file():
        raise GgufError(f"{path.parent}: neither model.safetensors nor {path.name} in it")
    return [str(name) for name in (read_json(path).get("weight_map") or {}).values()]


def _arrays(
    files: Mapping[str, Any], model: _Model, shapes: Mapping[str, tuple[int, ...]]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Every tensor as it is written, one at a time."""
    for key, shape in shapes.items():
        full: NDArray[np.float32] = files[key].get_tensor(key).float().numpy()
        if model.arch == "llama" and ".q_proj." in key:
            full = interleaved(full, model.heads)
        if model.arch == "llama" and ".k_proj." in key:
            full = interleaved(full, model.kv_heads)
        # No number is smaller or equal when one of them is none.
        if not max(full.max(), -full.min()) <= np.finfo(np.float16 if len(shape) > 1 else np.float32).max:
            raise GgufError(f"{key}: holds numbers that f16 cannot, so the model cannot be exported")
        yield key, full.astype(np.float16) if len(shape) > 1 else full


def interleaved(rows: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """A query or key projection (heads · head_dim, …) with the two halves of every head's rows interleaved.

    Rotary embedding turns pairs: row i with row i + head_dim / 2 in the folder, neighbours in llama.cpp's Llama.
    """
    halves = rows.reshape(heads, 2, -1, *rows.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(rows.shape)
