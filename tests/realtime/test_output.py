from pathlib import Path

import pytest

from realtime.output import fresh_folder


def test_a_failed_rewrite_keeps_what_was_there(tmp_path: Path) -> None:
    for text in ("old", "new"):
        with fresh_folder(tmp_path / "kept", ["a.txt"]) as folder:
            (folder / "a.txt").write_text(text)
    with pytest.raises(RuntimeError), fresh_folder(tmp_path / "kept", ["a.txt"]) as folder:
        (folder / "a.txt").write_text("half")
        raise RuntimeError
    assert (tmp_path / "kept" / "a.txt").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_what_somebody_else_has_finished_meanwhile_stays(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="kept"), fresh_folder(tmp_path / "kept", ["a.txt"]) as late:
        (late / "a.txt").write_text("late")
        with fresh_folder(tmp_path / "kept", ["a.txt"]) as early:
            (early / "a.txt").write_text("early")
    assert (tmp_path / "kept" / "a.txt").read_text() == "early"
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]
