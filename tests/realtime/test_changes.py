import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.changes import changes, toml
from realtime.config import (
    AlignConfig,
    CaptureConfig,
    Config,
    DashboardConfig,
    FlowConfig,
    NarrateConfig,
    load_config,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def test_what_is_told_is_a_file_that_makes_the_same_settings_again(tmp_path: Path) -> None:
    mine = Config(
        CaptureConfig(fps=25.0, seconds=4.0), AlignConfig(faces=1), FlowConfig(weights='my "run"/it\'s'),
        narrate=NarrateConfig(narrator="template", answer_pattern=r"(?P<words>\w+) \d+ (?P<label>\w+)", late_s=2.0),
    )  # fmt: skip
    file = tmp_path / "mine.toml"
    file.write_text("\n".join(changes(mine)), encoding="utf-8")
    assert load_config(file) == mine
    assert changes(Config()) == ()


def test_neither_what_stands_elsewhere_nor_what_results_do_not_depend_on_is_told() -> None:
    config = Config(capture=CaptureConfig(source="clip.mp4", paced=False), dashboard=DashboardConfig(port=1))
    assert changes(config) == ()


def test_a_password_is_not_told() -> None:
    config = replace(Config(), narrate=NarrateConfig(narrator="http:http://me:secret@there:1/v1?key=secret"))
    (told,) = changes(config)
    assert told.startswith("narrate.narrator = ")
    assert "secret" not in told


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x7f")))
def test_any_text_is_read_as_it_was(text: str) -> None:
    assert tomllib.loads(f"it = {toml(text)}") == {"it": text}


@pytest.mark.parametrize("value", [True, 3, 0.1, 1e-9, 1e300])
def test_numbers_are_read_as_they_were(value: float) -> None:
    assert tomllib.loads(f"it = {toml(value)}") == {"it": value}
