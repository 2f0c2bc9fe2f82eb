"""How a benchmark says that it cannot go on, and with what status it ends then."""

from collections.abc import Callable

from rich.console import Console
from rich.text import Text

BAD_INPUT, STOPPED = 2, 130


def complain(what: str, text: str) -> None:
    """One line on stderr: what it is, in red, and what about."""
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    console.print(Text.assemble((f"{what}: ", "red"), text), soft_wrap=True)


class BenchError(ValueError):
    """A benchmark was asked for what it cannot do, or given what it cannot use; one line: what, and the mend."""


def carry_out(
    work: Callable[[], int], stopped: str = "nothing was measured, nothing was written", remedy: str = ""
) -> int:
    """Do the work of a benchmark; what the user can mend, and Ctrl-C, end it with one line.

    Args:
        work: gives the exit status.
        stopped: what is said of a Ctrl-C.
        remedy: what to do where a file cannot be read or written.
    """
    try:
        return work()
    except KeyboardInterrupt:
        complain("stopped", stopped)
        return STOPPED
    except OSError as error:
        complain("error", f"{error.filename}: {error.strerror}" + (f"; {remedy}" if remedy else ""))
    except _mendable() as error:
        complain("error", str(error))
    return BAD_INPUT


def _mendable() -> tuple[type[Exception], ...]:
    """The errors by which the house says what the user has to mend; looked up when something went wrong."""
    from engines.mellm.instruct.annotations import AnnotationError
    from engines.runtime import EngineError
    from realtime.config import ConfigError
    from realtime.source import SourceError

    return BenchError, AnnotationError, ConfigError, EngineError, SourceError
