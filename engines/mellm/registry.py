"""Which narrators there are, and how each is opened."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from engines.mellm.answer import Facts, ModelError, Narrator, NarratorError
from engines.mellm.closing import check_pattern, grammar
from engines.mellm.language import LanguageNarrator, LanguageSettings, Source
from engines.mellm.prompt import PromptError, fill, house_prompt, instruction
from engines.mellm.reader import shipped_reader
from engines.mellm.template import TemplateNarrator

SHIPPED = Path(__file__).parent.parent / "weights" / "mellm.gguf"
"""Our own language model."""

HOUSE = "house"
"""How a model says that it was trained with `house_prompt`."""


def _mellm(settings: LanguageSettings) -> Narrator:
    narrator = _gguf(str(SHIPPED), settings)
    narrator.name = "mellm"
    return narrator


def _template(settings: LanguageSettings) -> Narrator:
    return TemplateNarrator()


def _gguf(path: str, settings: LanguageSettings) -> LanguageNarrator:
    from engines.mellm.gguf_model import GgufModel, check_file
    from engines.mellm.trial import survive

    file = Path(path).expanduser()
    rules = "" if settings.answer_pattern else grammar()
    if file != SHIPPED:
        check_file(file)
        survive(file)
    return _speaking(GgufModel(file, settings.context, settings.threads, rules), settings)


def _http(address: str, settings: LanguageSettings) -> LanguageNarrator:
    from engines.mellm.chat_server import ChatServer

    silence_s = max(settings.first_word_s, settings.answer_s)
    return _speaking(ChatServer(address, settings.model, silence_s, settings.retries), settings)


NARRATORS: dict[str, Callable[[LanguageSettings], Narrator]] = {"mellm": _mellm, "template": _template}
"""Narrators by name, the preferred one first."""

MODELS: dict[str, Callable[[str, LanguageSettings], Narrator]] = {"gguf": _gguf, "http": _http, "https": _http}
"""Narrators by what stands before the colon: a model's file, or its server."""


def open_narrator(spec: str = "auto", settings: LanguageSettings | None = None) -> Narrator:
    """Open a narrator.

    Args:
        spec: a name of `NARRATORS`; `gguf:PATH`; `http:URL`, which is also understood without the first `http:`; or
            `auto`: our own model if it is there, else the template, with a note of why if something is amiss.
        settings: of language models.

    Raises:
        ModelError: the model or server cannot be used.
        NarratorError: no such narrator, or its prompt or pattern cannot be used.
    """
    settings = settings or LanguageSettings()
    if spec == "auto":
        return _best(settings)
    if spec in NARRATORS:
        return NARRATORS[spec](settings)
    scheme, colon, rest = spec.partition(":")
    if colon and rest and scheme in MODELS:
        address = spec if rest.startswith("//") else rest
        return MODELS[scheme](address if scheme != "gguf" else rest, settings)
    names = ", ".join(["auto", *NARRATORS, "gguf:PATH", "http:URL"])
    raise NarratorError(f"no narrator {spec!r}; there are: {names}")


def _best(settings: LanguageSettings) -> Narrator:
    if not SHIPPED.exists():
        return TemplateNarrator()
    try:
        return _mellm(settings)
    except ModelError as error:
        return TemplateNarrator([f"{error}; the template narrator speaks instead"])


def _speaking(source: Source, settings: LanguageSettings) -> LanguageNarrator:
    """A narrator around a model, with the prompt that fits it.

    Raises:
        ModelError: the reader, which every answer is held against, cannot be loaded.
        NarratorError: the prompt or the pattern cannot be used.
    """
    try:
        shipped_reader()
        return LanguageNarrator(source, prompt_for(source.prompt_style, settings), settings)
    except ValueError as error:
        source.close()
        raise ModelError(str(error)) from error
    except NarratorError:
        source.close()
        raise


def prompt_for(style: str, settings: LanguageSettings) -> Callable[[Facts], str]:
    """What a model is asked about a measurement: the prompt of the settings, or the one that it was trained with.

    Raises:
        NarratorError: the prompt or the pattern of the settings cannot be used.
    """
    if settings.answer_pattern:
        try:
            check_pattern(settings.answer_pattern)
        except ValueError as error:
            raise NarratorError(f"answer_pattern {settings.answer_pattern!r}: {error}") from error
    if not settings.prompt:
        return house_prompt if style == HOUSE else partial(fill, instruction())
    path = Path(settings.prompt).expanduser()
    try:
        template = path.read_text(encoding="utf-8")
        fill(template, Facts((), (), 100.0))
    except OSError as error:
        raise NarratorError(f"cannot read the prompt {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NarratorError(f"the prompt {path} is no UTF-8 text: {error.reason}") from error
    except PromptError as error:
        raise NarratorError(f"{path}: {error}") from error
    return partial(fill, template)
