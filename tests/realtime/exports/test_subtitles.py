import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.config import Config
from realtime.exports.formats import FORMATS, export
from realtime.exports.subtitles import LONGEST_S, SHORTEST_S, Cue, event_cues, webvtt
from realtime.recordings.record import Recorder
from realtime.recordings.sessions import open_recording
from tests.realtime.browser import browser_page
from tests.realtime.exports.test_tables import event
from tests.realtime.messages import frame

TIME = r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})"


def parse(text: str) -> list[tuple[float, float, str]]:
    """The cues of a file, as the format's grammar has them."""
    head, *blocks = text.rstrip("\n").split("\n\n")
    assert head == "WEBVTT"
    if blocks and blocks[0].startswith("NOTE "):
        assert "-->" not in blocks.pop(0)
    cues = []
    for number, block in enumerate(blocks, 1):
        identity, times, *lines = block.split("\n")
        assert identity == str(number)
        found = re.fullmatch(f"{TIME} --> {TIME}", times)
        assert found is not None
        a, b = (
            sum(int(n) * f for n, f in zip(found.groups()[k : k + 4], (3600, 60, 1, 0.001), strict=True))
            for k in (0, 4)
        )
        assert all(lines)
        cues.append((a, b, "\n".join(lines)))
    return cues


def test_a_session_in_which_nothing_happened_is_exported_like_any_other(tmp_path: Path) -> None:
    with Recorder(tmp_path, Config()) as recorder:
        for second in range(3):
            recorder.take(frame(second, second))
    written = export(open_recording(recorder.folder), list(FORMATS), tmp_path / "out")
    assert parse((tmp_path / "out" / "video.vtt").read_text(encoding="utf-8")) == []
    assert {path.name for path in written} == {file for form in FORMATS.values() for file in form.files}


@given(
    st.lists(
        st.builds(Cue, st.floats(-5, 9000), st.floats(-5, 9000), st.text(), st.text().filter(str.strip), st.text())
    )
)
def test_any_cues_make_a_valid_file_in_order(cues: list[Cue]) -> None:
    parsed = parse(webvtt(cues))
    assert [a for a, _, _ in parsed] == sorted(a for a, _, _ in parsed)
    assert all(a < b for a, b, _ in parsed)
    for _, _, text in parsed:
        bare = re.sub(r"</?b>|<v [^<>]*>", "", text)
        assert "<" not in bare
        assert ">" not in bare
        assert not re.search(r"&(?!amp;|lt;|gt;)", bare)


def test_words_stay_to_be_read_but_not_into_the_next_ones_time() -> None:
    events = [event(1.0, narration="x" * 500), event(4.0), event(4.5), event(20.0, narration="short")]
    cues = event_cues(events, 30.0)
    times = [(cue.start_s, cue.end_s) for cue in cues]
    assert times[0] == (1.0, 4.0)
    assert times[1] == (4.0, 4.0 + SHORTEST_S)
    assert all(SHORTEST_S <= b - a <= LONGEST_S for a, b in times)
    assert cues[0].heading == "micro-expression · AU4 LAU12 · negative"
    assert cues[0].speaker == ""


@pytest.mark.parametrize(("length_s", "end_s"), [(9.0, 1.0 + LONGEST_S), (5.0, 5.0), (1.5, 1.0 + SHORTEST_S)])
def test_the_last_words_end_with_the_recording_unless_nobody_could_read_them(length_s: float, end_s: float) -> None:
    (cue,) = event_cues([event(1.0, narration="x" * 500)], length_s)
    assert cue.end_s == end_s


def test_several_faces_are_told_apart() -> None:
    text = webvtt(event_cues([event(1.0), event(2.0, face_id=2, kind="speech", action_units=(), label="none")], 9.0))
    assert "<v Face 1><b>micro-expression" in text
    assert "<v Face 2><b>speech</b>" in text


def test_the_session_has_its_events_and_notes(exported: Path) -> None:
    text = (exported / "video.vtt").read_text(encoding="utf-8")
    assert "<b>micro-expression · AU10" in text
    assert "<v Operator>asked about &lt;Monday&gt; &amp; Tuesday" in text


def test_the_summary_is_a_comment_and_stands_on_no_words(exported: Path) -> None:
    text = (exported / "video.vtt").read_text(encoding="utf-8")
    assert text.startswith("WEBVTT\n\nNOTE Watched 0:0")
    assert all("Watched" not in words for _, _, words in parse(text))


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing about it."""

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def site(exported: Path) -> Iterator[str]:
    """A server of the exported files."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(exported))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_chromium_loads_the_subtitles(site: str, exported: Path) -> None:
    cues = parse((exported / "video.vtt").read_text(encoding="utf-8"))
    with browser_page() as page:
        page.goto(site)
        page.set_content(f'<video id="v"><track default kind="subtitles" src="{site}/video.vtt"></video>')
        page.wait_for_function("document.querySelector('track').readyState === 2")
        loaded = page.evaluate(
            "Array.from(v.textTracks[0].cues).map(c => [c.startTime, c.endTime, c.getCueAsHTML().textContent])"
        )
    assert np.array([cue[:2] for cue in loaded]) == pytest.approx(np.array([cue[:2] for cue in cues]), abs=1e-6)
    assert any("asked about <Monday> & Tuesday" in text for _, _, text in loaded)
