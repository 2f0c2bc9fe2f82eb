import dataclasses
import shutil
from pathlib import Path

import pytest

from realtime.config import Config
from realtime.exports.account import gather
from realtime.messages import AnyMessage, Spot, shifted
from realtime.recordings.journal import JOURNAL, NOTES, RecordingError
from realtime.recordings.notes import LONGEST, add_note, make_note, read_notes
from realtime.recordings.record import Recorder
from realtime.recordings.sessions import Recording, collect_events, list_sessions, open_recording, survey
from tests.conftest import Command
from tests.realtime.messages import frame, one_of_each, say, spot


def record(base: Path, frames: int = 1) -> Path:
    with Recorder(base, Config()) as recorder:
        for k in range(frames):
            recorder.take(frame(k / 30, k))
        for message in one_of_each():
            recorder.take(message)
    return recorder.folder


def test_a_folder_is_listed_with_the_newest_first_and_what_is_foreign_left_out(tmp_path: Path) -> None:
    folders = [record(tmp_path, 10 * k) for k in range(1, 4)]
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / JOURNAL).write_text("not one of ours")
    (tmp_path / "empty").mkdir()
    listed = list_sessions(tmp_path)
    assert [info.path for info in listed] == folders[::-1]
    assert [info.counts.frames for info in listed] == [31, 21, 11]
    assert all(info.complete and not info.has_video and info.size_bytes > 1000 for info in listed)
    assert survey(tmp_path / "nothing") == ([], [])  # as of a page whose first recording is yet to come
    (why,) = survey(tmp_path)[1]
    assert why.startswith(str(tmp_path / "holiday"))
    assert "not a recording of mellm-live (empty, or cut off" in why


def test_a_folder_that_is_not_there_is_told_from_an_empty_one(tmp_path: Path) -> None:
    assert list_sessions(str(tmp_path)) == []
    with pytest.raises(RecordingError, match="nothing: no such folder"):
        list_sessions(str(tmp_path / "nothing"))


def test_one_that_is_removed_while_they_are_listed_is_not_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, cancelled = record(tmp_path), record(tmp_path)

    def begin(self: Recording, path: Path) -> None:
        original(self, path)
        if path == cancelled:
            shutil.rmtree(path)

    original = Recording.__init__
    monkeypatch.setattr(Recording, "__init__", begin)
    listed, unreadable = survey(tmp_path)
    assert [info.path for info in listed] == [kept]
    assert unreadable == []


def test_one_that_was_cut_off_counts_the_same_as_far_as_it_goes(tmp_path: Path) -> None:
    folder = record(tmp_path, 90)
    whole = open_recording(folder).info
    file = folder / JOURNAL
    data = file.read_bytes()
    file.write_bytes(data[: data.rindex(b"mellm-end") - 20])
    cut = open_recording(folder).info
    assert whole.complete
    assert not cut.complete
    assert cut.counts == whole.counts


def test_what_is_no_recording_is_said_with_what_to_do(tmp_path: Path) -> None:
    folder = record(tmp_path)
    with pytest.raises(RecordingError, match="no such recording"):
        open_recording(tmp_path / "none")
    with pytest.raises(RecordingError, match=f"it holds 1 of them, the last is .*{folder.name}"):
        open_recording(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordingError, match=r"there is no session\.mcap in it$"):
        open_recording(tmp_path / "empty")
    assert open_recording(folder / JOURNAL).path == open_recording(folder).path


def test_events_are_closed_spots_with_their_final_words() -> None:
    taken_back = spot(2, 0.2, phase="revoked")
    messages: list[AnyMessage] = [
        spot(1, 2.0, 2.4),
        say(1, "…", final=False),
        say(1, "late"),
        spot(0),
        taken_back,
        say(2, "no"),
        say(0),
    ]
    events = collect_events(messages, "name")
    assert [(e.video, e.onset_s, e.narration) for e in events] == [
        ("name", 1.0, "Chin up 1.2 px."),
        ("name", 2.0, "late"),
    ]
    assert collect_events([say(-1, "In all, a calm face.")], "name") == ()


def test_settings_of_another_version_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = open_recording(record(tmp_path))
    assert recording.config == Config()
    recording._reader.head["config"] = '{"capture": {"sauce": "phantom"}}'
    del recording.config
    with pytest.raises(RecordingError, match=r"unknown setting 'capture\.sauce'"):
        _ = recording.config


