import io
import re
import tracemalloc
from itertools import count

import msgspec
import pytest
from rich.console import Console

from calib.phantom import PhantomEvent, PhantomScript
from realtime.messages import AnyMessage, Gap, Lost, Motion, Say, Spot, Status
from realtime.nodes import PROCESSES
from realtime.terminal import LiveView
from tests.realtime.curves import perform
from tests.realtime.messages import frame
from tests.realtime.test_calibration import CALIBRATION

EVENT = PhantomEvent(1.0, 1.2, 1.4, (("AU4", 0.02),))


def spot(onset_s: float, offset_s: float, spot_id: int = 0) -> Spot:
    return Spot(
        seq=40, t_capture_ns=0, t_media_ns=1_500_000_000, spot_id=spot_id, phase="closed",
        onset_ns=round(onset_s * 1e9), apex_ns=round((onset_s + 0.2) * 1e9), offset_ns=round(offset_s * 1e9),
        kind="micro", confidence=0.8,
    )  # fmt: skip


def shown(messages: list[AnyMessage], script: PhantomScript | None = None, verbose: bool = False) -> str:
    text = io.StringIO()
    view = LiveView(Console(file=text, width=120), verbose)
    for message in [*perform([EVENT], [k / 30 for k in range(90)]), *messages]:
        view.show(message)
    if script is not None:
        again = (event.later(hour * 3600) for hour in count() for event in script.events)
        view.against(again)
    view.closing()
    return text.getvalue()


SAY = Say(
    seq=40, t_capture_ns=0, t_media_ns=1_500_000_000, spot_id=0, text="Brows down 1.0 px.", final=True,
    action_units=("AU4",), label="negative", confidence=0.9,
)  # fmt: skip


def test_an_event_is_shown_with_its_times_units_and_words() -> None:
    text = shown([spot(1.0, 1.4), SAY])
    assert "micro-expression  1.00–1.40 s (apex 1.20, 400 ms)  AU4  negative 90%" in text
    assert "Brows down 1.0 px." in text
    assert "Watched 0:03: 1 micro-expression and 0 macro-expressions." in text


def test_events_that_were_told_take_little_memory() -> None:
    view = LiveView(Console(file=io.StringIO()))
    tracemalloc.start()
    for number in range(20):
        view.show(msgspec.structs.replace(spot(number, number + 0.4, number), sketch=bytes(100_000)))
        view.show(msgspec.structs.replace(SAY, spot_id=number))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1_000_000


def test_an_end_that_nobody_saw_is_told_and_speech_has_no_class() -> None:
    cut = msgspec.structs.replace(spot(1.0, 1.4), cut_off=True)
    assert "(apex 1.20, 400 ms, cut off)  AU4  negative 90%" in shown([cut, SAY])
    speech = msgspec.structs.replace(spot(1.0, 1.4), kind="speech")
    nothing = msgspec.structs.replace(SAY, action_units=(), label="none", confidence=0.0)
    assert "speech  1.00–1.40 s (apex 1.20, 400 ms)\n" in shown([speech, nothing])


def test_the_truth_stands_beside_what_was_spotted() -> None:
    script = PhantomScript((EVENT, PhantomEvent(2.0, 2.2, 2.4, (("AU12", 0.02),))))
    text = shown([spot(1.02, 1.41), SAY, spot(1.6, 1.8, 1)], script)
    assert "✓" in text
    assert "missed" in text
    assert "extra micro" in text
    assert "Found 1 of 2 with the right kind (overlap of half or more); 1 extra" in text


@pytest.mark.parametrize(("iod_px", "times"), [(59.0, 1), (60.0, 0)])
def test_a_face_too_small_for_small_movements_is_said_once(iod_px: float, times: int) -> None:
    text = io.StringIO()
    view = LiveView(Console(file=text, width=200))
    for motion in perform([], [0.0, 0.1]):
        view.show(msgspec.structs.replace(motion, iod_px=iod_px) if isinstance(motion, Motion) else motion)
    assert text.getvalue().count("note: the face is small (59 px between the eyes)") == times


