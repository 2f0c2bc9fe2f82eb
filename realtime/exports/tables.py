"""Events and curves as files: JSON Lines, CSV and Parquet."""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from calib.face import CROP_IOD, REGION_NAMES
from calib.facs import Label
from realtime.messages import Kind, Motion, Say, Spot

_ROWS = 4096
"""Rows of the motion table that are made at a time."""


@dataclass(frozen=True)
class Event:
    """A finished event with its words: a row of the events tables. Times in s, in the stream's own time.

    `cut_off` tells that the face or the stream was gone before the event was over; `confidence` is the spotter's, that
    something moved; `iod_px` the distance between the eyes; `movements` how many of the mouth were joined into speech;
    `label_confidence` the chance of the `label`, 0 of speech, of which no narrator is asked.
    """

    video: str
    face_id: int
    kind: Kind
    onset_s: float
    apex_s: float
    offset_s: float
    cut_off: bool
    confidence: float
    magnitude_iod: float
    iod_px: float
    movements: int
    action_units: tuple[str, ...]
    label: Label
    label_confidence: float
    narration: str


def make_event(video: str, spot: Spot, say: Say) -> Event:
    """The row of a closed spot and the final words about it."""
    if spot.kind is None:
        raise ValueError(f"spot {spot.spot_id} has not closed yet")
    onset, apex, offset = (round(t / 1e9, 4) for t in (spot.onset_ns, spot.apex_ns, spot.offset_ns))
    return Event(
        video, spot.face_id, spot.kind, onset, apex, offset, spot.cut_off, spot.confidence, spot.magnitude_iod,
        round(spot.iod_px, 1), spot.movements, say.action_units, say.label, say.confidence, say.text,
    )  # fmt: skip


def write_events(events: Sequence[Event], folder: Path) -> None:
    """Write `events.jsonl` and `events.csv`, in order of onset, into a folder."""
    write_events_jsonl(events, folder / "events.jsonl")
    write_events_csv(events, folder / "events.csv")


def write_events_jsonl(events: Sequence[Event], path: Path) -> None:
    """Write a line of JSON an event, in order of onset."""
    with path.open("w", encoding="utf-8") as lines:
        for event in in_order(events):
            lines.write(json.dumps(asdict(event), ensure_ascii=False) + "\n")


def write_events_csv(events: Sequence[Event], path: Path) -> None:
    """Write a row an event, in order of onset; action units are joined by "+"."""
    with path.open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, [f.name for f in fields(Event)])
        writer.writeheader()
        for event in in_order(events):
            writer.writerow({**asdict(event), "action_units": "+".join(event.action_units)})


def videos_in(table: Path) -> list[str] | None:
    """The videos of which a table that `write_events_csv` wrote holds events; None if it is none such."""
    with table.open(encoding="utf-8", errors="replace", newline="") as lines:
        rows = csv.DictReader(lines)
        if list(rows.fieldnames or ()) != [f.name for f in fields(Event)]:
            return None
        return list(dict.fromkeys(row["video"] for row in rows))


def write_events_parquet(events: Sequence[Event], path: Path) -> None:
    """Write a row an event, in order of onset; the action units are a list."""
    kinds: dict[type, object] = {int: pa.int32(), float: pa.float64(), bool: pa.bool_()}
    hints = get_type_hints(Event)
    schema = [(f.name, kinds.get(hints[f.name], pa.string())) for f in fields(Event) if f.name != "action_units"]
    schema.insert([f.name for f in fields(Event)].index("action_units"), ("action_units", pa.list_(pa.string())))
    pq.write_table(pa.Table.from_pylist([asdict(event) for event in in_order(events)], pa.schema(schema)), path)


def in_order(events: Sequence[Event]) -> list[Event]:
    """Events by video and onset; those that begin together by face and offset."""
    return sorted(events, key=lambda e: (e.video, e.onset_s, e.face_id, e.offset_s))