def test_only_the_kinds_asked_for_are_read(tmp_path: Path) -> None:
    found = list(open_recording(record(tmp_path)).messages(Spot))
    assert [type(m) for m in found] == [Spot, Spot]


def test_notes_are_added_beside_a_recording_which_stays_as_it_is(tmp_path: Path) -> None:
    folder = record(tmp_path)
    before = (folder / JOURNAL).read_bytes()
    open_recording(folder).annotate(" later ", 9_000_000_000)
    open_recording(folder).annotate("first\nand second line", 0, 500_000_000)
    with (folder / NOTES).open("a") as lines:
        lines.write("this is no note\n")
    notes = open_recording(folder).notes
    assert [note.text for note in notes] == ["first\nand second line", "„so“", "later"]
    assert [note.until_ns for note in notes] == [500_000_000, 2_000_000_000, -1]
    assert (folder / JOURNAL).read_bytes() == before


@pytest.mark.parametrize(
    ("text", "at_ns", "until_ns"),
    [("", 0, -1), (" \n", 0, -1), ("a" * (LONGEST + 1), 0, -1), ("a", -1, -1), ("a", 5, 4)],
)
def test_notes_that_mean_nothing_are_refused(text: str, at_ns: int, until_ns: int) -> None:
    with pytest.raises(ValueError, match="a note"):
        make_note(text, at_ns, until_ns)


def test_no_file_has_no_notes(tmp_path: Path) -> None:
    assert list(read_notes(tmp_path / NOTES)) == []


def test_a_note_after_an_unfinished_line_is_not_lost_in_it(tmp_path: Path) -> None:
    add_note(tmp_path / NOTES, make_note("first", 0))
    (tmp_path / NOTES).write_bytes((tmp_path / NOTES).read_bytes().rstrip(b"\n"))
    add_note(tmp_path / NOTES, make_note("second", 1))
    assert [note.text for note in read_notes(tmp_path / NOTES)] == ["first", "second"]


def test_an_event_that_nobody_spoke_of_any_more_is_an_event(tmp_path: Path) -> None:
    with Recorder(tmp_path, Config()) as recorder:
        for message in (frame(0.0), spot(0), say(0), spot(1, 3.0, 3.4), frame(4.0)):
            recorder.take(message)
    recording = open_recording(recorder.folder)
    assert [(e.onset_s, e.label, e.narration) for e in recording.events()] == [
        (1.0, "negative", "Chin up 1.2 px."), (3.0, "none", ""),
    ]  # fmt: skip
    assert recording.info.counts.micro == len(gather(recording).events) == 2


@pytest.mark.parametrize("cut", [False, True])
def test_times_count_from_where_a_recording_begins(tmp_path: Path, cut: bool) -> None:
    """Begun in the middle of a session it tells the same as one of a session that began there."""
    told = []
    for base, late_ns in (("early", 0), ("late", 2_000_000_000)):
        with Recorder(tmp_path / base, Config()) as recorder:
            for message in (frame(0.0), frame(1.0), *one_of_each(), spot(1, 3.0, 3.4), say(1, t_s=3.4), frame(4.0)):
                recorder.take(shifted(message, late_ns))
        file = recorder.folder / JOURNAL
        if cut:
            file.write_bytes(file.read_bytes()[: file.read_bytes().rindex(b"mellm-end") - 20])
        recording = open_recording(recorder.folder)
        recording.annotate("since", 500_000_000, 700_000_000)
        notes, name = recording.notes, recording.path.name
        events = [dataclasses.replace(event, video="") for event in recording.events()]
        assert {event.video for event in recording.events()} == {name}
        told.append((list(recording.messages()), events, notes, gather(recording).summary, recording.info.duration_s))
    assert told[0] == told[1]
    assert told[0][2][0].t_media_ns == 500_000_000


def test_a_summary_tells_of_the_recording_and_not_of_the_session_around_it(tmp_path: Path, mellm: Command) -> None:
    with Recorder(tmp_path, Config()) as recorder:
        for message in (frame(100.0), spot(7, 101.0, 101.4), say(7), frame(103.0), say(-1, "Watched 9:59: much.")):
            recorder.take(message)
    text = gather(open_recording(recorder.folder)).summary
    assert text.startswith("Watched 0:0")
    assert "0:01 micro AU17 negative" in text
    status, out, _ = mellm("replay", recorder.folder, "--headless")
    assert status == 0
    assert " ".join(out.split()).endswith(text)
    assert "1.00–1.40 s (apex 1.20" in out