def test_a_calibration_of_another_set_up_is_said_once() -> None:
    text = io.StringIO()
    view = LiveView(Console(file=text, width=200), calibration=CALIBRATION)
    for message in perform([EVENT], [k / 30 for k in range(30)]):
        view.show(msgspec.structs.replace(message, iod_px=40.0, engine="dis"))
    assert text.getvalue().count("made with the flow engine meflownet, this run measures with dis") == 1
    assert text.getvalue().count("40 px between the eyes and was 100 px") == 1


def test_gaps_are_told_and_summed() -> None:
    gap = Gap(seq=9, t_capture_ns=0, t_media_ns=0, from_seq=3, to_seq=7, cause="align was behind")
    lost = Lost(seq=9, face_id=0, t_capture_ns=0, t_media_ns=0, cause="face left the picture")
    text = shown([gap, lost])
    assert "gap: align was behind" in text
    assert "face 0: face left the picture" in text
    assert "5 frames skipped in 1 gap\n" in text


def test_every_process_has_its_row() -> None:
    status = Status(
        seq=0, t_capture_ns=0, t_media_ns=0, process="perceive", state="ended", handled=90, drops=2, p50_ms=20.5,
        p95_ms=31.2, restarts=1,
    )  # fmt: skip
    text = shown([status], verbose=True)
    assert "flow spot event" in text
    assert "20.5" in text
    assert "31.2" in text


def test_a_session_has_begun_with_its_first_motion_before_any_process_has_reported() -> None:
    view = LiveView(Console(file=io.StringIO()))
    assert not view.began
    for motion in perform([], [0.0]):
        view.show(motion)
    assert view.began


def test_a_session_that_was_stopped_at_its_first_frame_has_no_rate() -> None:
    status = Status(seq=0, t_capture_ns=0, t_media_ns=0, process="capture", state="ended", handled=1)
    text = io.StringIO()
    view = LiveView(Console(file=text, width=120))
    messages: list[AnyMessage] = [frame(0.0), *perform([], [0.0]), status]
    for message in messages:
        view.show(message)
    view.closing()
    row = next(line for line in text.getvalue().splitlines() if "capture" in line)
    assert row.split()[2:4] == ["1", "–"]


@pytest.mark.parametrize(("took_s", "row", "slow"), [(8.0, "30.0", False), (29.63, "8.1", True)])
def test_rates_are_by_the_clock_and_a_stream_that_came_too_slowly_is_told(took_s: float, row: str, slow: bool) -> None:
    frames = [msgspec.structs.replace(frame(k / 30, k), t_capture_ns=round(k / 240 * took_s * 1e9)) for k in range(240)]
    status = Status(seq=0, t_capture_ns=0, t_media_ns=0, process="capture", state="ended", handled=240)
    text = shown([*frames, status])
    assert next(line for line in text.splitlines() if "capture" in line).split()[2:4] == ["240", row]
    assert ("Ran at 0.27 × real time: the machine was too slow or too busy" in text) == slow


def test_the_operator_is_told_once_when_no_face_is_seen() -> None:
    text = io.StringIO()
    view = LiveView(Console(file=text, width=120))
    for handled in (30, 60, 90):
        view.show(Status(seq=0, t_capture_ns=0, t_media_ns=0, process="align", state="running", handled=handled))
    assert text.getvalue().count("no face seen") == 1


def test_the_operator_is_told_once_what_a_long_start_waits_for() -> None:
    text = io.StringIO()
    view = LiveView(Console(file=text, width=200))
    ready = (("capture", 1), ("align", 2), ("narrate", 3), ("capture", 10), ("capture", 12), ("capture", 13))
    for process, t_s in ready:
        view.show(Status(seq=-1, t_capture_ns=t_s * 10**9, t_media_ns=0, process=process, state="ready"))
        assert ("still starting: perceive;" in text.getvalue()) == (t_s >= 12)
    assert text.getvalue().count("still starting") == 1


