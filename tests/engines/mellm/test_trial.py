from pathlib import Path

import pytest

from engines.mellm.answer import ModelError
from engines.mellm.trial import survive
from tests.engines.mellm.tiny_gguf import write_tiny

pytest.importorskip("llama_cpp")


def test_a_model_over_which_llama_cpp_dies_is_refused(tmp_path: Path) -> None:
    """The same word twice in a vocabulary ends the process that loads it."""
    path = write_tiny(tmp_path / "twice.gguf")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"<0x10>", b"<0x11>", 1))
    with pytest.raises(ModelError, match=r"twice\.gguf: llama\.cpp dies of it \(signal \d+\); the file is damaged"):
        survive(path)


def test_good_models_and_ordinary_failures_pass(tmp_path: Path) -> None:
    survive(write_tiny(tmp_path / "good.gguf"))
    survive(write_tiny(tmp_path / "other.gguf", architecture="abacus"))
    survive(tmp_path / "none.gguf")
