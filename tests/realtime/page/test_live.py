"""The live place in a real browser, before a session that is acted."""

from typing import Any

import cv2
import numpy as np
import pytest

from realtime.dashboard import wire
from realtime.dashboard.moments import Moment
from realtime.messages import End, Gap
from tests.realtime.acted import Acted, event, point
from tests.realtime.served import STEP_NS, face, frame

PILL = "#live .pill"
TIME = "#live .curves canvas"

DRAWN = """
  window.drawn = [];
  const { clearRect, fillText } = CanvasRenderingContext2D.prototype;
  const onCurves = (context) => context.canvas.closest(".curves");
  CanvasRenderingContext2D.prototype.clearRect = function (...where) {
    if (onCurves(this)) window.drawn = [];
    clearRect.apply(this, where);
  };
  CanvasRenderingContext2D.prototype.fillText = function (words, ...where) {
    if (onCurves(this)) window.drawn.push(words);
    fillText.call(this, words, ...where);
  };
"""
"""Keeps the words of the last drawing of the curves in `drawn`."""

KEEP_TIMES = f"""() => {{
  const curves = document.querySelector("{TIME}");
  window.times = [];
  const seen = new MutationObserver(() => times.push(Number(curves.ariaValueNow)));
  seen.observe(curves, {{ attributeFilter: ["aria-valuenow"] }});
}}"""
"""Keeps in `times` every moment that the curves have been at since."""


def lost(cause: str, seq: int) -> Gap:
    """Time that was lost, but no frame."""
    return Gap(seq=seq, t_capture_ns=0, t_media_ns=seq * STEP_NS, from_seq=seq, to_seq=seq - 1, cause=cause)


def ended(seq: int) -> End:
    return End(seq=seq, t_capture_ns=0, t_media_ns=seq * STEP_NS)


def points(*seqs: int, faces: tuple[int, ...] = (0,), u_iod: float = 0.0) -> dict[str, Any]:
    return {"type": "motions", "rows": [point(seq, *faces, u_iod=u_iod) for seq in seqs]}


def shown_s(page: Any) -> float:
    """The moment that the curves are at."""
    return float(page.locator(TIME).get_attribute("aria-valuenow"))


def comes_to(page: Any, acted: Acted, t_s: float) -> None:
    """Wait until the curves are at a moment."""
    acted.until(lambda: shown_s(page) == pytest.approx(t_s, abs=0.006))


def labels(page: Any) -> list[str]:
    """Of the scale beside the curves."""
    return [words for words in page.evaluate("drawn") if words.endswith("%")]


