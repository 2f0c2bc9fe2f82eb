import pytest

from engines.mellm.answer import Answer, Facts, NarratorError
from engines.mellm.registry import NARRATORS, open_narrator


@pytest.mark.parametrize("name", list(NARRATORS))
def test_a_narrator_is_opened_under_its_own_name(name: str) -> None:
    narrator = open_narrator(name)
    assert narrator.name == name
    narrator.close()


def test_auto_takes_the_preferred_one() -> None:
    assert open_narrator().name == open_narrator("auto").name == next(iter(NARRATORS))


def test_there_is_always_one_that_speaks_at_once() -> None:
    narrator = open_narrator("template")
    assert isinstance(list(narrator.narrate(Facts((), (), 90.0)))[-1], Answer)


@pytest.mark.parametrize("name", ["gpt", "", "Template"])
def test_an_unknown_narrator_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(NarratorError, match=rf"no narrator '{name}'; there are: auto, .*template"):
        open_narrator(name)
