"""The terminal's panel."""

import io

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from realtime.messages import Lost, Say, Spot
from realtime.panel import FULL_IOD, WINDOW_S, Panel, column, sparkline
from tests.realtime.served import STEP_NS, motion


def drawn(panel: Panel, width: int = 100) -> str:
    text = io.StringIO()
    Console(file=text, width=width, color_system=None).print(panel.drawn(width))
    return text.getvalue()


def watching(seconds: float, faces: int = 1) -> Panel:
    panel = Panel(Console(file=io.StringIO(), width=100))
    for k in range(round(seconds * 30)):
        for face_id in range(faces):
            panel.take(motion(k, face_id))
    return panel


def test_a_movement_rises_in_its_row_and_its_apex_is_marked() -> None:
    panel = watching(2.0)
    rising = Spot(
        seq=60, face_id=0, t_capture_ns=0, t_media_ns=60 * STEP_NS, spot_id=1, phase="rising", onset_ns=59 * STEP_NS
    )
    panel.take(rising)
    for k in range(60, 66):
        panel.take(motion(k, u_iod=2 * FULL_IOD))
    assert "…" in drawn(panel)
    panel.take(msgspec.structs.replace(rising, phase="apex", apex_ns=63 * STEP_NS))
    text = drawn(panel)
    assert "◆" in text
    rows = [line for line in text.splitlines() if "brows" in line or "mouth" in line]
    assert all("█" in row and "▁" in row for row in rows)
    assert f"of {200 * FULL_IOD:.1f} %" in text
    panel.take(msgspec.structs.replace(rising, phase="revoked"))
    assert "◆" not in drawn(panel)


def test_every_face_has_its_rows_until_it_goes() -> None:
    panel = watching(1.0, faces=2)
    assert "face 0" in drawn(panel)
    assert "face 1" in drawn(panel)
    panel.take(Lost(seq=30, face_id=1, t_capture_ns=0, t_media_ns=STEP_NS, cause="left"))
    assert drawn(panel).count("mouth") == 1
    panel.take(Lost(seq=30, face_id=0, t_capture_ns=0, t_media_ns=STEP_NS, cause="left"))
    assert "no face" in drawn(panel)


def test_what_the_narrator_has_to_say_of_itself_stays_in_sight() -> None:
    panel = watching(1.0)
    note = Say(seq=0, face_id=-1, t_capture_ns=0, t_media_ns=0, spot_id=-1, text="no such file; the template speaks")
    panel.take(note)
    panel.take(msgspec.structs.replace(note, spot_id=0, text="Chin up"))
    panel.take(msgspec.structs.replace(note, final=True, text="A summary"))
    for width in (44, 100):
        assert "note: no such file; the template" in " ".join(drawn(panel, width).replace("│", "").split())
    assert "Chin up" not in drawn(panel)
    assert "A summary" not in drawn(panel)


def test_it_fits_a_narrow_terminal() -> None:
    panel = watching(1.0)
    for width in (44, 60, 200):
        assert max(map(len, drawn(panel, width).splitlines())) <= width


@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 1)), max_size=50).map(sorted), st.integers(1, 200))
def test_a_sparkline_has_as_many_blocks_as_columns(points: list[tuple[float, float]], columns: int) -> None:
    line = sparkline(points, 30.0, columns, 0.5)
    assert len(line) == columns
    assert set(line) <= set(" ▁▂▃▄▅▆▇█")


def test_now_is_the_last_column_and_the_windows_begin_the_first() -> None:
    assert column(30.0, 30.0, 60) == 59
    assert column(30.0 - WINDOW_S + 0.01, 30.0, 60) == 0
    assert column(30.0 - WINDOW_S - 1, 30.0, 60) < 0
