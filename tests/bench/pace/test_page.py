import dataclasses
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.pace.budget import read_budgets
from bench.pace.chart import Bar, Series, bar_chart, line_chart, ticks
from bench.pace.closing import check
from bench.pace.page import page
from bench.pace.results import Pace, Report, Spread
from bench.pace.tables import alone_table
from tests.bench.pace.reports import engines, outcome, pipeline, soak

VOID = {"meta"}


class Outline(HTMLParser):
    """Holds that every element is closed, and keeps what a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "xlink:href", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("report", [engines(), pipeline(), soak()], ids=lambda report: report.kind)
def test_a_page_is_whole_and_needs_nothing_else(report: Report) -> None:
    text = page(report)
    outline = Outline()
    outline.feed(text)
    assert outline.open == []
    assert outline.fetched == []
    assert not re.search(r"url\(|@import|<script|<link", text)
    assert "prefers-color-scheme: dark" in text
    assert "A processor <of> two cores" in outline.text
    for fact in ("0.1 when it began", "Python 3.11", "2026-01-01 12:00 UTC", "mellm bench pipeline --fps 60"):
        assert fact in outline.text
    charts = re.findall(r"<svg.*?</svg>", text)
    assert charts
    for svg in charts:
        ElementTree.fromstring(svg)


def test_the_pipelines_page_says_it_all() -> None:
    outline = Outline()
    outline.feed(page(pipeline(), check(pipeline(by=0.5), read_budgets())))
    for words in ("budgets are kept", "640×480, 2 faces, dis", "15.0 / 30.0 / 45.0", "80", "MediaPipe alone",
                  "1.07 times the sum", "not installed (pip install py-feat)", "highest sustained fps"):  # fmt: skip
        assert words in outline.text


def test_of_a_few_events_the_largest_is_shown_and_no_percentile() -> None:
    few, enough = (dataclasses.replace(outcome(), first_word=Spread.of(range(139, 139 + n))) for n in (13, 20))
    shown = page(dataclasses.replace(pipeline(), outcomes=(few, enough)))
    assert "<td>145 / largest of 13: 151</td>" in shown
    assert "<td>148 / 157 / 158</td>" in shown
    slow = alone_table([Pace("py-feat", "action units", Spread.of([500.0, 510.0, 530.0]), 2.0)])
    assert slow.rows[0][2:6] == ("510.00", "–", "–", "530.00 of 3")


def test_what_is_over_stands_out_and_so_does_a_stop() -> None:
    report = dataclasses.replace(pipeline(by=10.0), stopped="after 2 of 5 runs")
    text = page(report, check(report, read_budgets()))
    assert re.search(r"\d+ of 22 budgets are exceeded", text)
    assert "class=over>over by" in text
    assert "Stopped early: after 2 of 5 runs" in text


@given(st.floats(1e-3, 1e6))
def test_ticks_are_round_and_reach_over_all(most: float) -> None:
    found = ticks(most)
    assert found[0] == 0
    assert found[-1] >= most * (1 - 1e-9)
    assert 4 <= len(found) <= 7 + 1
    step = found[1]
    assert found == pytest.approx([k * step for k in range(len(found))])
    assert float(f"{step:.6e}".partition("e")[0]) in (1, 2, 2.5, 5)
    assert found[-2] < most


@pytest.mark.parametrize("most", [0.0, -1.0, float("nan"), float("inf")])
def test_ticks_of_nothing(most: float) -> None:
    assert ticks(most) == [0.0, 1.0]


def test_points_stand_where_they_should() -> None:
    svg = ElementTree.fromstring(line_chart([Series("a", [(0, 0), (5, 50), (10, 100)])], "s", "ms"))
    (line,) = (node for node in svg if node.tag == "polyline")
    places = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    assert places[1] == pytest.approx([sum(p[k] for p in places) / 3 for k in (0, 1)], abs=0.1)
    assert places[0][0] < places[1][0] < places[2][0]
    assert places[0][1] > places[1][1] > places[2][1]


def test_bars_are_as_long_as_their_values() -> None:
    svg = ElementTree.fromstring(bar_chart([Bar("<a>", (10, 20, 40)), Bar("b", (5, 5, 5), 1)], "ms", ("x", "y", "z")))
    wide = [float(node.attrib["width"]) for node in svg if node.tag == "rect"][3:]
    assert wide[0] / wide[2] == pytest.approx(4.0, rel=0.01)
    assert wide[1] / wide[2] == pytest.approx(2.0, rel=0.01)
    assert len(wide) == 6
    assert "<a>" in "".join(svg.itertext())


def test_charts_of_nothing_are_charts() -> None:
    names = ("a", "b", "c")
    lines = [line_chart([], "s", "ms"), line_chart([Series("a", [(0, 0)])], "s", "ms")]
    for svg in (*lines, bar_chart([], "ms", names), bar_chart([Bar("a", (0, 0, 0))], "ms", names)):
        assert ElementTree.fromstring(svg).tag == "svg"
