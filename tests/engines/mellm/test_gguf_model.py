import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from calib.face import REGIONS
from calib.facs import pattern
from engines.mellm.answer import Answer, Facts, ModelError, StreamError
from engines.mellm.closing import LABELS, codes, grammar, parse_answer
from engines.mellm.gguf_model import GgufModel
from engines.mellm.language import LanguageNarrator
from engines.mellm.prompt import fill, house_prompt, instruction
from tests.engines.mellm.tiny_gguf import write_tiny
from tests.engines.scenes import measured

pytest.importorskip("llama_cpp")

PROMPTS = [f"Left Cheek {way} 90° {k}.1 px 2.2%\n={k}\n" for k, way in enumerate(("up", "down", "left"))]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("gguf") / "tiny.gguf", context=2048)


def going_on() -> bool:
    return False


def said(model: GgufModel, content: str, stopped: Callable[[], bool] = going_on) -> str:
    return "".join(model.stream(content, stopped))


@pytest.mark.parametrize("seed", range(4))
def test_even_a_model_that_knows_nothing_closes_with_valid_facts(tmp_path: Path, seed: int) -> None:
    model = GgufModel(write_tiny(tmp_path / "m.gguf", seed=seed, context=2048), grammar=grammar())
    for prompt in PROMPTS:
        answer = parse_answer(said(model, prompt))
        assert set(answer.action_units) <= set(codes())
        assert answer.label in LABELS
        assert 0 <= answer.confidence <= 1
    model.close()


def test_what_was_said_before_changes_nothing(tiny: Path) -> None:
    fresh = []
    for prompt in PROMPTS:
        model = GgufModel(tiny, grammar=grammar())
        fresh.append(said(model, prompt))
        model.close()
    model = GgufModel(tiny, grammar=grammar())
    model.prime(PROMPTS)
    assert [said(model, prompt) for prompt in (*PROMPTS, *PROMPTS)] == [*fresh, *fresh]
    model.close()


def test_it_stops_in_the_prompt_and_in_the_answer(tiny: Path) -> None:
    model = GgufModel(tiny, grammar=grammar())
    whole = said(model, PROMPTS[0])
    assert said(model, PROMPTS[1], lambda: True) == ""
    pieces: list[str] = []
    for piece in model.stream(PROMPTS[0], lambda: len(pieces) >= 3):
        pieces.append(piece)
    assert whole.startswith("".join(pieces))
    assert 3 <= len(pieces) <= 5
    assert said(model, PROMPTS[0]) == whole
    model.close()


def test_two_who_ask_at_once_wait_for_each_other(tiny: Path) -> None:
    model = GgufModel(tiny, grammar=grammar())
    alone = [said(model, prompt) for prompt in PROMPTS]
    together: dict[int, str] = {}
    threads = [
        threading.Thread(target=lambda k=k: together.__setitem__(k, said(model, PROMPTS[k])))  # type: ignore[misc]
        for k in range(len(PROMPTS))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [together[k] for k in range(len(PROMPTS))] == alone
    model.close()


def test_the_model_s_own_template_and_prompt_are_used(tmp_path: Path) -> None:
    template = "{{ bos_token }}[{{ messages[0]['content'] }}]{% if not enable_thinking %}!{% endif %}"
    model = GgufModel(write_tiny(tmp_path / "m.gguf", template=template, prompt="mine"))
    assert model.chat("x") == "<s>[x]!"
    assert model.prompt_style == "mine"
    assert model.name == "gguf:m.gguf"
    model.close()


def test_the_context_is_bounded_by_the_model_and_by_the_settings(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "m.gguf", context=256)
    for model, longest in ((GgufModel(path), 256), (GgufModel(path, context=128), 128)):
        fitting = "a" * (longest // 2)
        assert model.fits(fitting)
        assert not model.fits("a" * (longest - 10))
        with pytest.raises(StreamError, match=rf"tokens long, the context {longest}"):
            said(model, "a" * longest)
        said(model, fitting)  # which ends with the context, at the latest
        model.close()


def test_a_long_measurement_is_told_in_a_small_context(tmp_path: Path) -> None:
    model = GgufModel(write_tiny(tmp_path / "m.gguf", context=1024), context=400, grammar=grammar())
    about = Facts(measured(0.02 * (pattern("AU12") + pattern("AU1"))), (0.0001,) * len(REGIONS), 100.0)
    assert not model.fits(house_prompt(about))
    speaker = LanguageNarrator(model, house_prompt)
    answer = list(speaker.narrate(about))[-1]
    assert isinstance(answer, Answer)
    assert answer.narration
    speaker.close()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"architecture": "abacus"}, "llama.cpp cannot load it .*unknown model architecture: 'abacus'"),
        ({"template": None}, "has no chat template"),
        ({"template": "{% if %}"}, "its chat template cannot be used"),
        ({"template": "{{ raise_exception('only systems') }}"}, "its chat template cannot be used .only systems"),
    ],
)
def test_a_model_that_cannot_speak_is_refused_with_the_reason(
    tmp_path: Path, options: dict[str, str], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelError, match=rf"m\.gguf: {says}"):
        GgufModel(write_tiny(tmp_path / "m.gguf", **options))  # type: ignore[arg-type]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("share", [0.0001, 0.01, 0.3, 0.7, 0.999])
def test_a_file_cut_short_is_refused(tmp_path: Path, tiny: Path, share: float) -> None:
    data = tiny.read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(data[: max(4, int(share * len(data)))])
    with pytest.raises(ModelError, match=r"cut\.gguf: llama\.cpp cannot load it"):
        GgufModel(cut)


def test_what_is_no_model_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.gguf").write_text("hello")
    for name, says in (("text.gguf", "is no GGUF file"), ("none.gguf", "no such file"), (".", "directory")):
        with pytest.raises(ModelError, match=says):
            GgufModel(tmp_path / name)


def test_an_instruction_is_answered_too(tiny: Path) -> None:
    model = GgufModel(tiny, context=2048, grammar=grammar())
    about = Facts(measured(0.02 * pattern("AU4")), (0.002,) * len(REGIONS), 100.0)
    assert len(fill(instruction(), about)) > 1000
    model.prime([fill(instruction(), about)])
    model.close()
    with pytest.raises(StreamError, match="closed"):  # and no crash
        said(model, "x")
