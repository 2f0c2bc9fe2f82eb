from pathlib import Path

import pytest

from realtime.config import Config, ConfigError, load_config


def write(folder: Path, text: str) -> Path:
    path = folder / "mellm.toml"
    path.write_text(text)
    return path


def test_what_is_not_given_keeps_its_default(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "[spot]\nthreshold_iod = 0.006\n[align]\nfaces = 1\n"))
    assert config.spot.threshold_iod == 0.006
    assert config.align.faces == 1
    assert config.flow == Config().flow


def test_a_whole_number_serves_as_a_float(tmp_path: Path) -> None:
    assert load_config(str(write(tmp_path, "[capture]\nfps = 25\n"))).capture.fps == 25.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[spot]\nthreshhold_iod = 1.0", "'spot.threshhold_iod'; did you mean 'spot.threshold_iod'"),
        ("[spott]\nmicro_s = 0.5", "'spott'; did you mean 'spot'"),
        ("[spot]\nzzz = 1", "known here: threshold_iod"),
        ('[align]\nfaces = "two"', "'align.faces' must be int"),
        ('[capture]\nsource = ""', r"capture\.source is empty"),
        ("[align]\nfaces = true", "'align.faces' must be int"),
        ("spot = 3", "write \\[spot\\]"),
        ("[spot", "not TOML"),
        ('[narrate]\nanswer_pattern = "("', r"narrate\.answer_pattern: it is no regular expression"),
        ('[narrate]\nanswer_pattern = "(?P<words>.)"', r"narrate\.answer_pattern: it has no group \(\?P<label>"),
        ("[narrate]\ncontext = 64", "narrate.context is 64: it must be 128 to 131072 tokens"),
        ("[narrate]\nlate_s = nan", "narrate.late_s is nan"),
        ("[calibrate]\nsmallest_iod = 0.05", r"is 0\.05: it must be less than calibrate\.largest_iod, 0\.04"),
        ("[spot]\nmicro_s = 5.0", r"mellm\.toml: spot\.micro_s is 5\.0: it must be less than spot\.longest_s, 4\.0"),
        ("[spot]\nlongest_s = 0.5", r"spot\.micro_s is 0\.5: it must be less than spot\.longest_s, 0\.5; change one"),
        ("[spot]\nshortest_s = 0.6", r"spot\.shortest_s is 0\.6: it must be less than spot\.micro_s, 0\.5"),
        ('[narrate]\nnarator = "template"', "did you mean 'narrate.narrator'"),
    ],
)
def test_a_mistake_is_named_with_its_mend(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_config(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml"):
        load_config(tmp_path / "none.toml")
