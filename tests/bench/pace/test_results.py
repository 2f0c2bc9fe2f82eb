import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.complaint import BenchError
from bench.pace.results import Case, Report, Spread, read_report, to_json
from bench.pace.times import Times
from tests.bench.pace.reports import CASE, engines, outcome, pipeline, soak


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=300))
def test_a_quantile_is_the_smallest_value_that_so_many_do_not_exceed(values: list[float]) -> None:
    found = Spread.of(values)
    for share, quantile in ((0.5, found.p50), (0.95, found.p95), (0.99, found.p99)):
        exact = np.sort(values)[int(np.ceil(share * len(values) - 1e-9)) - 1]
        assert quantile == pytest.approx(exact, abs=1e-3)
    assert found.most == pytest.approx(max(values), abs=1e-3)
    assert found.n == len(values)


def test_nothing_measured_is_zero() -> None:
    assert Spread.of([]) == Spread(0, 0.0, 0.0, 0.0, 0.0) == Times().spread


@pytest.mark.parametrize("report", [engines(), pipeline(), soak()], ids=lambda report: report.kind)
def test_a_report_comes_out_of_its_file_as_it_was(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(to_json(report))
    assert read_report(path) == report


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not a report that mellm bench wrote"),
        (b"[1, 2]", "not a report that mellm bench wrote"),
        (b'{"kind": "pipeline"}', "facts"),
        (b'{"kind": "cooking", "facts": []}', "not a report"),
        (b'{"kind": "pipeline", "facts": [], "version": 99}', "a report of version 99; this program reads version 1"),
        (b"\xff\xfe", "not a report"),
    ],
)
def test_another_file_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_bytes(content)
    with pytest.raises(BenchError, match=f"other.json: .*{says}"):
        read_report(tmp_path / "other.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"cannot read .*none.json: No such file"):
        read_report(tmp_path / "none.json")


def test_a_rate_is_sustained_when_nothing_is_lost() -> None:
    good = outcome()
    assert good.sustained()
    assert not outcome(skipped=1).sustained()
    assert outcome(skipped=1).sustained(0.001)
    assert not outcome(skipped=3).sustained(0.001)


@pytest.mark.parametrize(
    "counts",
    [
        {"restarts": 1},
        {"seconds": 31.0},  # frames came too slowly: 58 a second of the 60 that were asked
        {"motions": 1799},  # a face was lost
        {"captured": 0, "measured": 0, "motions": 0, "seconds": 0.0},
    ],
)
def test_what_else_sustains_nothing(counts: dict[str, float]) -> None:
    good = outcome()
    assert not dataclasses.replace(good, counts=dataclasses.replace(good.counts, **counts)).sustained()  # type: ignore[arg-type]


def test_every_face_has_to_be_measured() -> None:
    two = outcome(Case(60.0, 640, 480, 2, "auto"))
    assert two.sustained()
    half = dataclasses.replace(two.counts, motions=two.counts.measured)
    assert not dataclasses.replace(two, counts=half).sustained()


def test_a_case_says_what_it_is() -> None:
    assert CASE.label == "640×480, 1 face, auto, 60 fps"
    assert dataclasses.replace(CASE, faces=3).scene == "640×480, 3 faces, auto"
