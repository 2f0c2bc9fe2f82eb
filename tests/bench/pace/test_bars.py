import io

import pytest
from rich.console import Console

from bench.pace import bars
from bench.pace.bars import Bars


def drawn(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> tuple[Bars, io.StringIO]:
    """Bars on a console of the test's own, and what they write there."""
    text = io.StringIO()
    monkeypatch.setattr(bars, "Console", lambda stderr: Console(file=text, force_terminal=terminal, width=80))
    return Bars(), text


def test_one_piece_of_work_is_shown_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, text = drawn(monkeypatch, terminal=True)
    with shown:
        shown.at(1.0)  # before any work: nothing to show
        shown.begin("frames", 10)
        shown.at(5, "more frames")
        shown._progress.refresh()
        assert "more frames" in text.getvalue()
        assert "50%" in text.getvalue()
        shown.begin("a run", 4)
        assert [task.description for task in shown._progress.tasks] == ["a run"]
        shown.at(3)
        assert [task.completed for task in shown._progress.tasks] == [3]


def test_without_a_terminal_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, text = drawn(monkeypatch, terminal=False)
    with shown:
        shown.begin("frames", 10)
        shown.at(10)
    assert text.getvalue() == ""
