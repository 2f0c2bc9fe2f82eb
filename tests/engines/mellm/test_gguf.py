import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("gguf")
pytest.importorskip("llama_cpp")
pytest.importorskip("transformers")

import torch
from gguf import GGUFReader
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from transformers import AutoTokenizer

from engines.mellm.gguf import GgufError, Value, interleaved, write_gguf
from tests.engines.mellm import models

LONG = {"factor": 4.0, "original_max_position_embeddings": 64}
KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "llama": ("llama", "gpt-2", {}),
    "llama, tied": ("llama", "gpt-2", {"tie_word_embeddings": True}),
    "llama, linear": ("llama", "gpt-2", {"rope_scaling": {"rope_type": "linear", "factor": 4.0}}),
    "llama 3": ("llama", "gpt-2", {"rope_scaling": LONG | {"rope_type": "llama3", "low_freq_factor": 1.0,
                                                           "high_freq_factor": 4.0}}),
    "qwen2": ("qwen2", "qwen2", {"rope_theta": 1e6}),
    "qwen3": ("qwen3", "qwen2", {"rope_theta": 1e6}),
    "qwen3, yarn": ("qwen3", "qwen2", {"max_position_embeddings": 256, "rope_scaling": LONG | {"rope_type": "yarn"}}),
}  # fmt: skip
PROMPT = "Right Outer Eyebrow up 90° 1.4 px 1.5%\nLeft Cheek down-left 230° 0.8 px 0.8%\n=3\n"
TEXTS = (
    "", " ", "  ", "\n", "\n\n", " \n \n  x", "a  b   c    ", "1234 12.5% 1.4 px1.4 px 1.5%1.5%", "° é ü 漢字 🙂🙂",
    "140° 141°140°", "Left Mouth Cornerup-leftup AU12AU1AU13 | | |", "upup-left up-leftupright", "It's we'LL they'Ve",
    "<think>\n\n</think>\n\nhi", "tab\there\r\nthere\r\n\r\n  z", " nbsp \u3000x", "_foo__bar ...!!?? (x)",
    "Right Outer Eyebrow Right  Outer Eyebrow", "<|im_start|>user\nhi<|im_end|>\n", PROMPT, *models.SENTENCES,
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Any]]:
    """Folder and torch model of a kind, with its GGUF file in it; made once."""
    known: dict[str, tuple[Path, Any]] = {}

    def make(name: str) -> tuple[Path, Any]:
        if name not in known:
            kind, pre, changes = KINDS[name]
            folder = tmp_path_factory.mktemp("model")
            known[name] = folder, models.save(folder, kind, pre, PROMPT + "".join(models.SENTENCES), **changes)
            values: dict[str, Value] = {
                "mellm.prompt": "house",
                "mellm.manners": 8,
                "mellm.share": 0.5,
                "mellm.own": True,
            }
            write_gguf(folder, folder / "model.gguf", name="Tiny", license_name="apache-2.0", values=values)
        return known[name]

    return make


@pytest.fixture
def folder(made: Callable[[str], tuple[Path, Any]], tmp_path: Path) -> Path:
    """A folder to break, with no GGUF file in it."""
    copy = Path(shutil.copytree(made("llama")[0], tmp_path / "model"))
    (copy / "model.gguf").unlink()
    return copy