def test_a_short_disconnection_takes_nothing_away(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(points(*range(60)), event(1, 0.3, 0.6))
    page.locator("#live li.card").wait_for()
    acted.past = [points(*range(50, 90)), event(2, 1.5, 1.9)]
    acted.hang_up()
    acted.until(lambda: page.locator("#live li.card").count() == 2)
    page.keyboard.press(" ")
    page.locator("#live").get_by_label("Scrub").press("Home")
    comes_to(page, acted, 0.0)
    page.locator("#live").get_by_label("Scrub").press("End")
    comes_to(page, acted, 89 / 30)


def test_another_session_at_the_same_address_does_not_take_over_the_page(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(point(1, 0), event(1, 0.3, 0.6))
    page.locator("#live li.card").wait_for()
    acted.session = "second"
    acted.hang_up()
    page.get_by_text("A new session has begun").wait_for()
    assert page.locator("#link").inner_text() == "not connected"
    assert page.locator("#live li.card").count() == 1
    page.get_by_role("button", name="Go to the new one").click()
    page.get_by_text("connected", exact=True).wait_for()
    assert page.locator("#live li.card").count() == 0
    assert page.locator("#banner").is_hidden()


def test_notes_and_gaps_that_are_told_again_are_not_doubled(page: Any, acted: Acted) -> None:
    acted.open()
    counts = page.evaluate("""async () => {
      const { Track } = await import("/page/track.js");
      const track = new Track(true);
      for (const t of [1, 1, 2]) {
        track.take({ type: "gap", t, frames: 3, cause: "align was behind" });
        track.take({ type: "annotation", t, until: null, text: "a nod" });
      }
      return [track.gaps.size, track.notes.size];
    }""")
    assert counts == [2, 2]


def test_a_long_recording_is_kept_whole_and_of_a_live_session_the_newest_part(page: Any, acted: Acted) -> None:
    acted.open()
    first = page.evaluate("""async () => {
      const { Track } = await import("/page/track.js");
      return [false, true].map((live) => {
        const track = new Track(live);
        const faces = [{ id: 0, u: [], v: [] }];
        for (let k = 0; k < 40 * 60 * 30; k++) track.take({ type: "motion", t: k / 30, faces });
        return track.lane(0).t[0];
      });
    }""")
    assert first[0] == 0.0
    assert first[1] > 0.0


def test_a_live_session_without_end_needs_no_memory_without_end(page: Any, acted: Acted) -> None:
    acted.open()
    kept = page.evaluate("""async () => {
      const { Track } = await import("/page/track.js");
      const live = new Track(true);
      const recorded = new Track(false);
      const face = (id) => ({ id, u: [], v: [] });
      for (const track of [live, recorded]) {
        // A face that leaves and returns every 10 s gets a number every time; another one stays.
        for (let k = 0; k < 40 * 60 * 30; k++) {
          track.take({ type: "motion", t: k / 30, faces: [face(1), face(2 + Math.floor(k / 300))] });
          if (k % 10 === 0) track.take({ type: "gap", t: k / 30, until: null, frames: 1, cause: "align was behind" });
        }
        track.take({ type: "motion", t: 1, faces: [face(2)] }); // told again, as after a lost connection
      }
      return [live, recorded].map((track) => [track.lanes.size, track.faces, track.gaps.size, track.first,
        Math.max(...[...track.lanes.values()].map((lane) => lane.t.length))]);
    }""")
    (lanes, faces, gaps, first_s, points), whole = kept
    assert lanes < 130  # of 20 minutes, and the one that stays
    assert (faces, gaps) == (241, 5000)
    assert first_s == pytest.approx(20 * 60, abs=130)
    assert 32400 <= points <= 36000
    assert whole == [241, 241, 7200, 0, 72000]


def test_of_a_moment_that_is_no_longer_kept_so_much_is_told(page: Any, acted: Acted) -> None:
    acted.open()
    page.evaluate("""async () => {
      const { Track } = await import("/page/track.js");
      window.push = Track.prototype._motion;
      Track.prototype._motion = function (point) { this.most = 100; push.call(this, point); };
    }""")
    acted.say(points(*range(301)), event(1, 1.0, 1.4), event(2, 9.0, 9.4))
    message = page.locator("#live .stage-message")
    for key, t_s, kept in (("[", 9.2, True), ("[", 1.2, False), ("]", 9.2, True)):
        page.keyboard.press(key)
        comes_to(page, acted, t_s)
        assert ("no longer kept" in message.inner_text()) is not kept
    slider = page.locator("#live").get_by_label("Scrub")
    slider.press("Home")
    assert float(page.locator(TIME).get_attribute("aria-valuenow")) > 6.0  # where the curves begin
    assert message.is_hidden()


def test_a_face_that_was_not_measured_is_not_drawn_as_one_at_rest(page: Any, acted: Acted) -> None:
    acted.open()
    circles = page.evaluate("""async () => {
      const { drawFace } = await import("/page/overlay.js");
      const context = document.createElement("canvas").getContext("2d");
      let circles = 0;
      context.arc = () => circles++;
      const hello = { steps_per_px: 8, steps_per_iod: 1, regions: [{ points: [1], radius: 0.1 }] };
      const face = { mesh: new Int16Array(1000) };
      return [{}, { u: [0], v: [0] }, { moves: [0, 0] }].map((measured) => {
        circles = 0;
        drawFace(context, { ...face, ...measured }, hello, { mesh: true, regions: true, flow: true }, 1);
        return circles;
      });
    }""")
    assert circles == [0, 1, 1]


def test_a_time_without_pictures_is_marked_as_long_as_it_was_and_skipped_frames_by_a_tick(
    page: Any, acted: Acted
) -> None:
    acted.open()
    drawn = page.evaluate("""async () => {
      const { Track } = await import("/page/track.js");
      const { drawMarks } = await import("/page/marks.js");
      const context = document.createElement("canvas").getContext("2d");
      const track = new Track(false);
      const gap = { type: "gap", cause: "why" };
      track.take({ ...gap, t: 1, until: null, frames: 3 });
      track.take({ ...gap, t: 3, until: null, frames: 0 });
      track.take({ ...gap, t: 5, until: 7, frames: 0 });
      const bars = [];
      context.fillRect = (x, y, width) => bars.push([x, width]);
      for (const range of [[0, 10], [6, 10], [8, 10]])
        drawMarks(context, track, 0, range, (t) => 10 * t, { x: 0, width: 100, all: 100, top: 0, bottom: 50, free: 0 },
          {}, "serif", null);
      return bars;
    }""")
    assert drawn == [[9, 2], [49, 22], [59, 12]]


def test_a_session_that_has_ended_is_never_called_live(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(points(*range(10)))
    acted.until(lambda: page.locator(PILL).inner_text() == "LIVE")
    acted.say(ended(10))
    acted.until(lambda: page.locator(PILL).inner_text() == "ENDED")
    assert shown_s(page) == pytest.approx(0.3)  # it stays where it was
    for key in ("l", " "):
        page.keyboard.press(key)
        assert page.locator("#live .go-live").is_hidden()
        comes_to(page, acted, 0.3)  # Space has shown it all once more
        assert page.locator(PILL).inner_text() == "ENDED"


def test_without_a_connection_nothing_is_live_and_no_order_is_lost_in_silence(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(points(*range(10)))
    acted.away = True
    acted.hang_up()
    acted.until(lambda: page.locator(PILL).inner_text() == "NOT CONNECTED")
    page.keyboard.press("r")
    page.get_by_text("Not connected: recording cannot be started").wait_for()


def test_a_network_that_went_away_is_noticed(page: Any, acted: Acted) -> None:
    page.clock.install()
    acted.open()
    for _ in range(4):
        acted.heard.clear()
        page.clock.run_for(5_000)
        acted.until(lambda: {"do": "ping"} in acted.heard)
    assert page.locator("#link").inner_text() == "connected"
    acted.silent = acted.away = True
    page.clock.run_for(16_000)
    page.get_by_text("not connected", exact=True).wait_for()


def test_who_puts_the_notice_off_is_asked_again_when_the_picture_is_wanted(page: Any, acted: Acted) -> None:
    acted.open(button=None)
    page.locator("dialog.consent").wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    chip = page.locator("#live [data-layer=picture]")
    assert chip.get_attribute("aria-pressed") == "false"
    chip.click()
    page.click("dialog.consent [value=video]")
    acted.until(lambda: {"do": "consent"} in acted.heard)
    assert chip.get_attribute("aria-pressed") == "true"
    assert acted.heard.index({"do": "consent"}) < acted.heard.index({"do": "video", "on": True})
    acted.heard.clear()
    chip.click()
    acted.until(lambda: {"do": "video", "on": False} in acted.heard)
    acted.heard.clear()
    acted.open(button=None)  # what was answered holds
    acted.until(lambda: {"do": "consent"} in acted.heard)
    assert page.locator("dialog").count() == 0


def test_a_note_can_be_begun_while_a_dialog_closes(page: Any, acted: Acted) -> None:
    acted.open()
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keyboard").wait_for()
    # In one task of the browser's: its "close" event, which takes the dialog away, comes only after the key.
    page.evaluate(
        "document.querySelector('dialog[open] button').click();"
        "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'a', bubbles: true }))"
    )
    page.get_by_role("textbox", name="Note").wait_for()


def test_only_a_note_that_was_kept_is_called_noted(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(points(*range(60)))
    for kept in (False, True):
        page.keyboard.press("a")
        page.get_by_role("textbox", name="Note").fill("so")
        page.keyboard.press("Enter")
        acted.until(lambda: [order["do"] for order in acted.heard[-1:]] == ["annotate"])
        answer = {**acted.heard.pop(), "type": "annotation", "until": None}
        acted.say(answer if kept else wire.notice("error", "the session is over"))
        page.locator(".toast", has_text="noted" if kept else "over").wait_for()
        assert page.locator(".toast", has_text="noted").count() == kept


def test_a_remark_on_the_source_or_the_narrator_is_told_and_stands_among_the_events(page: Any, acted: Acted) -> None:
    words = "the template narrator speaks instead"
    acted.past = [points(*range(60)), {"type": "remark", "t": 0.0, "text": words}]
    acted.open()
    page.locator(".toast", has_text=words).wait_for()
    card = page.locator("#live li.card")
    assert "remark" in card.inner_text()
    assert words in card.inner_text()
    assert page.locator("#live .empty").is_visible()  # it is no event
    page.get_by_role("button", name="1 remarked").click()
    assert card.is_hidden()
    acted.past.append(event(1, 0.3, 0.6))
    acted.hang_up()
    page.locator("#live li.card[data-id='1']").wait_for()
    assert card.count() == 2  # though it was told again


def test_what_became_of_a_recording_is_told_and_that_nothing_did(page: Any, acted: Acted) -> None:
    off = {"type": "recording", "on": False, "video": False, "path": "", "name": "", "last": "", "problem": ""}
    on = {**off, "on": True, "path": "/sessions/second", "name": "second", "last": "first"}
    acted.past = [{**off, "last": "first"}]
    acted.open()
    for ended, words in (
        ({"last": "second"}, "Recorded: second, see Recordings"),
        ({"last": "second", "problem": "the disk is full"}, "the disk is full"),
        ({}, "No frame came, so nothing was recorded"),
    ):
        acted.say(on, {**off, **ended})
        page.locator(".toast", has_text=words).wait_for()


def test_what_was_away_for_a_moment_is_told_in_passing_and_else_as_long_as_it_is(page: Any, acted: Acted) -> None:
    acted.open()
    acted.until(lambda: page.locator(PILL).inner_text() == "STARTING")
    acted.say(points(*range(10)))
    passing = [wire.news(lost("narrate stopped; restarting it", 10)), point(10, 0)]
    acted.say({"type": "news", "rows": passing})  # at once: what is away for longer is told otherwise
    page.locator(".toast", has_text="narrate stopped").wait_for()
    assert page.locator("#banner").is_hidden()
    acted.say(lost("no frame; trying again in 4 s", 11))
    page.locator("#banner", has_text="trying again in 4 s").wait_for()
    acted.until(lambda: page.locator(PILL).inner_text() == "NO SIGNAL")
    acted.say(point(300, 0))
    page.locator("#banner").wait_for(state="hidden")
    acted.until(lambda: page.locator(PILL).inner_text() == "LIVE")


def test_arrows_step_through_the_frames_of_every_face(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(points(*range(10)), points(*range(10, 20), faces=(3,)))
    page.keyboard.press(" ")
    for seq in (18, 17):
        page.keyboard.press("ArrowLeft")
        comes_to(page, acted, seq / 30)
    for _ in range(17 - 9):
        page.keyboard.press("ArrowLeft")
    comes_to(page, acted, 9 / 30)
    page.locator("#live").get_by_label("Scrub").focus()  # there too: its own steps are no frames
    page.keyboard.press("ArrowRight")
    comes_to(page, acted, 10 / 30)


def test_a_click_chooses_the_event_of_the_face_it_falls_on(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(points(*range(301), faces=(0, 3)), event(1, 4.0, 6.0), event(2, 4.0, 6.0, face_id=3))
    acted.until(lambda: page.locator("#live li.card").count() == 2)
    box = page.locator(TIME).bounding_box()
    for share, chosen in ((0.7, "2"), (0.3, "1")):
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + share * box["height"])
        assert page.locator("#live li.card[data-chosen]").get_attribute("data-id") == chosen


def test_paused_curves_have_the_scale_of_what_they_show(page: Any, acted: Acted) -> None:
    page.add_init_script(DRAWN)
    acted.open()
    acted.say(points(*range(150), u_iod=0.1), points(*range(150, 600), u_iod=0.004))
    acted.until(lambda: shown_s(page) > 19)
    page.keyboard.press(" ")
    slider = page.locator("#live").get_by_label("Scrub")
    scales = []
    for key, there in (("Home", 0.0), ("End", 599 / 30)):
        slider.press(key)
        comes_to(page, acted, there)
        scales.append(labels(page))
    assert scales[0][-1] == "10\N{NO-BREAK SPACE}%"
    assert scales[1][-1] == "1.0\N{NO-BREAK SPACE}%"


def test_a_touchpad_zooms_by_little_at_a_time(page: Any, acted: Acted) -> None:
    page.add_init_script(DRAWN)
    acted.open()
    acted.say(points(*range(900)))
    acted.until(lambda: "0:28" in page.evaluate("drawn"))
    page.locator(TIME).hover()
    for _ in range(8):
        page.mouse.wheel(0, 2)
    acted.until(lambda: page.locator("#live .segments [aria-pressed=true]").count() == 0)
    assert "0:10" not in page.evaluate("drawn")  # a little more than 10 s are shown


def test_the_slider_goes_along_though_it_has_the_focus(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(points(*range(301)), event(1, 4.8, 5.2))
    page.locator("#live li.card").wait_for()
    page.keyboard.press(" ")
    slider = page.locator("#live").get_by_label("Scrub")
    slider.focus()
    page.keyboard.press("[")
    acted.until(lambda: float(slider.input_value()) == pytest.approx(0.5, abs=0.01))


def with_a_picture(page: Any, acted: Acted) -> Any:
    """The stage of a session of 10 s whose newest picture has come, black."""
    acted.open()
    acted.say(points(*range(301)))
    _, jpeg = cv2.imencode(".jpg", np.zeros((480, 640, 3), np.uint8))
    acted.show(Moment(frame(300), {0: face(300)}), jpeg.tobytes())
    stage = page.locator("#live .stage")
    acted.until(lambda: stage.get_attribute("data-filled") == "true")
    return stage


def test_before_the_first_picture_the_drawn_face_stands_on_the_themes_ground(page: Any, acted: Acted) -> None:
    stage = with_a_picture(page, acted)
    page.keyboard.press(" ")
    page.locator("#live").get_by_label("Scrub").press("Home")
    acted.until(lambda: stage.get_attribute("data-filled") == "false")


def test_pictures_that_have_come_stay_when_the_page_finds_its_session_over(page: Any, acted: Acted) -> None:
    stage = with_a_picture(page, acted)
    acted._video = False
    acted.past = [wire.news(End(seq=300, t_capture_ns=0, t_media_ns=10_000_000_000))]
    acted.hang_up()
    page.get_by_text("The session ended at 0:10.00").wait_for()
    assert stage.get_attribute("data-filled") == "true"
    assert page.locator("#live [data-layer=picture]").is_visible()


def test_no_older_picture_stands_for_a_time_from_which_none_was_sent(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(points(*range(301)))
    _, jpeg = cv2.imencode(".jpg", np.zeros((480, 640, 3), np.uint8))
    for seq in (30, 300):
        acted.show(Moment(frame(seq), {0: face(seq)}), jpeg.tobytes())
    slider = page.locator("#live").get_by_label("Scrub")
    page.keyboard.press(" ")
    for share, filled in ((0.15, "true"), (0.5, "false"), (1, "true")):
        slider.fill(str(share))
        page.locator(f"#live .stage[data-filled={filled}]").wait_for()


def test_the_notice_of_a_session_without_pictures_speaks_of_none(page: Any) -> None:
    acted = Acted(page, video=False)
    acted.open(button=None)
    page.locator("dialog", has_text="No picture comes to this page.").wait_for()
    assert "The picture stays" not in page.locator("dialog").inner_text()


def test_without_a_session_nothing_of_one_is_offered(page: Any) -> None:
    acted = Acted(page, live=False)
    acted.open(button=None)
    page.get_by_role("heading", name="No live session here").wait_for()
    assert page.locator("#live button:visible, #live input:visible, #live canvas:visible").count() == 0
    page.keyboard.press("a")
    page.keyboard.press("r")
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keyboard").wait_for()
    assert page.locator("dialog").count() == 1
    assert [order for order in acted.heard if order["do"] != "ping"] == []


def test_a_frame_that_was_skipped_is_not_held_against_a_process_for_ever(page: Any, acted: Acted) -> None:
    acted.open()
    for drops, state in ((3, "good"), (4, "warn"), (4, "good")):
        acted.say({"type": "status", "process": "align", "state": "running", "detail": "", "fps": 30, "handled": 9,
                   "drops": drops, "queue": 0, "p50_ms": 1, "p95_ms": 2, "restarts": 0})  # fmt: skip
        page.locator(f"#live .health-stage[data-state={state}]").wait_for()


def test_a_menu_stays_open_while_it_is_pressed_where_nothing_takes_the_focus(page: Any, acted: Acted) -> None:
    acted.open()
    page.locator("#live summary", has_text="Export").click()
    box = page.locator("#live .menu[open] .menu-list").bounding_box()
    page.mouse.move(box["x"] + 3, box["y"] + 3)  # in Safari its buttons are such places
    page.mouse.down()
    assert page.locator("#live .menu[open]").count() == 1
    page.mouse.up()
    page.mouse.click(5, 300)
    assert page.locator("#live .menu[open]").count() == 0


def test_the_way_to_the_content_leaves_the_place_as_it_is(page: Any, acted: Acted) -> None:
    acted.open()
    page.keyboard.press("3")
    page.get_by_role("heading", name="Analyze videos").wait_for()
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "place"
    assert page.url.endswith("#analyze")
    assert page.get_by_role("heading", name="Analyze videos").is_visible()


def test_one_restart_of_a_stage_is_told_in_the_singular(page: Any, acted: Acted) -> None:
    acted.open()
    for restarts, told in ((1, "1 restart"), (2, "2 restarts")):
        acted.say({"type": "status", "process": "align", "state": "running", "detail": "", "fps": 30, "handled": 9,
                   "drops": 0, "queue": 0, "p50_ms": 1, "p95_ms": 2, "restarts": restarts})  # fmt: skip
        page.locator(f"#live [title$=', {told}']").wait_for()


def test_time_does_not_run_on_while_the_page_is_not_drawn(page: Any, acted: Acted) -> None:
    acted.open()
    gone_on_s = page.evaluate("""async () => {
      const { Track } = await import("/page/track.js");
      const { Playhead } = await import("/page/playhead.js");
      const track = new Track(false);
      [track.first, track.last] = [0, 100];
      const playhead = new Playhead(track, false);
      playhead.play();
      playhead.tick(performance.now() + 20000);
      return playhead.t;
    }""")
    assert 0 < gone_on_s < 1


def test_a_chosen_event_is_shown_again_and_again_until_it_is_stopped(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(points(*range(301)), event(1, 4.0, 4.2))
    page.locator("#live li.card").click()
    stop = page.get_by_role("button", name="Stop the replay")
    stop.wait_for()
    assert page.locator(PILL).inner_text() == "REPLAY"
    page.evaluate(KEEP_TIMES)
    acted.until(lambda: page.evaluate("times.some((t, k) => t < times[k - 1])"))  # until it begins anew
    seen_s = page.evaluate("times")
    assert min(seen_s) >= 3.69
    assert 4.3 < max(seen_s) <= 4.51
    page.keyboard.press("Escape")
    stop.wait_for(state="hidden")
    assert page.locator(PILL).inner_text() == "PAUSED"
    assert 3.69 <= shown_s(page) <= 4.51
    for _ in range(2):  # the second time it stands still
        page.locator("#live li.card").click()
    comes_to(page, acted, 4.2)
    assert stop.is_hidden()


def test_cards_are_listed_by_what_they_are_and_those_taken_back_only_when_asked_for(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(event(1, 1.0, 1.4), event(2, 2.0, 3.0, kind="macro"), event(3, 4.0, 4.4, phase="revoked"))

    def listed() -> list[str]:
        cards = page.locator("#live li.card:visible")
        return sorted(card.get_attribute("data-id") for card in cards.all())

    acted.until(lambda: listed() == ["1", "2"])
    for name, left in (("1 taken back", ["1", "2", "3"]), ("1 micro", ["2", "3"]), ("1 micro", ["1", "2", "3"])):
        page.get_by_role("button", name=name, exact=True).click()
        assert listed() == left


def test_every_card_names_its_face_once_there_are_several(page: Any, acted: Acted) -> None:
    acted.open()
    acted.say(points(*range(60)), event(1, 0.3, 0.7), points(*range(60, 90), faces=(0, 3)))
    acted.say(event(2, 2.0, 2.4, face_id=3, phase="rising", kind=None))
    acted.until(lambda: page.locator("#live li.card").count() == 2)
    assert page.locator("#live .card-regions").all_inner_texts() == ["Face 3", "Face 0 · Chin ↑ 1.3\N{NO-BREAK SPACE}%"]


@pytest.mark.parametrize(("width", "height"), [(320, 568), (844, 390)])
def test_a_small_phone_has_every_button_in_its_bar_and_one_on_its_side_the_whole_picture(
    page: Any, acted: Acted, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    acted.open()
    acted.say(points(*range(60)))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    stage = page.locator("#live .stage").bounding_box()
    assert stage["y"] + stage["height"] <= height


def test_a_screen_reader_is_told_which_event_is_chosen_and_is_not_read_the_running_time(
    page: Any, acted: Acted
) -> None:
    acted.open()
    acted.say(points(*range(301)), event(1, 4.0, 4.2), event(2, 6.0, 6.2))
    page.locator("#live li.card[data-id='1']").click()
    current = page.locator("#live .card-open[aria-current=true]")
    assert current.get_attribute("aria-label").startswith("micro-expression at 0:04.20")
    assert page.locator("#live .transport-time").get_attribute("aria-live") == "off"
