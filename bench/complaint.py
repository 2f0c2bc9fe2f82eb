"""How a benchmark says that it cannot go on, and with what status it ends then."""

from rich.console import Console
from rich.text import Text

BAD_INPUT, STOPPED = 2, 130


def complain(what: str, text: str) -> None:
    """One line on stderr: what it is, in red, and what about."""
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    console.print(Text.assemble((f"{what}: ", "red"), text), soft_wrap=True)


class BenchInputError(ValueError):
    """A benchmark was asked for something that it cannot do; one line that says what, and what would do."""
