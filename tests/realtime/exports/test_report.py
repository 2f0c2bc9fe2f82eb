import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from realtime.config import CaptureConfig, Config, SpotConfig
from realtime.exports.account import gather
from realtime.exports.chart import HEIGHT, WIDTH, Axis, Curve, labels, line
from realtime.exports.report import report
from realtime.messages import Annotation, AnyMessage, Gap, Motion
from realtime.recordings.record import Recorder
from realtime.recordings.sessions import Recording, open_recording
from realtime.terminal import LiveView
from tests.realtime.browser import browser_page
from tests.realtime.messages import frame, one_of_each, say, spot

SPOTTING = SpotConfig()
VOID = {"meta", "img", "br", "i"}


class Balanced(HTMLParser):
    """Fails on a tag that is closed but not open, and keeps the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page_of(base: Path, *messages: object, source: str = "phantom", spot: SpotConfig = SPOTTING) -> str:
    with Recorder(base, Config(capture=CaptureConfig(source), spot=spot)) as recorder:
        for message in messages:
            recorder.take(message)  # type: ignore[arg-type]
    return report(gather(open_recording(recorder.folder)))


def test_the_page_is_whole_and_needs_nothing_else(exported: Path) -> None:
    page = (exported / "report.html").read_text(encoding="utf-8")
    parsed = Balanced(page)
    text = " ".join(parsed.text)
    assert parsed.open == []
    assert "Micro-expression" in text
    assert "AU10" in text
    assert "asked about <Monday> & Tuesday" in text
    assert not re.search(r'(?:src|href)="(?!data:image/png;base64,|#e\d)', page)
    assert "url(" not in page
    assert "<script" not in page


def test_who_spoke_is_told(tmp_path: Path) -> None:
    page = page_of(tmp_path, frame(0.0), spot(), say(narrator="mellm"), spot(1), say(1, narrator="template"))
    assert "<dt>Narrator</dt><dd>mellm and template</dd>" in page


def test_what_is_to_be_known_of_the_source_is_told(tmp_path: Path) -> None:
    remarks = [say(-1, text, final=False) for text in ("it ends after <2> s", "it ends after <2> s", "the model died")]
    page = page_of(tmp_path / "one", frame(0.0), *remarks, say(-1, "Watched 0:02."))
    assert "<dt>Remarks</dt><dd>it ends after &lt;2&gt; s<br>the model died</dd>" in page
    assert "Remarks" not in page_of(tmp_path / "two", frame(0.0), say(-1, "Watched 0:02."))


def test_an_event_is_never_called_certain(tmp_path: Path) -> None:
    page = page_of(tmp_path, frame(0.0), spot(confidence=0.9963), say(), frame(3.0, 4))
    assert "confidence 99%" in page


def test_what_came_from_outside_cannot_become_markup(tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script>'
    page = page_of(tmp_path, frame(0.0), *one_of_each(), say(0, evil, action_units=(evil,)), source=evil)
    assert "<script" not in page
    assert Balanced(page).open == []


def test_a_session_without_anything_says_so(tmp_path: Path) -> None:
    text = " ".join(Balanced(page_of(tmp_path, frame(0.0), frame(1.0, 1))).text)
    assert "No expression was spotted" in text
    assert "No frame was skipped" in text
    assert "no face measured" in text


def test_closing_words_stand_first(tmp_path: Path) -> None:
    page = page_of(tmp_path, frame(0.0), spot(0), say(0))
    assert page.index("Watched 0:00: 1 micro-expression") < page.index(">Timeline<")


def test_an_event_has_the_number_that_it_had_live(tmp_path: Path) -> None:
    taken_back = spot(2, 0.2, phase="revoked", kind=None)
    messages: list[AnyMessage] = [frame(0.0), spot(3, 2.0, 2.4), say(3), taken_back, spot(1, 1.0, 1.4), say(1)]
    page = page_of(tmp_path, *messages)
    terminal = io.StringIO()
    view = LiveView(Console(file=terminal, width=120))
    for message in messages:
        view.show(message)
    assert re.findall(r"#(\d+) micro", terminal.getvalue()) == ["3", "1"]
    assert re.findall(r"micro\">Micro-expression</span>#(\d+)", page) == ["1", "3"]
    assert re.findall(r'href="#e(\d+)" aria-label="#(\d+)', page) == [("1", "1"), ("3", "3")]
    assert re.findall(r'id="e(\d+)"', page) == ["1", "3"]


def test_no_minute_has_sixty_seconds(tmp_path: Path) -> None:
    page = page_of(tmp_path, *(frame(k * 118.7 / 119, k) for k in range(120)))  # 119.7 s, with the last frame's second
    assert "2 min 0 s" in page
    assert "60 s" not in page


def test_nothing_is_fetched_and_nothing_sticks_out(exported: Path) -> None:
    url = (exported / "report.html").as_uri()
    for width, scheme in ((1280, "light"), (390, "dark")):
        with browser_page(viewport={"width": width, "height": 800}, color_scheme=scheme) as page:
            fetched: list[str] = []
            page.on("request", lambda request, fetched=fetched: fetched.append(request.url))
            page.goto(url)
            assert [one for one in fetched if not one.startswith("data:")] == [url]
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate("Array.from(document.images).every(i => i.complete && i.naturalWidth > 0)")


def test_what_was_skipped_stands_in_order_of_time_though_stages_tell_of_it_late(tmp_path: Path) -> None:
    gaps = [
        Gap(seq=9, t_capture_ns=0, t_media_ns=t_ms * 10**6, from_seq=1, to_seq=2, cause="behind") for t_ms in (800, 500)
    ]
    page = page_of(tmp_path, frame(0.0, 0), *gaps, frame(1.0, 9))
    assert page.index("0.5 s</td>") < page.index("0.8 s</td>")


def test_a_time_without_pictures_is_as_long_on_the_report_as_it_was(tmp_path: Path) -> None:
    hole = Gap(
        seq=2, t_capture_ns=0, t_media_ns=1_000_000_000, until_ns=2_700_000_000, from_seq=2, to_seq=1, cause="a hole"
    )
    page = page_of(tmp_path, frame(0.0, 0), frame(1.0, 1), hole, frame(2.7, 2), frame(10.0, 3))
    assert '<td class="t">1.0 s</td><td class="t">1.70 s</td><td>a hole</td>' in page
    (bar,) = re.findall(r'<rect class="gap" x="([\d.]+)"[^>]* width="([\d.]+)"', page)
    info_s = 10.0 + 9 / 10 / 3  # n frames span n - 1 intervals
    assert float(bar[0]) / WIDTH == pytest.approx(1.0 / info_s, abs=0.05)
    assert float(bar[1]) / WIDTH == pytest.approx(1.7 / info_s, abs=0.05)


def test_settings_that_were_not_the_defaults_are_told(tmp_path: Path) -> None:
    assert "<dt>Settings</dt><dd>all at their defaults</dd>" in page_of(tmp_path, frame(0.0, 0))
    page = page_of(tmp_path, frame(0.0, 0), spot=SpotConfig(threshold_iod=0.004, calibration=""))
    assert "<dt>Settings</dt><dd>spot.threshold_iod = 0.004</dd>" in page


def test_the_settings_of_a_recording_of_another_version_are_not_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.recordings.record.dataclasses.asdict", lambda config: {"spot": {"gone": 1}})
    assert "<dt>Settings</dt><dd>those of another version of the program</dd>" in page_of(tmp_path, frame(0.0, 0))


@pytest.mark.parametrize(("count", "end"), [(1, ""), (2, "s")])
def test_one_is_told_in_the_singular(tmp_path: Path, count: int, end: str) -> None:
    spots: list[AnyMessage] = []
    for k in range(count):
        for number, kind in ((2 * k + 1, "micro"), (2 * k + 2, "macro")):
            spots += [spot(number, kind=kind), say(number)]
    gaps = [Gap(seq=9, t_capture_ns=0, t_media_ns=k, from_seq=k, to_seq=k, cause="behind") for k in range(count)]
    notes = [Annotation(seq=0, t_capture_ns=0, t_media_ns=k, text="a nod") for k in range(count)]
    frames = [frame(float(k), k) for k in range(count)]
    page = page_of(tmp_path, *frames, *spots, *gaps, *notes)
    told = " ".join(Balanced(page).text)
    for words in (
        f"micro-expression{end},", f"macro-expression{end},", f"of {count} frame{end} measured",
        f"frame{end} skipped in {count} gap{end}", f"{count} gap{end}, {count} frame{end}",
    ):  # fmt: skip
        assert words in told
    for label in (f"events: {2 * count} events", f"{count} gap{end}", f"{count} note{end}"):
        assert f'aria-label="{label}"' in page


def test_a_long_curve_keeps_its_peaks_and_its_gaps() -> None:
    times = np.concatenate([np.arange(0, 300, 1 / 30), np.arange(310, 600, 1 / 30)])
    values = np.zeros(times.size)
    values[[1234, 12345]] = 1.0
    drawn = line(Curve(times, values, "one"), Axis(0, 600), 1.0)
    pieces = re.findall(r'points="([^"]*)"', drawn)
    assert len(pieces) == 2
    for piece, peak_s in zip(pieces, times[[1234, 12345]], strict=True):
        points = [tuple(map(float, point.split(","))) for point in piece.split()]
        assert len(points) <= 1600
        assert [x for x, y in points if y == 0] == pytest.approx([peak_s * WIDTH / 600], abs=0.1)
        assert all(0 <= y <= HEIGHT for _, y in points)


@pytest.mark.parametrize("length_s", [0.1, 5.0, 61.0, 600.0, 7200.0])
def test_an_axis_has_a_handful_of_round_times(length_s: float) -> None:
    ticks = Axis(0.0, length_s).ticks(8)
    assert 2 <= len(ticks) <= 9
    assert ticks[0] == 0


@pytest.mark.parametrize(
    ("axis", "told"),
    [
        (Axis(123.2, 125.0), ["123.5", "124", "124.5", "125"]),  # of an event late in a session
        (Axis(0, 7200), ["0:00", "30:00", "1:00:00", "1:30:00", "2:00:00"]),
    ],
)
def test_times_at_an_axis_are_told_apart(axis: Axis, told: list[str]) -> None:
    assert re.findall(">([^<]+)</span>", labels(axis, 5)) == told


def test_curves_are_those_of_the_face(recorded: Recording) -> None:
    account = gather(recorded)
    assert len(account.motions) == sum(isinstance(m, Motion) for m in recorded.messages(Motion))
    assert account.events == recorded.events()


def test_damage_is_said_on_the_page(tmp_path: Path) -> None:
    with Recorder(tmp_path, Config()) as recorder:
        for k in range(200):
            recorder.take(frame(k / 30, k))
    file = recorder.folder / "session.mcap"
    data = bytearray(file.read_bytes())
    at = data.index(b"zstd") + 40
    data[at : at + 20] = bytes(20)
    file.write_bytes(data)
    assert "This recording is damaged" in report(gather(open_recording(recorder.folder)))