def test_a_first_process_that_starts_anew_in_a_session_waits_for_nobody() -> None:
    text = io.StringIO()
    view = LiveView(Console(file=text, width=200))
    told = [(spec.name, "ready", 1) for spec in PROCESSES] + [("capture", "running", 2), ("capture", "ready", 60)]
    for process, state, t_s in (*told, ("capture", "ready", 61)):
        view.show(Status(seq=-1, t_capture_ns=t_s * 10**9, t_media_ns=0, process=process, state=state))  # type: ignore[arg-type]
    assert "still starting" not in text.getvalue()


def test_a_revoked_event_is_taken_back() -> None:
    taken = Spot(seq=40, t_capture_ns=0, t_media_ns=0, spot_id=0, phase="revoked", onset_ns=0)
    back = Say(seq=40, t_capture_ns=0, t_media_ns=0, spot_id=0, text="Taken back.", final=True)
    text = shown([taken, back])
    assert "Taken back." in text
    assert "no expression seen; 1 movement was taken back." in text


def piece(text: str, seq: int = 41, spot_id: int = 0, final: bool = False) -> Say:
    return Say(seq=seq, t_capture_ns=0, t_media_ns=1_400_000_000, spot_id=spot_id, text=text, final=final)


APEX: Spot = msgspec.structs.replace(spot(1.0, -1e-9), phase="apex", kind=None, seq=38)
TYPED: list[AnyMessage] = [
    APEX,
    piece("Brows ", 38),
    piece("down.", 38),
    spot(1.0, 1.4),
    piece("Brows"),
    piece(" down"),
    SAY,
]


def test_in_a_log_a_text_is_a_line_once_it_is_whole() -> None:
    text = shown(TYPED)
    lines = [line for line in text.splitlines() if "Brows" in line]
    assert len(lines) == 2
    assert lines[0].endswith("#0 at its apex: Brows down. …")
    assert lines[1].strip() == "Brows down 1.0 px."
    assert "\x1b" not in text


def test_on_a_terminal_words_are_typed_and_other_lines_stay_whole() -> None:
    text = io.StringIO()
    console = Console(file=text, width=100, force_terminal=True, color_system=None, legacy_windows=False)
    view = LiveView(console)
    gap = Gap(seq=9, t_capture_ns=0, t_media_ns=0, from_seq=3, to_seq=7, cause="align was behind")
    for message in [*TYPED[:2], gap, *TYPED[2:5], gap, *TYPED[5:]]:
        view.show(message)
    view.rest()
    shown_text = text.getvalue()
    assert "#0 at its apex: Brows …" in shown_text  # it was there while it was being typed…
    screen = on_screen(shown_text)
    assert screen.count("gap: align was behind") == 2
    assert [line for line in screen.splitlines() if "apex: " in line] == ["   1.40 s  #0 at its apex: Brows down. …"]
    assert sum("Brows down" in line for line in screen.splitlines()) == 2  # …and in the end each text stands once
    assert shown_text.count("\x1b[?25l") == shown_text.count("\x1b[?25h")  # the cursor is back


def test_a_text_that_is_never_finished_keeps_what_was_said() -> None:
    text = shown([APEX, piece("Brows ", 38), spot(1.0, 1.4), SAY])
    assert "#0 at its apex: Brows …" in text


def test_notes_and_the_summary_are_shown() -> None:
    text = shown(
        [piece("the model is too slow", spot_id=-1), spot(1.0, 1.4), SAY, piece("All in all.", spot_id=-1, final=True)]
    )
    assert "note: the model is too slow" in text
    assert "Summary\n  All in all." in text
    assert "Watched" not in text


def on_screen(written: str) -> str:
    """What stands on a terminal after some text with cursor movements was written to it."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x1b]", written):
        if part == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif part == "\r":
            column = 0
        elif part.startswith("\x1b["):
            count = int(part[2:-1] or 1) if part[2:-1].isdigit() or not part[2:-1] else 1
            if part[-1] == "A":
                row = max(row - count, 0)
            elif part[-1] == "K":
                lines[row] = "" if part[2:-1] == "2" else lines[row][:column]
        else:
            lines[row] = f"{lines[row]:{column}}"[:column] + part + lines[row][column + 1 :]
            column += 1
    return "\n".join(lines)
