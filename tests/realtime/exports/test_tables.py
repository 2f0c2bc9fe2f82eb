import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from realtime.exports.tables import (
    Event,
    MotionWriter,
    make_event,
    motion_table,
    write_events,
    write_events_parquet,
    write_rows,
)
from realtime.messages import Say, Spot
from tests.realtime.curves import motion


def event(onset_s: float, **changes: object) -> Event:
    values: dict[str, object] = {
        "video": "a.mp4", "face_id": 1, "kind": "micro", "onset_s": onset_s, "apex_s": onset_s + 0.1,
        "offset_s": onset_s + 0.3, "cut_off": False, "confidence": 0.8, "magnitude_iod": 0.012, "iod_px": 100.0,
        "movements": 1, "action_units": ("AU4", "LAU12"), "label": "negative", "label_confidence": 0.7,
        "narration": "Brows down, „so“, 1.0 px.",
    }  # fmt: skip
    return Event(**{**values, **changes})  # type: ignore[arg-type]


def test_events_are_written_in_order_of_time_and_read_back(tmp_path: Path) -> None:
    write_events([event(2.0), event(0.5)], tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    rows = list(csv.DictReader((tmp_path / "events.csv").read_text().splitlines()))
    assert [line["onset_s"] for line in lines] == [0.5, 2.0]
    assert lines[0]["action_units"] == ["AU4", "LAU12"]
    assert rows[0]["action_units"] == "AU4+LAU12"
    assert list(rows[0]) == list(lines[0])
    assert rows[0]["narration"] == lines[0]["narration"]


def test_no_events_make_empty_tables_with_their_header(tmp_path: Path) -> None:
    write_events([], tmp_path)
    assert (tmp_path / "events.jsonl").read_text() == ""
    assert (tmp_path / "events.csv").read_text().startswith("video,face_id,kind,onset_s")


def test_a_spot_and_its_words_become_an_event() -> None:
    spot = Spot(
        seq=1, face_id=2, t_capture_ns=0, t_media_ns=0, spot_id=7, phase="closed", onset_ns=1_000_000_000,
        apex_ns=1_200_000_000, offset_ns=1_400_000_000, kind="micro", confidence=0.7, magnitude_iod=0.01,
        cut_off=True, iod_px=81.26,
    )  # fmt: skip
    say = Say(seq=1, t_capture_ns=0, t_media_ns=0, spot_id=7, text="It moved.", final=True, action_units=("AU4",))
    made = make_event("b.mp4", spot, say)
    assert (made.onset_s, made.apex_s, made.offset_s, made.face_id) == (1.0, 1.2, 1.4, 2)
    assert made.narration == "It moved."
    assert made.cut_off
    assert made.iod_px == 81.3


def test_an_open_spot_is_no_event() -> None:
    spot = Spot(seq=1, t_capture_ns=0, t_media_ns=0, spot_id=7, phase="apex", onset_ns=1)
    say = Say(seq=1, t_capture_ns=0, t_media_ns=0, spot_id=7, text="")
    with pytest.raises(ValueError, match="not closed"):
        make_event("b.mp4", spot, say)


def test_motion_is_one_row_a_frame_a_face(tmp_path: Path) -> None:
    moved = np.arange(58, dtype=float).reshape(29, 2) / 1000
    motions = [motion(k / 30, moved * k, k, face) for k in range(3) for face in (0, 1)]
    with MotionWriter(tmp_path / "motion.parquet") as writer:
        for one in motions:
            writer.add(one)
    table = pq.read_table(tmp_path / "motion.parquet").to_pydict()
    assert table["face_id"] == [0, 1] * 3
    assert table["time_s"] == pytest.approx([0, 0, 1 / 30, 1 / 30, 2 / 30, 2 / 30])
    assert table["u_left_outer_eyebrow"][-1] == pytest.approx(0.0)
    assert table["v_left_outer_eyebrow"][-1] == pytest.approx(0.002)
    assert table["v_right_cheek"][-1] == pytest.approx(0.114)
    assert len([name for name in table if name.startswith(("u_", "v_"))]) == 58


def test_hours_of_motion_are_written_as_they_come_and_are_one_table(tmp_path: Path) -> None:
    still, path = np.zeros((29, 2)), tmp_path / "motion.parquet"
    with MotionWriter(path) as writer:
        for k in range(20_000):
            writer.add(motion(0.0, still, k))
        assert path.stat().st_size > 20_000
    assert pq.read_table(path).column("frame").to_pylist() == list(range(20_000))


def test_no_motion_makes_an_empty_table_with_its_columns(tmp_path: Path) -> None:
    with MotionWriter(tmp_path / "motion.parquet"):
        pass
    assert pq.read_table(tmp_path / "motion.parquet").schema == motion_table([]).schema


def test_every_kind_of_table_holds_the_same_events(tmp_path: Path) -> None:
    events = [event(0.5), event(2.0, action_units=(), kind="speech", movements=3)]
    write_events(events, tmp_path)
    write_events_parquet(events, tmp_path / "events.parquet")
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert pq.read_table(tmp_path / "events.parquet").to_pylist() == lines
    write_events_parquet([], tmp_path / "none.parquet")
    assert pq.read_table(tmp_path / "none.parquet").schema == pq.read_table(tmp_path / "events.parquet").schema


def test_every_kind_of_table_holds_the_same_motions(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = motion_table([motion(k / 30, rng.normal(0, 0.01, (29, 2)), k) for k in range(4)])
    for name in ("motion.csv", "motion.jsonl"):
        write_rows(table, tmp_path / name)
    lines = [json.loads(line) for line in (tmp_path / "motion.jsonl").read_text().splitlines()]
    rows = list(csv.DictReader((tmp_path / "motion.csv").read_text().splitlines()))
    assert [line["time_s"] for line in lines] == pytest.approx([0, 1 / 30, 2 / 30, 3 / 30], abs=1e-6)
    for line, row, whole in zip(lines, rows, table.to_pylist(), strict=True):
        assert list(line) == list(row) == list(whole)
        assert [float(value) for value in row.values()] == list(line.values())
        assert list(line.values()) == pytest.approx(list(whole.values()), abs=1e-5)
