import json
from pathlib import Path

import pytest

from engines.runtime import choice
from engines.runtime.weights import MANIFEST, Weights
from tests.engines.runtime.folders import write_folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "mellm-live" / "engines.json"


def test_a_choice_is_recalled(cache: Path) -> None:
    assert choice.cache_file() == cache
    assert choice.recall("a") is None
    choice.remember("a", "one")
    choice.remember("b", "two")
    assert (choice.recall("a"), choice.recall("b"), choice.recall("c")) == ("one", "two", None)
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 3}'])
def test_a_damaged_file_is_as_good_as_none(cache: Path, content: str) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text(content)
    assert choice.recall("a") is None
    choice.remember("a", "one")
    assert choice.recall("a") == "one"
    assert json.loads(cache.read_text())["a"] == "one"


def test_where_nothing_can_be_written_nothing_is_remembered(cache: Path) -> None:
    cache.parent.parent.write_text("a file in the way")
    choice.remember("a", "one")
    assert choice.recall("a") is None


def test_other_weights_are_another_choice(tmp_path: Path) -> None:
    first = Weights(write_folder(tmp_path / "first", {"x": b"1"}))
    second = Weights(write_folder(tmp_path / "second", {"x": b"2"}))
    assert choice.machine_key(first) == choice.machine_key(Weights(first.folder))
    assert choice.machine_key(first) != choice.machine_key(second)
    assert (first.folder / MANIFEST).is_file()
