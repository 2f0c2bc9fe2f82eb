from pathlib import Path

import pytest

from engines.mellm import LanguageSettings, ModelError, Narrator, NarratorError
from engines.mellm.template import TemplateNarrator
from realtime import narrator
from realtime.config import NarrateConfig
from realtime.narrator import DEATHS, configured_narrator


@pytest.fixture
def broken(tmp_path: Path) -> NarrateConfig:
    return NarrateConfig(f"gguf:{tmp_path / 'none.gguf'}")


def test_live_the_template_speaks_for_a_model_that_cannot_be_used(broken: NarrateConfig) -> None:
    speaker = configured_narrator(broken, live=True)
    assert speaker.name == "template"
    (note,) = speaker.notes()
    assert "none.gguf: no such file; the template narrator speaks instead" in note


def test_with_time_it_is_an_error(broken: NarrateConfig) -> None:
    with pytest.raises(ModelError, match=r"none\.gguf: no such file"):
        configured_narrator(broken, live=False)


@pytest.mark.parametrize(("live", "limits"), [(True, (3.0, 10.0)), (False, (120.0, 120.0))])
def test_a_model_is_asked_as_the_settings_say_and_with_patience_where_nobody_waits(
    live: bool, limits: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(spec: str, settings: LanguageSettings) -> Narrator:
        assert (spec, settings.model, settings.context) == ("http:x", "m", 512)
        assert (settings.first_word_s, settings.answer_s) == limits
        return TemplateNarrator(["asked"])

    monkeypatch.setattr(narrator, "open_narrator", opened)
    assert configured_narrator(NarrateConfig("http:x", model="m", context=512), live).notes() == ("asked",)


@pytest.mark.parametrize("live", [True, False])
def test_a_narrator_that_does_not_exist_is_always_an_error(live: bool) -> None:
    with pytest.raises(NarratorError, match="no narrator 'homer'"):
        configured_narrator(NarrateConfig("homer"), live)


def test_a_process_that_keeps_dying_is_not_trusted_again(
    broken: NarrateConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker = configured_narrator(broken, live=True, deaths=DEATHS)
    (note,) = speaker.notes()
    assert "died 2 times" in note
    monkeypatch.setattr(narrator, "SHIPPED", Path("nowhere.gguf"))
    for name in ("auto", "template"):
        assert not configured_narrator(NarrateConfig(name), live=True, deaths=DEATHS).notes()
