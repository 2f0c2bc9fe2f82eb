import dataclasses
from pathlib import Path

import pytest

from bench.complaint import BenchError
from bench.pace.budget import BUDGETS, read_budgets
from bench.pace.closing import check
from bench.pace.results import HOPS, MAKERS, SUPERVISOR, Case, Spread
from realtime.nodes import PROCESSES
from tests.bench.pace.reports import CASE, outcome, pipeline

CASE_TABLE = '[case]\nfps = 60\nsize = "640x480"\nfaces = 1\n'


def write(folder: Path, text: str) -> Path:
    (folder / "budgets.toml").write_text(text)
    return folder / "budgets.toml"


def test_the_house_has_a_budget_for_every_process() -> None:
    budgets = read_budgets()
    processes = {spec.name for spec in PROCESSES}
    assert set(budgets.tables["process"]) == processes | {SUPERVISOR}
    assert set(MAKERS.values()) == processes
    assert {spec.gives.__name__ for spec in PROCESSES} <= set(HOPS)
    for name in processes:
        assert set(budgets.tables["process"][name]) == {"ms", "mb", "cpu"}
    assert budgets.fit(outcome())
    assert not budgets.fit(outcome(Case(30.0, 640, 480, 1, "auto")))


def test_what_is_over_is_over_by_what_was_measured(tmp_path: Path) -> None:
    text = CASE_TABLE + '[latency_ms]\nMotion = 29\n"first word" = 240\n[process.align]\nms = 6\nmb = 99\ncpu = 20\n'
    budgets = read_budgets(write(tmp_path, text + "[all]\nmb = 501\nskipped = 3\n"))
    found = {one.name: one for one in budgets.check(outcome(skipped=4))}
    # The p95 of the made-up runs is twice their median.
    assert found["capture → Motion, p95"].over
    assert (found["capture → Motion, p95"].allowed, found["capture → Motion, p95"].used) == (29, 30.0)
    assert not found["apex → first word, p95"].over
    assert {name for name, one in found.items() if one.over} == {
        "capture → Motion, p95", "align: memory", "frames skipped",
    }  # fmt: skip
    assert found["all: memory"].used == 500.0
    assert len(found) == 7


def test_a_budget_says_when_there_is_too_little_for_a_percentile(tmp_path: Path) -> None:
    budgets = read_budgets(
        write(tmp_path, CASE_TABLE + '[latency_ms]\n"first word" = 150\n[process.narrate]\nms = 9\n')
    )
    few = Spread.of(range(139, 152))
    said = dataclasses.replace(outcome(), first_word=few, own={"narrate": few})
    assert [(one.name, one.used, one.over) for one in budgets.check(said)] == [
        ("apex → first word, largest of 13 (too few for a p95)", 151.0, True),
        ("narrate: its own part, largest of 13 (too few for a p95)", 151.0, True),
    ]


def test_what_was_not_measured_is_not_judged(tmp_path: Path) -> None:
    budgets = read_budgets(write(tmp_path, CASE_TABLE + "[latency_ms]\nSay = 1\n[process.align]\nms = 1\nmb = 1\n"))
    empty = dataclasses.replace(outcome(), latency={}, own={}, usage={})
    assert budgets.check(empty) == ()


def test_the_first_run_of_the_case_is_judged() -> None:
    report = pipeline()
    assert check(report, read_budgets()) == read_budgets().check(report.outcomes[0])
    other = dataclasses.replace(report, outcomes=(outcome(dataclasses.replace(CASE, fps=30.0)),))
    assert check(other, read_budgets()) == ()
    assert check(report, None) == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"\[case\] must say fps = 60"),
        ('[case]\nfps = 60\nsize = "big"\nfaces = 1\n', r"\[case\] must say"),
        (CASE_TABLE + "[proces.align]\nms = 1\n", r"\[proces\]: no such table; there are: case, latency_ms"),
        (CASE_TABLE + "[latency_ms]\nMotoin = 1\n", "latency_ms.Motoin: not measured; known here: Frame, Face, Motion"),
        (CASE_TABLE + "[process.cook]\nms = 1\n", "process.cook: not measured"),
        (CASE_TABLE + "[process.align]\ngb = 1\n", "process.align.gb: known here: ms, mb, cpu"),
        (CASE_TABLE + '[all]\nmb = "much"\n', "all.mb must be a number, 0 or more, not 'much'"),
        (CASE_TABLE + "[all]\nmb = -1\n", "all.mb must be a number, 0 or more, not -1"),
        (CASE_TABLE + "[all]\nmb = true\n", "all.mb must be a number"),
        ("[case", "is not TOML"),
    ],
)
def test_a_mistake_is_named(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=says):
        read_budgets(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"cannot read .*none\.toml"):
        read_budgets(tmp_path / "none.toml")
    assert BUDGETS.is_file()
