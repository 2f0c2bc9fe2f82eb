import dataclasses

import cv2
import numpy as np
import pytest
from rich.console import Console

from bench.flow.command import TABLE_COLUMNS
from bench.flow.measures import Errors
from bench.flow.methods import TRUE_FLOW, TRUE_FLOW_LIVE, Method, opencv_methods
from bench.flow.pairs import SETS
from bench.flow.picture import WIDTH, draw
from bench.flow.scores import Score, Scores
from bench.flow.smiles import Seen
from bench.flow.table import Report, make_table, noise_table, other_table, page, summary_table, to_markdown, to_rich
from engines.runtime.dis import DisEngine

SEEN = (Seen("8 people", 8, {"fine": 0.75}), Seen("2 never trained on", 2, {"fine": 0.5}))


def engine() -> Method:
    dis = DisEngine()
    return Method("fine", "engine", "an engine", dis.encode, lambda a, b, _: dis.flow(a, b), dis.close)


def errors(size: float) -> Errors:
    return Errors(size, 2 * size, 3 * size, 0.5, size, (10 * size,))


@pytest.fixture
def report() -> Report:
    """Every method three times on every set; the engine has half the error of the best of OpenCV's."""
    methods = (engine(), *(method for method in opencv_methods() if method.label != "TV-L1"))
    rows = [
        Score(label, which, motion, errors(0.1 * (place + 1)), 1.0, 10.0 * (place + 1))
        for place, label in enumerate([*(method.label for method in methods), TRUE_FLOW, TRUE_FLOW_LIVE])
        for which in SETS
        for motion in (0.4, 0.7, 3.0)
    ]
    return Report(methods, Scores(tuple(rows)), {"gone": "no GPU"}, SEEN, (("seed", "0"),))


def test_every_table_has_every_method_and_the_page_every_table(report: Report) -> None:
    text = page(report, "flow-table.png")
    for table in (*(noise_table(report, noise) for noise in (0.7, 2.0, 4.0)), other_table(report)):
        assert [row[0] for row in table.rows] == list(report.labels)
        assert to_markdown(table) in text
    assert "![" in text
    assert "`gone`: no GPU" in text
    assert text.count("\n| fine |") == 5
    assert all(f"- {method.label}: {method.about}" in text for method in report.methods)


def test_numbers_are_means_and_the_best_stands_out(report: Report) -> None:
    table = noise_table(report, 2.0)
    assert table.title.endswith("(3 pairs)")
    assert table.rows[0] == ("fine", "0.100", "0.200", "0.300", "50%", "1.0", "0.50", "0.50")
    assert {(0, column) for column in (1, 2, 3, 5, 6, 7)} <= table.best
    assert "| fine | **0.100** |" in to_markdown(table)


def test_live_time_is_one_encoding_and_one_flow(report: Report) -> None:
    assert report.live_ms("fine") == 11
    assert np.isnan(Report((), Scores(()), {}, (), ()).live_ms("fine"))


def test_smiles_of_people_never_trained_on_stand_beside_those_of_everyone(report: Report) -> None:
    table = other_table(report)
    assert table.columns[3:5] == ("smiles seen (8 people)", "smiles seen (2 never trained on)")
    assert [row[3:5] for row in table.rows[:2]] == [("75%", "50%"), ("–", "–")]


def test_references_are_never_the_best(report: Report) -> None:
    better = tuple(
        dataclasses.replace(row, errors=errors(0.0)) if row.label in (TRUE_FLOW, TRUE_FLOW_LIVE, "zero flow") else row
        for row in report.scores.rows
    )
    table = noise_table(dataclasses.replace(report, scores=Scores(better)), 2.0)
    assert {row for row, column in table.best if column == 1} == {0}


def test_what_was_not_measured_is_a_dash() -> None:
    assert make_table("", ["a"], []).rows == (("a",),)
    assert noise_table(Report((), Scores(()), {}, (), ()), 2.0).rows[0][1:] == ("–",) * 7


def test_the_terminal_shows_every_method(report: Report) -> None:
    console = Console(width=TABLE_COLUMNS)
    with console.capture() as shown:
        console.print(to_rich(summary_table(report)))
    assert all(label in shown.get() for label in report.labels)
    assert "…" not in shown.get()


def test_the_picture_is_a_png_of_its_width(report: Report) -> None:
    image = cv2.imdecode(np.frombuffer(draw(report), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape[1] == WIDTH
    assert image.std() > 10