@pytest.mark.parametrize("name", KINDS)
def test_llama_cpp_goes_on_with_the_tokens_torch_does(made: Callable[[str], tuple[Path, Any]], name: str) -> None:
    path, model = made(name)
    ids = AutoTokenizer.from_pretrained(path)(PROMPT, add_special_tokens=False).input_ids
    wanted = list(ids)
    with torch.no_grad():
        while len(wanted) < len(ids) + 60:
            wanted.append(int(model(torch.tensor([wanted])).logits[0, -1].argmax()))
        logits = model(torch.tensor([wanted])).logits[0].numpy()
    with models.opened(path / "model.gguf", logits_all=True) as llama:
        llama.eval(wanted)
        given = np.array(llama.scores[: len(wanted)])
        llama.reset()
        went = []
        for token in llama.generate(ids, top_k=1, temp=0.0, repeat_penalty=1.0):
            went.append(token)
            if len(went) == 60:
                break
    # What goes into a product is rounded to f16 in llama.cpp; the model knows the text by heart and is sure of it.
    best = np.sort(logits[len(ids) - 1 : -1])
    assert (best[:, -1] - best[:, -2]).min() > 20 * (given - logits).std()
    assert (given - logits).std() < 0.01 * logits.std()
    assert went == wanted[len(ids) :]


@pytest.mark.parametrize("name", ["llama", "qwen3"])
def test_llama_cpp_reads_a_text_as_the_tokenizer_does(made: Callable[[str], tuple[Path, Any]], name: str) -> None:
    path, _ = made(name)
    tokenizer = AutoTokenizer.from_pretrained(path)
    with models.opened(path / "model.gguf") as llama:
        for text in (*TEXTS, "".join(TEXTS)):
            ids = tokenizer(text, add_special_tokens=False).input_ids
            assert llama.tokenize(text.encode(), add_bos=False, special=True) == ids, text
            assert llama.detokenize(ids, special=True).decode() == text


def test_the_file_says_what_it_is(made: Callable[[str], tuple[Path, Any]]) -> None:
    path, model = made("llama")
    with models.opened(path / "model.gguf") as llama:
        said = llama.metadata
        assert (llama.token_eos(), llama.n_vocab()) == (model.config.eos_token_id, 448)
    assert {k.split(".")[1]: v for k, v in said.items() if k.startswith("mellm.")} == {
        "prompt": "house", "manners": "8", "share": "0.500000", "own": "true",
    }  # fmt: skip
    assert (said["general.name"], said["general.license"]) == ("Tiny", "apache-2.0")
    assert said["tokenizer.chat_template"] == models.CHATML
    types = {t.name: t.tensor_type.name for t in GGUFReader(path / "model.gguf").tensors}
    assert {kind for name, kind in types.items() if "norm" in name} == {"F32"}
    assert {kind for name, kind in types.items() if "norm" not in name} == {"F16"}
    assert "output.weight" in types
    tied, _ = made("llama, tied")
    assert "output.weight" not in {t.name for t in GGUFReader(tied / "model.gguf").tensors}


def test_numbers_that_no_token_has_are_unused(made: Callable[[str], tuple[Path, Any]]) -> None:
    path, _ = made("llama")
    with models.opened(path / "model.gguf") as llama:
        assert llama.detokenize([447], special=True) == b""
        assert llama.tokenize(b"[PAD447]", add_bos=False, special=True) != [447]


def test_shards_make_the_same_file(made: Callable[[str], tuple[Path, Any]], folder: Path, tmp_path: Path) -> None:
    whole, model = made("llama")
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="100KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    write_gguf(folder, tmp_path / "sharded.gguf", name="Tiny")
    ours, theirs = (GGUFReader(p).tensors for p in (tmp_path / "sharded.gguf", whole / "model.gguf"))
    assert [t.name for t in ours] == [t.name for t in theirs]
    assert all(np.array_equal(a.data, b.data) for a, b in zip(ours, theirs, strict=True))


def test_weights_of_other_precisions_are_rounded_to_f16(folder: Path) -> None:
    for kind in (torch.bfloat16, torch.float32):
        model = models.model("llama", initializer_range=0.3).to(kind)
        model.save_pretrained(folder)
        write_gguf(folder, folder / "model.gguf")
        written = {t.name: t.data for t in GGUFReader(folder / "model.gguf").tensors}
        given = model.model.layers[1].mlp.up_proj.weight.detach().half().numpy()
        assert np.array_equal(written["blk.1.ffn_up.weight"], given)


