import cv2
import numpy as np
import pytest

from bench.flow.table import to_markdown
from bench.spotting.methods import compare
from bench.spotting.picture import WIDTH, draw
from bench.spotting.table import (
    Report,
    confidence_table,
    distractor_table,
    every_table,
    page,
    score_table,
    size_table,
    summary_tables,
    time_table,
    told_table,
)
from bench.spotting.truth import Span
from tests.bench.spotting.performances import recording

SPANS = (Span("blink", 1.0, 1.25), Span("speech", 10.0, 11.5))


@pytest.fixture(scope="module")
def report() -> Report:
    """Two engines at one frame rate, one of them at another as well."""
    groups = [
        [recording(distractors=SPANS, engine="meflownet")],
        [recording(distractors=SPANS, engine="dis", noise_iod=0.002)],
        [recording(distractors=SPANS, engine="dis", fps=60.0)],
    ]
    results = [result for group in groups for result in compare(group)]
    facts = (("faces", "one"),)
    return Report(tuple(results), (groups[0][0], groups[1][0]), {"meflownet-bf16": "no bfloat16"}, facts)


def test_the_spotters_come_first_and_what_was_not_measured_is_a_dash(report: Report) -> None:
    assert report.rates == (30.0, 60.0)
    assert report.labels[:2] == ("spotter, meflownet", "spotter, dis")
    assert len(report.labels) == 6
    table = score_table(report, 60.0)
    assert table.title == "60 fps: events of 0.01 IOD and more (1 micro, 1 macro)"
    assert table.rows[0][1:] == ("–",) * 9
    assert table.rows[1][1] == "1.00"
    assert (table.columns[-1], [row[-1] for row in table.rows]) == ("taken back a minute", ["–", "0.0", *"––––"])


def test_frames_are_milliseconds_times_the_rate(report: Report) -> None:
    table = time_table(report, 30.0)
    spotter = dict(zip(table.columns, table.rows[0], strict=True))
    assert float(spotter["onset frames"]) == pytest.approx(float(spotter["onset ms"]) * 0.03, abs=0.07)
    assert 0 < float(spotter["told after ms p50"]) < 200


def test_recall_is_broken_down_by_size(report: Report) -> None:
    table = size_table(report, 30.0)
    assert table.columns[1] == "micro 0.005–0.0075 (1)"
    assert table.columns[2] == "micro 0.0075–0.01 (0)"
    assert table.rows[0][2] == "–"
    assert table.rows[0][5] == "1.00"


def test_what_is_told_is_asked_of_spotters_alone(report: Report) -> None:
    table = told_table(report, 30.0)
    assert [row[0] for row in table.rows] == ["spotter, meflownet", "spotter, dis"]
    assert table.rows[0][1:] == ("–",) * 3  # nothing was measured


def test_distractors_are_counted_over_all_rates(report: Report) -> None:
    rows = {row[0]: row[1:] for row in distractor_table(report).rows}
    assert set(rows) == {"blink", "speech", "rest alone (number)"}
    # The first label's: it was measured at one rate only.
    assert rows["blink"][0] == "1"
    assert distractor_table(report).columns[-2:] == ("taken back: spotter, meflownet", "taken back: spotter, dis")
    assert confidence_table(report).columns == ("confidence", "spotter, meflownet", "spotter, dis")
    assert len(every_table(report).columns) == 7


def test_the_page_has_every_table_and_says_what_the_words_mean(report: Report) -> None:
    text = page(report, "spotting.png")
    assert text.startswith("# Spotting\n\n![")
    assert "(spotting.png)" in text
    assert "- not measured: `meflownet-bf16`: no bfloat16" in text
    assert all(to_markdown(table) in text for table in summary_tables(report))
    for word in (
        "**Videos**",
        "**Distractors**",
        "**F1, precision, recall**",
        "neither true nor",
        "**Told after**",
        "**Taken back a minute**",
    ):
        assert word in text
    assert "plain flow, dis at 60 fps" in text


def test_the_picture_can_be_drawn(report: Report) -> None:
    image = cv2.imdecode(np.frombuffer(draw(report), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape[1] == WIDTH
    assert (image < 250).any(axis=-1).mean() > 0.02
