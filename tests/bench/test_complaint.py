import pytest

from bench.complaint import BAD_INPUT, STOPPED, BenchError, carry_out
from engines.mellm.instruct.annotations import AnnotationError
from engines.runtime import EngineError
from realtime.config import ConfigError
from realtime.source import SourceError


def failing(error: BaseException) -> int:
    raise error


def test_work_that_is_done_gives_its_status(capfd: pytest.CaptureFixture[str]) -> None:
    assert [carry_out(lambda: 0), carry_out(lambda: 1)] == [0, 1]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", [BenchError, AnnotationError, ConfigError, EngineError, SourceError])
def test_what_the_user_has_to_mend_is_one_line(kind: type[Exception], capfd: pytest.CaptureFixture[str]) -> None:
    assert carry_out(lambda: failing(kind("it is [odd]")), remedy="wait") == BAD_INPUT
    assert capfd.readouterr() == ("", "error: it is [odd]\n")


@pytest.mark.parametrize(("remedy", "says"), [("", ""), ("choose another --out", "; choose another --out")])
def test_a_file_is_named_with_its_remedy(remedy: str, says: str, capfd: pytest.CaptureFixture[str]) -> None:
    error = OSError(28, "No space left on device", "page.md")
    assert carry_out(lambda: failing(error), remedy=remedy) == BAD_INPUT
    assert capfd.readouterr().err == f"error: page.md: No space left on device{says}\n"


def test_ctrl_c_says_what_is_left_of_it(capfd: pytest.CaptureFixture[str]) -> None:
    assert carry_out(lambda: failing(KeyboardInterrupt()), "half is there") == STOPPED
    assert capfd.readouterr().err == "stopped: half is there\n"


def test_a_fault_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        carry_out(lambda: failing(ZeroDivisionError()))