def region_columns(name: str) -> tuple[str, str]:
    """The names of the columns that tell how far a region moved to the right and down."""
    slug = name.lower().replace(" ", "_")
    return f"u_{slug}", f"v_{slug}"


def motion_table(motions: Sequence[Motion]) -> "pa.Table":
    """One row a frame a face.

    Columns: time_s, frame, face_id; u_<region> and v_<region>, IOD right and down, e.g. `u_left_mouth_corner`;
    head_u, head_v (head motion since the anchor at the crop's middle, IOD) and head_{u,v}_{x,y,z} (its change per IOD);
    anchor, iod_px, noise_iod, magnitude_iod, eye_opening_left, eye_opening_right, quality.
    """
    columns: dict[str, object] = {
        "time_s": np.array([m.t_media_ns for m in motions], np.float64) / 1e9,
        "frame": np.array([m.seq for m in motions], np.int64),
        "face_id": np.array([m.face_id for m in motions], np.int32),
    }
    u = np.array([m.u_iod for m in motions], np.float32).reshape(-1, len(REGION_NAMES))
    v = np.array([m.v_iod for m in motions], np.float32).reshape(-1, len(REGION_NAMES))
    for index, name in enumerate(REGION_NAMES):
        right, down = region_columns(name)
        columns[right], columns[down] = u[:, index], v[:, index]
    head = np.array([m.head for m in motions], np.float32).reshape(-1, 8) / CROP_IOD
    for index, name in enumerate(("u", "u_x", "u_y", "u_z", "v", "v_x", "v_y", "v_z")):
        columns[f"head_{name}"] = head[:, index]
    columns["anchor"] = np.array([m.epoch for m in motions], np.int32)
    for name in ("iod_px", "noise_iod", "magnitude_iod", "quality"):
        columns[name] = np.array([getattr(m, name) for m in motions], np.float32)
    eyes = np.array([m.eye_opening for m in motions], np.float32).reshape(-1, 2)
    columns["eye_opening_left"], columns["eye_opening_right"] = eyes[:, 0], eyes[:, 1]
    return pa.table(columns)


class MotionRows:
    """Motions on their way into tables (`motion_table`), `_ROWS` at a time: a motion takes ten times a row's memory."""

    def __init__(self, sink: Callable[["pa.Table"], object]) -> None:
        """Begin; `sink` takes a table of the next rows."""
        self._sink = sink
        self._waiting: list[Motion] = []

    def add(self, motion: Motion) -> None:
        """The next row."""
        self._waiting.append(motion)
        if len(self._waiting) == _ROWS:
            self.flush()

    def flush(self) -> None:
        """Hand on what is left."""
        if self._waiting:
            self._sink(motion_table(self._waiting))
            self._waiting = []


class MotionWriter(MotionRows):
    """Writes the motion table as Parquet while the motions come.

    A context manager; the file is whole when it is left.
    """

    def __init__(self, path: Path) -> None:
        """Begin a file.

        Raises:
            OSError: it cannot be written, then or later.
        """
        self._file = pq.ParquetWriter(path, motion_table([]).schema)
        super().__init__(self._file.write_table)

    def __enter__(self) -> "MotionWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            self.flush()


def write_rows(table: "pa.Table", path: Path) -> None:
    """Write a table as JSON Lines or CSV, by the path's suffix; numbers to a millionth."""
    names = table.column_names
    batches = (batch.columns for batch in table.to_batches(_ROWS))
    rows = (row for columns in batches for row in zip(*(_rounded(one.to_numpy()) for one in columns), strict=True))
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            writer = csv.writer(file)
            writer.writerow(names)
            writer.writerows(rows)
        else:
            for row in rows:
                file.write(json.dumps(dict(zip(names, row, strict=True))) + "\n")


def _rounded(column: NDArray[np.generic]) -> list[float | int]:
    if column.dtype.kind == "f":
        return list(np.round(column.astype(np.float64), 6).tolist())
    return list(column.tolist())
