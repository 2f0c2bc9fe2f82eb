"""A bar on the terminal for the work at hand; nothing where there is no terminal."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn


class Bars:
    """Shows one piece of work after another. A context manager; what it showed is gone afterwards."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        # Twice a second is enough to see, and costs next to nothing.
        self._progress = Progress(
            *columns, console=console, transient=True, refresh_per_second=2, disable=not console.is_terminal
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, what: str, total: float) -> None:
        """Show what is being done, from 0 to total."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(what, total=total)

    def at(self, done: float, what: str | None = None) -> None:
        """How much of it is done, and perhaps what is being done now."""
        if self._task is not None:
            self._progress.update(self._task, completed=done, description=what)
