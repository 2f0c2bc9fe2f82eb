import dataclasses
from itertools import pairwise
from pathlib import Path

from realtime.config import Config, load_config
from tests.conftest import Command


def test_what_is_printed_is_a_file_of_the_defaults_with_a_word_on_each(tmp_path: Path, mellm: Command) -> None:
    status, out, _ = mellm("settings")
    assert status == 0
    file = tmp_path / "mine.toml"
    file.write_text(out, encoding="utf-8")
    assert load_config(file) == Config()
    lines = out.splitlines()
    for part in dataclasses.fields(Config()):
        assert f"[{part.name}]" in lines
        for setting in dataclasses.fields(getattr(Config(), part.name)):
            assert f"{setting.name} = " in out
    unexplained = [line for before, line in pairwise(lines) if line[:1].isalpha() and before[:1] != "#"]
    assert unexplained == ["largest_iod = 0.04"]  # told together with the smallest
