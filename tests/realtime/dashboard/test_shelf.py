"""What is read of recordings that are listed again and again."""

import os
import shutil
from pathlib import Path

import pytest

from realtime.config import Config
from realtime.dashboard.shelf import SHARE, STALE_S, Shelf
from realtime.recordings.journal import JOURNAL, JournalReader
from realtime.recordings.record import Recorder
from tests.realtime.messages import frame


class Reading:
    """A folder of recordings, the time that passes, and how often a recording was read through, which takes a while."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.now_s, self.times, self.takes_s = folder, 0.0, 0, 0.1
        self.shelf = Shelf(folder, lambda: self.now_s)
        original = JournalReader.entries

        def entries(reader: JournalReader, *only: object) -> object:
            self.times += 1
            self.now_s += self.takes_s
            return original(reader, *only)  # type: ignore[arg-type]

        patch.setattr(JournalReader, "entries", entries)

    def listed(self) -> list[tuple[str, int, bool]]:
        """Names, frames, and whether they were finished."""
        found, unreadable = self.shelf.survey()
        assert unreadable == []
        return [(info.path.name, info.counts.frames, info.complete) for info in found]

    def has(self, name: str, frames: int, finished: bool) -> None:
        """Let there be a recording."""
        with Recorder(self.folder / "made", Config()) as recorder:
            for k in range(frames):
                recorder.take(frame(k / 30, k))
        data = (recorder.folder / JOURNAL).read_bytes()
        (self.folder / name).mkdir(exist_ok=True)
        cut = len(data) if finished else data.rindex(b"mellm-end") - 20
        (self.folder / name / JOURNAL).write_bytes(data[:cut])
        shutil.rmtree(self.folder / "made")


@pytest.fixture
def reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reading:
    return Reading(tmp_path, monkeypatch)


def test_one_that_was_cut_off_is_read_through_once_and_anew_when_it_is_another(reading: Reading) -> None:
    reading.has("cut", 30, finished=False)
    for _ in range(3):
        assert reading.listed() == [("cut", 30, False)]
        reading.now_s += 1000.0
    assert reading.times == 1
    reading.has("cut", 60, finished=False)
    assert reading.listed() == [("cut", 60, False)]
    os.utime(reading.folder / "cut" / JOURNAL, ns=(1, 1))
    reading.now_s += 1000.0
    assert reading.listed() == [("cut", 60, False)]
    assert reading.times == 3
    shutil.rmtree(reading.folder / "cut")
    assert reading.listed() == []


@pytest.mark.parametrize(("takes_s", "stale_s"), [(0.1, STALE_S), (30.0, 30.0 / SHARE)])
def test_one_that_goes_on_is_not_read_through_whenever_it_is_listed(
    reading: Reading, takes_s: float, stale_s: float
) -> None:
    reading.takes_s = takes_s
    for frames in (30, 40, 50):
        reading.has("on", frames, finished=False)
        assert reading.listed() == [("on", 30, False)]
    reading.now_s += stale_s
    assert reading.listed() == [("on", 50, False)]
    assert reading.times == 2
    reading.has("on", 60, finished=True)  # which is told at once
    assert reading.listed() == [("on", 60, True)]
    assert reading.times == 2
