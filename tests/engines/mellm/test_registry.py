import re
from pathlib import Path

import pytest

from calib.face import REGIONS
from calib.facs import pattern
from engines.mellm import registry
from engines.mellm.answer import Answer, Facts, ModelError, NarratorError
from engines.mellm.language import LanguageSettings
from engines.mellm.reader import Reader
from engines.mellm.registry import NARRATORS, SHIPPED, open_narrator, prompt_for
from tests.engines.mellm.servers import serving, streaming
from tests.engines.mellm.tiny_gguf import write_tiny
from tests.engines.scenes import measured

ABOUT = Facts(measured(0.02 * pattern("AU12")), (0.002,) * len(REGIONS), 100.0)
WORDS = "Left Mouth Corner up and left.\nAU12 | positive | 0.90"


def answered(spec: str, settings: LanguageSettings | None = None) -> Answer:
    narrator = open_narrator(spec, settings)
    answer = list(narrator.narrate(ABOUT))[-1]
    narrator.close()
    assert isinstance(answer, Answer)
    return answer


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where our own model is looked for in a test; it is not there yet."""
    monkeypatch.setattr(registry, "SHIPPED", tmp_path / "mellm.gguf")
    return tmp_path / "mellm.gguf"


def test_the_template_is_always_there() -> None:
    narrator = open_narrator("template")
    assert narrator.name == "template"
    assert isinstance(list(narrator.narrate(Facts((), (), 90.0)))[-1], Answer)


def test_auto_takes_our_own_model_if_it_is_there(shipped: Path) -> None:
    narrator = open_narrator()
    assert (narrator.name, tuple(narrator.notes())) == ("template", ())  # nothing is amiss without one
    pytest.importorskip("llama_cpp")
    write_tiny(shipped)
    for name in ("auto", "mellm"):
        narrator = open_narrator(name)
        assert narrator.name == next(iter(NARRATORS)) == "mellm"
        narrator.close()


def test_auto_says_why_our_own_model_does_not_speak(shipped: Path) -> None:
    shipped.write_bytes(b"GGUF but no more")
    narrator = open_narrator("auto")
    assert narrator.name == "template"
    (note,) = narrator.notes()
    assert "mellm.gguf: " in note
    assert "the template narrator speaks instead" in note
    assert tuple(narrator.notes()) == ()
    with pytest.raises(ModelError, match=r"mellm\.gguf"):
        open_narrator("mellm")


def test_without_llama_cpp_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "llama_cpp", None)
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF")
    with pytest.raises(ModelError, match="needs llama-cpp-python, which is not installed: make narrator"):
        open_narrator(f"gguf:{path}")


def test_a_model_of_one_s_own_is_asked_from_its_file_and_one_that_knows_nothing_is_not_believed(tmp_path: Path) -> None:
    pytest.importorskip("llama_cpp")
    narrator = open_narrator(f"gguf:{write_tiny(tmp_path / 'mine.gguf')}")
    answer = list(narrator.narrate(ABOUT))[-1]
    (note,) = narrator.notes()
    narrator.close()
    assert isinstance(answer, Answer)
    assert (answer.narrator, answer.action_units) == ("template", ("AU12",))
    assert re.match(r"the narrator gguf:mine\.gguf .* that was not measured", note)


def test_a_model_speaks_from_a_server_however_its_address_is_written() -> None:
    with serving(streaming(WORDS)) as server:
        for spec in (server.address, f"http:{server.address}", f"http:{server.address}/v1"):
            answer = answered(spec)
            assert (answer.label, answer.narration) == ("positive", "Left Mouth Corner up and left.")
    assert server.asked[0]["messages"][0]["content"].startswith("You describe what a face did")


def test_a_prompt_and_a_pattern_of_one_s_own_are_used(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("What? {movements} ({kind}, {iod_px})", encoding="utf-8")
    settings = LanguageSettings(prompt=str(tmp_path / "p.txt"), answer_pattern=r"(?P<label>\w+)!(?P<words>.*)")
    with serving(streaming("positive! Left Mouth Corner up-left.")) as server:
        assert answered(server.address, settings).narration == "Left Mouth Corner up-left."
    assert server.asked[0]["messages"][0]["content"].startswith("What? Left Mouth Corner up-left")


def test_no_model_speaks_without_the_reader_that_its_answers_are_held_against(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Reader:
        raise ValueError("reader.npz: no reader of action units")

    monkeypatch.setattr(registry, "shipped_reader", broken)
    with serving(streaming(WORDS)) as server, pytest.raises(ModelError, match=r"reader\.npz: no reader"):
        open_narrator(server.address)


def test_a_model_of_ours_gets_the_house_prompt() -> None:
    assert prompt_for("house", LanguageSettings())(ABOUT).endswith("\n")
    assert "Facial Action Coding System" in prompt_for("", LanguageSettings())(ABOUT)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no place", "no place {movements}"),
        ("{movements} {colour}", "colour"),
        ("{movements} {movements.size}", "does not exist"),
        ("{movements} {", "does not exist"),
        (None, "cannot read the prompt"),
    ],
)
def test_a_prompt_that_cannot_be_used_is_refused(tmp_path: Path, text: str | None, says: str) -> None:
    path = tmp_path / "p.txt"
    if text is not None:
        path.write_text(text)
    with pytest.raises(NarratorError, match=says) as caught:
        prompt_for("", LanguageSettings(prompt=str(path)))
    assert not isinstance(caught.value, ModelError)


def test_a_pattern_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(NarratorError, match="answer_pattern"):
        prompt_for("", LanguageSettings(answer_pattern="("))


@pytest.mark.parametrize("name", ["gpt", "", "Template", "gguf:", "http:", "gguf", "file:x.gguf"])
def test_an_unknown_narrator_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(NarratorError, match=rf"no narrator '{name}'; there are: auto, .*template.*gguf:PATH"):
        open_narrator(name)


def test_our_own_model_lies_with_the_weights() -> None:
    assert SHIPPED.name == "mellm.gguf"
    assert (SHIPPED.parent / "README.md").exists()
