from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("gguf")
pytest.importorskip("llama_cpp")
pytest.importorskip("transformers")

from gguf import GGUFReader

from engines.mellm.closing import MAX_CHARACTERS, grammar, parse_answer
from engines.mellm.gguf import quantiser as module
from engines.mellm.gguf import write_gguf
from engines.mellm.gguf.quantiser import FORMATS, QuantiseError, quantise
from tests.engines.mellm import models


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with rows that are a multiple of 256 long, which is what Q4_K wants."""
    folder = tmp_path_factory.mktemp("model")
    models.save(folder, "llama", hidden_size=256, intermediate_size=256)
    write_gguf(folder, folder / "model.gguf", values={"mellm.prompt": "house"})
    return folder / "model.gguf"


@pytest.mark.parametrize(("kind", "weights"), [("Q8_0", {"Q8_0"}), ("Q4_K_M", {"Q4_K", "Q6_K"})])
def test_a_smaller_model_loads_and_answers(source: Path, tmp_path: Path, kind: str, weights: set[str]) -> None:
    from llama_cpp.llama_grammar import LlamaGrammar

    told: list[tuple[int, int]] = []
    target = tmp_path / "small.gguf"
    quantise(source, target, kind, lambda done, total: told.append((done, total)))
    tensors = GGUFReader(target).tensors
    assert {t.tensor_type.name for t in tensors if len(t.shape) > 1} == weights
    assert told == [(n, len(tensors)) for n in range(1, len(tensors) + 1)]
    assert target.stat().st_size < 0.7 * source.stat().st_size
    with models.opened(target) as llama:
        assert llama.metadata["mellm.prompt"] == "house"
        fixed = LlamaGrammar.from_string(grammar().replace(f"{{1,{MAX_CHARACTERS}}}", "{1,20}"), verbose=False)
        answer = llama("Left Cheek up 90° 1.4 px 1.5%\n=3\n", max_tokens=200, temperature=0, grammar=fixed)
    assert parse_answer(answer["choices"][0]["text"]).narration
    assert [p.name for p in tmp_path.iterdir()] == ["small.gguf"]


def test_rows_that_do_not_fit_are_kept_larger(tmp_path: Path) -> None:
    models.save(tmp_path, "qwen3", "qwen2")
    write_gguf(tmp_path, tmp_path / "model.gguf")
    quantise(tmp_path / "model.gguf", tmp_path / "small.gguf", "Q4_K_M")
    with models.opened(tmp_path / "small.gguf") as llama:
        assert llama("up", max_tokens=3, temperature=0)["choices"][0]["finish_reason"] == "length"


def test_a_model_that_cannot_be_quantised_is_named(source: Path, tmp_path: Path) -> None:
    torn, small = tmp_path / "torn.gguf", tmp_path / "small.gguf"
    torn.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    quantise(source, small, "Q8_0")
    for given, kind, words in (
        (torn, "Q8_0", r"torn\.gguf: cannot be written as Q8_0 \(.*(corrupted|bounds)"),
        (small, "Q4_K_M", "requantizing from type q8_0 is disabled"),
        (source, "Q5_9", "no format 'Q5_9'; there are: Q8_0, Q4_K_M"),
        (tmp_path / "none.gguf", "Q8_0", "no such file"),
        (tmp_path, "Q8_0", "Is a directory"),
    ):
        with pytest.raises(QuantiseError, match=words) as raised:
            quantise(given, tmp_path / "out.gguf", kind)
        assert len(str(raised.value).splitlines()) == 1
    (tmp_path / "text.gguf").write_text("text")
    with pytest.raises(QuantiseError, match="is no GGUF file"):
        quantise(tmp_path / "text.gguf", tmp_path / "out.gguf", "Q8_0")
    with pytest.raises(QuantiseError, match="the model itself"):
        quantise(source, source, "Q8_0")
    with pytest.raises(QuantiseError, match="nowhere: no such folder"):
        quantise(source, tmp_path / "nowhere" / "out.gguf", "Q8_0")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["small.gguf", "text.gguf", "torn.gguf"]


def test_stopping_ends_the_worker_and_leaves_nothing(source: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quantise(source, tmp_path / "small.gguf", "Q8_0", stop)
    assert list(tmp_path.iterdir()) == []


def test_without_llama_cpp_the_command_that_brings_it_is_named(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(QuantiseError, match="make narrator"):
        quantise(source, tmp_path / "small.gguf", next(iter(FORMATS)))