def test_a_tokenizer_that_begins_a_text_says_so(folder: Path) -> None:
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    number = next(t["id"] for t in content["added_tokens"] if t["content"] == "<|im_start|>")
    content["post_processor"] = {
        "type": "TemplateProcessing", "pair": [{"Sequence": {"id": "A", "type_id": 0}}],
        "single": [{"SpecialToken": {"id": "<|im_start|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "special_tokens": {"<|im_start|>": {"id": "<|im_start|>", "ids": [number], "tokens": ["<|im_start|>"]}},
    }  # fmt: skip
    path.write_text(json.dumps(content))
    edit(folder / "tokenizer_config.json", bos_token="<|im_start|>")
    write_gguf(folder, folder / "model.gguf")
    with models.opened(folder / "model.gguf") as llama:
        assert llama.tokenize(b"up", add_bos=True, special=True)[0] == number == llama.token_bos()
        assert llama.metadata["tokenizer.ggml.add_bos_token"] == "true"


def test_progress_ends_at_the_whole(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    write_gguf(folder, folder / "model.gguf", progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == told[-1][1] < (folder / "model.gguf").stat().st_size


def test_interleaving_pairs_each_row_with_its_half() -> None:
    rows = np.arange(8, dtype=np.float32)[:, None] * np.ones(3, np.float32)
    assert interleaved(rows, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    assert interleaved(rows, 1)[:, 0].tolist() == [0, 4, 1, 5, 2, 6, 3, 7]


def edit(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file; None takes one out."""
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def weights(folder: Path, **changes: Any) -> None:
    """Change tensors of the weights; None takes one out."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    content = load_file(path) | {name.replace("__", "."): tensor for name, tensor in changes.items()}
    save_file({name: tensor for name, tensor in content.items() if tensor is not None}, path)


def rebuilt(folder: Path, change: Callable[[Tokenizer], object]) -> None:
    """Change the tokenizer."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    change(tokenizer)
    tokenizer.save(str(folder / "tokenizer.json"))


def _split(pattern: str) -> Callable[[Tokenizer], object]:
    steps = [pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    return lambda t: setattr(t, "pre_tokenizer", pre_tokenizers.Sequence(steps))


def _token(**changes: Any) -> Callable[[Path], None]:
    """Change the last added token."""

    def change(folder: Path) -> None:
        added = json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
        edit(folder / "tokenizer.json", added_tokens=[*added[:-1], added[-1] | changes])

    return change


def _lone_index(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"model.norm.weight": "part.safetensors"}}')


def _endless(folder: Path) -> None:
    edit(folder / CONFIG, eos_token_id=None)
    edit(folder / SETTINGS, eos_token=None)


CONFIG, TOKENIZER, SETTINGS = "config.json", "tokenizer.json", "tokenizer_config.json"
BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda f: (f / CONFIG).unlink(), r"config\.json: missing; expected is a folder"),
    "torn config": (lambda f: (f / CONFIG).write_text("{"), r"config\.json: not readable as JSON"),
    "a list": (lambda f: (f / CONFIG).write_text("[]"), "expected is a JSON object"),
    "architecture": (lambda f: edit(f / CONFIG, architectures=["GPT2LMHeadModel"]), "GPT2LMHeadModel; known are: L"),
    "no architecture": (lambda f: edit(f / CONFIG, architectures=None), "architecture None"),
    "no size": (lambda f: edit(f / CONFIG, hidden_size=None), "hidden_size is missing"),
    "odd size": (lambda f: edit(f / CONFIG, hidden_size="big"), "not the configuration of a model"),
    "activation": (lambda f: edit(f / CONFIG, hidden_act="gelu"), "hidden_act = 'gelu' cannot be exported"),
    "rope": (lambda f: edit(f / CONFIG, rope_scaling={"rope_type": "longrope"}), "rope scaling .*longrope"),
    "half a rope": (lambda f: edit(f / CONFIG, rope_scaling={"type": "yarn", "factor": 2}), "yarn without orig"),
    "no vocab": (lambda f: edit(f / CONFIG, vocab_size=None), "vocab_size is missing"),
    "small vocab": (lambda f: edit(f / CONFIG, vocab_size=300), r"tokens, but the model has only 300"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "neither model.safetensors nor"),
    "torn weights": (lambda f: (f / "model.safetensors").write_bytes(b"torn off"), "not readable as safetensors"),
    "no shard": (_lone_index, r"part\.safetensors: not readable"),
    "no tensor": (lambda f: weights(f, model__norm__weight=None), "no tensor model.norm.weight"),
    "shape": (lambda f: weights(f, model__norm__weight=torch.ones(3)), r"model.norm.weight is \(3,\), and .* \(64,\)"),
    "a stranger": (lambda f: weights(f, model__other=torch.ones(3)), "model.other is no tensor of this architecture"),
    "too large": (lambda f: weights(f, lm_head__weight=torch.full((448, 64), 1e5)), "lm_head.weight: holds numbers"),
    "not a number": (lambda f: weights(f, model__norm__weight=torch.full((64,), torch.nan)), "norm.weight: holds"),
    "no tokenizer": (lambda f: (f / TOKENIZER).unlink(), r"tokenizer\.json: missing"),
    "no settings": (lambda f: (f / SETTINGS).unlink(), r"tokenizer_config\.json: missing"),
    "another kind": (lambda f: edit(f / TOKENIZER, model={"type": "Unigram", "vocab": []}), "Unigram; only byte-lev"),
    "a tokenizer in part": (lambda f: edit(f / TOKENIZER, model={"type": "BPE"}), "model.vocab and model.merges"),
    "normalizer": (lambda f: rebuilt(f, lambda t: setattr(t, "normalizer", normalizers.Lowercase())), "type Lowercase"),
    "pattern": (lambda f: rebuilt(f, _split(r"\d|\D+")), r"this pre-tokenizer cannot be exported.*\\\\d"),
    "prefix": (lambda f: rebuilt(f, lambda t: setattr(t, "pre_tokenizer", pre_tokenizers.ByteLevel(True))),
               "cannot be exported"),
    "strip": (_token(lstrip=True), "'</think>' has lstrip, which GGUF cannot say"),
    "a byte's name": (_token(content="°", id=110), "'°' has the number of the byte-level token"),
    "twice": (_token(content="up"), "two tokens have the same text"),
    "no eos": (_endless, "no eos_token"),
    "eos unknown": (lambda f: edit(f / SETTINGS, eos_token="<end>"), "the eos token '<end>' is not in the vocabulary"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_folder_that_makes_no_file_is_named_and_nothing_is_left(folder: Path, name: str) -> None:
    breaks, words = BROKEN[name]
    breaks(folder)
    (folder / "out").mkdir()
    target = folder / "out" / "model.gguf"
    target.write_bytes(b"the old one")
    with pytest.raises(GgufError, match=words) as raised:
        write_gguf(folder, target)
    assert len(str(raised.value).splitlines()) == 1
    assert [p.read_bytes() for p in target.parent.iterdir()] == [b"the old one"]


def test_folders_that_are_not_there_are_named(folder: Path) -> None:
    with pytest.raises(GgufError, match="nowhere: no such folder"):
        write_gguf(folder / "nowhere", folder / "model.gguf")
    with pytest.raises(GgufError, match="nowhere: no such folder"):
        write_gguf(folder, folder / "nowhere" / "model.gguf")


def test_a_model_that_the_user_stops_leaves_nothing(folder: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    before = sorted(folder.iterdir())
    with pytest.raises(KeyboardInterrupt):
        write_gguf(folder, folder / "model.gguf", progress=stop)
    assert sorted(folder.iterdir()) == before
